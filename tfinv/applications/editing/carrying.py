"""Carries a wish about pictures into their codes, by the gradient.

The wish is a loss term; beside it stands a penalty on leaving the code that the picture has now,
so that of all codes that fulfil the wish a near one is found, and the rest of the picture stays
(Zhu et al., "Generative visual manipulation on the natural image manifold", 2016; thesis, section
8.3). It is one stage of an inversion, compiled like one, that starts at the stored code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfinv.applications.codes import Codes
from tfinv.applications.editing.vectors import as_rows
from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss, Term
from tfinv.inversion.solvers.base import Status
from tfinv.inversion.solvers.lbfgs import LBFGS
from tfinv.inversion.stages import Batch, Stage
from tfinv.inversion.trial import Trial
from tfinv.inversion.unknowns import CODE, free_names, take_apart

__all__ = ["NORMS", "PENALTY", "Carried", "Carrier"]

_LATENT_START, _SIZE = "latent at the start", "size at the start"
_TINY = 1e-12

PENALTY = 0.01
"""The usual weight of leaving the start."""


@dataclasses.dataclass(frozen=True, eq=False)
class Carried:
    """N pictures whose codes have been moved.

    Attributes:
      points: where to.
      images: float32 [N, H, W, C] in [0, 1], drawn from there.
      distance: float64 [N], Euclidean distance of the codes, and of what is read of z beside them,
        from where they were.
      evaluations: int32 [N], forward and backward passes spent.
      status: N phrases; one that begins with "failed" says why.
    """

    points: Codes
    images: np.ndarray
    distance: np.ndarray
    evaluations: np.ndarray
    status: tuple[str, ...]


def squared(trial: Trial) -> tf.Tensor:
    """|h - h0|^2 / |h0|^2, z counted in where it moves beside the code; float32 [B] in [0, inf)."""
    moved = tf.add_n([tf.reduce_sum(tf.square(moved), 1) for moved in _moved(trial)])
    return moved / trial.references[_SIZE]


def absolute(trial: Trial) -> tf.Tensor:
    """|h - h0|_1 / |h0|_1 likewise, which favours few changed units; float32 [B] in [0, inf)."""
    moved = tf.add_n([tf.reduce_sum(tf.abs(moved), 1) for moved in _moved(trial)])
    return moved / trial.references[_SIZE]


NORMS = {"l2": Term("leaving", squared), "l1": Term("leaving", absolute)}
"""The penalties on leaving the start, relative to its size: one weight suits every layer."""

_SIZES = {"l2": np.square, "l1": np.abs}


def _moved(trial: Trial) -> list[tf.Tensor]:
    # The anchor of these batches is their start.
    moved = [trial.code - trial.anchor]
    if trial.latent is not None and _LATENT_START in trial.references:
        moved.append(trial.latent - trial.references[_LATENT_START])
    return moved


class Carrier:
    """Moves the codes of one layer; every picture on its own, whatever else is in its batch.

    Args:
      generator: any.
      layer: where, as for `Generator.split`. Of z, what is read behind it moves with the code.
      wish: what is minimised beside the penalty; its terms find in `Trial.references` what
        `__call__` is given.
      penalty: weight of leaving the start, which costs so much at a step as long as the code is; 0
        for none.
      norm: a name in `NORMS`.
      max_evaluations: of each picture.
      batch_size: pictures at a time.

    Raises:
      UserError: if the penalty is negative or the layer has no gradient.
    """

    def __init__(
        self,
        generator: Generator,
        layer: str,
        wish: Loss,
        *,
        penalty: float = PENALTY,
        norm: str = "l2",
        max_evaluations: int = 200,
        batch_size: int = 16,
    ):
        if not 0.0 <= penalty < float("inf"):
            raise UserError(f"a penalty of {penalty:g} is no weight: it is 0 or more")
        if norm not in NORMS:
            raise UserError(f"norm {norm!r} is not known: it is one of {', '.join(NORMS)}")
        loss = wish + penalty * Loss.of(NORMS[norm]) if penalty else wish
        # Closed units do not rest: the penalty sees where they are, though no picture shows it.
        solver = LBFGS(max_evaluations=max_evaluations, rests=False)
        split = generator.split(layer, free_names(None))
        self.batch_size, self._norm = batch_size, norm
        self._stage = CompiledStage(Stage(layer, loss, solver), split)

    def __call__(
        self,
        points: Codes,
        images: np.ndarray,
        references: Mapping[str, np.ndarray],
        on_progress: Callable[[int], None] = lambda evaluations: None,
    ) -> Carried:
        """Moves codes.

        Args:
          points: N of them at the layer, with latents if they are read behind it.
          images: float32 [N, H, W, C] in [0, 1], the `targets` of the terms.
          references: what else the terms read, with a row for each picture.
          on_progress: called every few dozen steps with the evaluations of the furthest picture.
        """
        parts = []
        for first in range(0, len(points), self.batch_size):
            last = min(first + self.batch_size, len(points))
            # The last batch is filled up with its last picture: one shape is compiled once.
            filled = min(self.batch_size, len(points))
            rows = [min(row, last - 1) for row in range(first, first + filled)]
            chosen = {name: values[rows] for name, values in references.items()}
            found = self._carry(points.take(rows), images[rows], chosen, on_progress)
            parts.append([value[: last - first] for value in found])
        columns = zip(*parts, strict=True)
        codes, latents, pictures, evaluations, status = map(np.concatenate, columns)
        split = self._stage.split
        if split.is_latent:
            latents = codes
        elif points.latents is None:
            latents = None
        moved = points.replace(codes=codes, latents=latents)
        steps = as_rows(split, moved) - as_rows(split, points)
        return Carried(
            moved,
            pictures,
            np.linalg.norm(steps, axis=1),
            evaluations,
            tuple(Status(int(value)).text for value in status),
        )

    def _carry(
        self,
        points: Codes,
        images: np.ndarray,
        references: Mapping[str, np.ndarray],
        on_progress: Callable[[int], None],
    ) -> list[np.ndarray]:
        """One batch: codes, latents, pictures, evaluations, statuses."""
        split = self._stage.split
        latents, labels = points.latents, points.labels
        if latents is None:
            latents = np.zeros([len(points), split.latent_size], np.float32)
        if labels is not None:
            labels = tf.constant(labels, tf.float32 if np.ndim(labels) == 2 else tf.int32)
        given = {name: tf.constant(values, tf.float32) for name, values in references.items()}
        if "latent" in split.free:
            given[_LATENT_START] = tf.constant(latents)
        sizes = _SIZES[self._norm](as_rows(split, points)).sum(1)
        given[_SIZE] = tf.constant(np.maximum(sizes, _TINY), tf.float32)
        start = tf.constant(points.codes)
        batch = Batch(tf.constant(images), tf.constant(latents), labels, start, start, given)

        def watch(state) -> None:
            on_progress(int(np.max(state.evaluations)))

        state = self._stage.run(batch, watch)
        parts = take_apart(split, state.best_code)
        code = tf.reshape(parts[CODE], [-1, *split.code_shape])
        beside = parts.get("latent", latents)
        pictures = np.clip(split.g2(code, beside, labels).numpy(), 0.0, 1.0)
        return [np.asarray(v) for v in (code, beside, pictures, state.evaluations, state.status)]
