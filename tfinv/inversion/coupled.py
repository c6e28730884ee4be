"""Pictures in a row that are solved together: what is found for neighbours is kept close.

The sum over k frames of `L(f_j, h_j) + weight * |h_j - h_(j-1)|_1` (thesis, section 8.4) is one
problem, so the k frames are one row of a solver: one line search, one memory of curvature, which
sees how each frame's code depends on its neighbours'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.generators.split import LATENT, Split
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.objective import Objective
from tfinv.inversion.solvers.base import Constrain, Evaluate, Status, unconstrained
from tfinv.inversion.stages import Batch, Stage
from tfinv.inversion.unknowns import CODE

__all__ = ["CoupledStage", "Solved", "smooth_l1"]

_LAST, _THERE, _WEIGHT = "coupled:last", "coupled:there", "coupled:weight"
_KINK = 1e-3  # of the usual size of a number: below it the norm is rounded off
_SAMPLES = 64


@dataclass(frozen=True)
class Solved:
    """What was found for k frames.

    Attributes:
      rows: float32 [k, R], as `unknowns.take_apart` takes them.
      evaluations: of each frame.
      status: a `Status`, of all together.
    """

    rows: np.ndarray
    evaluations: int
    status: Status


class CoupledStage(CompiledStage):
    """A stage whose batch is one problem; its loop is compiled once for each number of frames.

    What is coupled is all that the picture depends on and the stage optimises: the code, and of a z
    beside it the numbers that g2 reads.

    Attributes:
      kink: step of a number below which its absolute value is rounded off; see `smooth_l1`.
    """

    def __init__(self, stage: Stage, split: Split):
        super().__init__(stage, split)
        self.kink = _KINK * _usual_size(split)
        self.objective: _Together = _Together(self.objective, self.kink)

    def references(self, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        """What its loss keeps of targets; see `Batch`."""
        return self.objective.each.loss.references(targets)

    def solve(
        self,
        batch: Batch,
        last: tf.Tensor | np.ndarray,
        there: Sequence[bool] | np.ndarray,
        weight: float,
        on_progress: Callable[[Any], None] | None = None,
    ) -> Solved:
        """Optimises k frames to the end.

        Args:
          batch: of k frames in a row.
          last: float32 [R], the row of the frame before the first of them, which is held.
          there: bool [k], which frames there are; the others fill up a last batch, and nothing is
            computed for them that counts.
          weight: of the norm of the steps.
          on_progress: called with the solver's state every few dozen steps.
        """
        # A unit that rests where it closes cannot come nearer to one that lies beyond.
        held = self.objective.each.constrain(batch.streams[:1])
        last = held(tf.convert_to_tensor(last, tf.float32)[tf.newaxis], tf.zeros(1, tf.int32))[0]
        extra = {
            _LAST: last,
            _THERE: tf.constant(np.asarray(there, np.float32)),
            _WEIGHT: tf.constant(weight, tf.float32),
        }
        batch = replace(batch, references={**batch.references, **extra})
        frontier, state = self.frontier(batch), self.begin(batch)
        while int(state.status[0]) == Status.RUNNING:
            state, _ = self.advance(state, batch, frontier, 1)
            if on_progress is not None:
                on_progress(state)
        rows = tf.reshape(state.best_code, [len(batch.anchor), -1]).numpy()
        return Solved(rows, int(state.evaluations[0]), Status(int(state.status[0])))


class _Together:
    """The objective of k frames as that of one row; has what `CompiledStage` asks of one."""

    def __init__(self, each: Objective, kink: float):
        self.each, self._kink = each, kink
        self._counts = _coupled_numbers(each.split)

    def start(self, batch: Batch) -> tf.Tensor:
        return tf.reshape(self.each.start(batch), [1, -1])

    def evaluate(
        self,
        targets: tf.Tensor,
        references: Mapping[str, tf.Tensor],
        anchors: tf.Tensor,
        frontier: Sequence[tf.Tensor],
    ) -> Evaluate:
        each = self.each.evaluate(targets, references, anchors, frontier)
        last, there, weight = (references[name] for name in (_LAST, _THERE, _WEIGHT))
        frames = anchors.shape[0]

        def evaluate(rows: tf.Tensor, leak: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            points = tf.reshape(rows, [frames, -1])
            losses, gradients = each(points, tf.repeat(leak, frames))
            steps = points - tf.concat([last[tf.newaxis], points[:-1]], 0)
            sizes, slopes = smooth_l1(steps, self._kink)
            # A product would make 0 times infinity of a frame that is not there.
            counts = (there[:, tf.newaxis] > 0.0) & self._counts
            slopes = weight * tf.where(counts, slopes, 0.0)
            gradients = tf.where(there[:, tf.newaxis] > 0.0, gradients, 0.0) + slopes
            gradients -= tf.concat([slopes[1:], tf.zeros_like(slopes[:1])], 0)
            total = tf.reduce_sum(tf.where(there > 0.0, losses, 0.0))
            total += weight * tf.reduce_sum(tf.where(counts, sizes, 0.0))
            return total[tf.newaxis], tf.reshape(gradients, [1, -1])

        return evaluate

    def constrain(self, keys: tf.Tensor) -> Constrain:
        each, frames = self.each.constrain(keys), keys.shape[0]
        if each is unconstrained:
            return unconstrained

        def constrain(points: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
            apart = tf.reshape(points, [frames, -1])
            return tf.reshape(each(apart, tf.repeat(draws, frames)), [1, -1])

        return constrain

    def no_gradient(self, name: str) -> str:
        return self.each.no_gradient(name)


def smooth_l1(steps: tf.Tensor, kink: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Absolute values that have a gradient at 0: `sqrt(x^2 + kink^2) - kink`.

    L-BFGS takes differences of gradients for curvature, and at a corner there is none. This is
    |x| less at most `kink`, and 0 at 0.

    Args:
      steps: float32 [...].
      kink: positive.

    Returns:
      The values and their derivatives, float32 [...] each.
    """
    lengths = tf.sqrt(tf.square(steps) + kink * kink)
    return lengths - kink, steps / lengths


def _coupled_numbers(split: Split) -> np.ndarray:
    """Which numbers of a row of `unknowns.join` are coupled; bool [R]."""
    flags = {
        CODE: np.ones(int(np.prod(split.code_shape)), bool),
        LATENT: split.latent_read,
        "labels": np.ones(split.classes or 0, bool),
    }
    return np.concatenate([flags[name] for name in (CODE, *split.free)])


def _usual_size(split: Split) -> float:
    """Mean absolute value of a code's numbers, of latents from N(0, I)."""
    z = np.random.default_rng(0).standard_normal((_SAMPLES, split.latent_size)).astype(np.float32)
    labels = None
    if split.conditional:
        labels = np.arange(_SAMPLES, dtype=np.int32) % (split.classes or 1)
    size = float(np.abs(split.g1(z, labels).numpy()).mean())
    return size if size > 0.0 else 1.0
