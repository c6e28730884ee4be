"""The engine: batches of pictures through the stages of an inversion."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork
from tfinv.generators.generator import Generator
from tfinv.images import metrics
from tfinv.images.ranges import to_float
from tfinv.inversion.begin import Standing, begin
from tfinv.inversion.constraints import Constraint, find_constraint
from tfinv.inversion.features import parse_loss
from tfinv.inversion.losses import Loss
from tfinv.inversion.options import make_stages
from tfinv.inversion.restarts import restarted
from tfinv.inversion.result import InversionResult, StageResult
from tfinv.inversion.solvers.base import SolverState, Status
from tfinv.inversion.stages import Batch, CompiledStage, Stage
from tfinv.inversion.starts import Start, find_starts
from tfinv.inversion.unknowns import CODE, PARTS, take_apart

__all__ = ["Inverter", "OnProgress"]

_OUTSIDE = 1e-3  # how far a resized float picture may overshoot

OnProgress = Callable[[Stage, SolverState], None]


class Inverter:
    """Finds the codes that draw given pictures.

    The default is the thesis's method (section 6.3.1): first the latent z*, then, from g1(z*), the
    first dense layer. Every image is solved and ends on its own: no other image of its batch, nor
    the batch size, decides its result.

    Args:
      generator: from `tfinv.load_generator`.
      stages: a layer or several in order, from the latent towards the picture, or `Stage`s.
      labels: int [M], the class of each image that will be inverted; for conditional generators. Or
        float [M, classes], weights of the classes, where labels are one-hot: they are given to the
        generator as they are, and are where "labels" in `optimize` starts.
      loss: what stages given by name minimise, a sum of terms by name.
      features: the network of the term "features".
      start: where the first stage starts: a name, or a `Start`; or one for each stage. Otherwise
        later ones start where the one before ended, but for one that follows the latent and whose
        closed units rest, which starts with all units open.
      restarts: how often an image whose RMSE the first stage has not brought below
        `metrics.RECOVERED` begins that stage again elsewhere; it keeps its best.
      solver: of stages given by name.
      max_evaluations: budget of each image, for all stages given by name or one for each; the
        solver's own default if None.
      relu_leak: share of a negative gradient that a closed ReLU lets through at first; the
        solver's own default if None.
      leak_schedule: how that falls: "off", "fixed", "decaying" or "stepped"; the solver's own
        default if None.
      batch_size: images at a time.
      seed: of the starts.
      optimize: what stages given by name optimise, out of "code", "latent" and "labels": the code
        always; "latent", the part of z that g2 reads behind the cut; "labels", weights of the
        classes in the place of a label, of a generator that takes one-hot labels. None for the code
        and the latent where g2 reads it, as the thesis does (section 6.3).
      constraint: what z must keep to wherever stages given by name optimise it: "clip:2",
        "stochastic_clip:2", or a `Constraint`; None for nothing.

    Raises:
      UserError: if a name is unknown or the options do not fit together.
    """

    def __init__(
        self,
        generator: Generator,
        stages: str | Stage | Sequence[str | Stage] = ("latent", "dense"),
        *,
        labels: Sequence[int] | np.ndarray | None = None,
        loss: str | Loss = "mse",
        features: FeatureNetwork | None = None,
        start: str | Start | Sequence[str | Start] = "prior",
        restarts: int = 0,
        solver: str = "lbfgs",
        max_evaluations: int | Sequence[int] | None = None,
        relu_leak: float | None = None,
        leak_schedule: str | None = None,
        batch_size: int = 16,
        seed: int = 0,
        optimize: Sequence[str] | None = None,
        constraint: str | Constraint | None = None,
    ):
        if batch_size < 1:
            raise UserError(f"batch size {batch_size} is too small: it is at least 1")
        self.generator, self.batch_size, self.seed = generator, batch_size, seed
        self._labels = None if labels is None else self._check_labels(labels)
        self._stages = make_stages(
            generator,
            stages,
            loss=parse_loss(loss, features, generator.image_shape),
            solver=solver,
            max_evaluations=max_evaluations,
            relu_leak=relu_leak,
            leak_schedule=leak_schedule,
            optimize=optimize,
            constraint=find_constraint(constraint) if isinstance(constraint, str) else constraint,
        )
        splits = [compiled.split for compiled in self._stages]
        self._starts = find_starts(start, splits, restarts, self.rests)
        self._restarts = restarts
        self._losses = sum((stage.loss for stage in self._stages), Loss(()))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order."""
        return tuple(compiled.stage for compiled in self._stages)

    @property
    def rests(self) -> tuple[bool, ...]:
        """Whether closed units rest at each stage; see `tfinv.inversion.resting`."""
        return tuple(compiled.hinge is not None for compiled in self._stages)

    @property
    def optimize(self) -> tuple[str, ...]:
        """What is optimised, out of "code", "latent" and "labels", in one stage or another."""
        free = {name for compiled in self._stages for name in compiled.split.free}
        return tuple(name for name in PARTS if name == CODE or name in free)

    def run(
        self, images: np.ndarray | Sequence[np.ndarray], on_progress: OnProgress | None = None
    ) -> InversionResult:
        """Inverts pictures, batch after batch.

        Args:
          images: float32 [N, H, W, C] in [0, 1], of the generator's own size.
          on_progress: called with the stage and the solver's state, before its first step and every
            few dozen. In a restart, rows are images tried again, in an order of their own.

        Returns:
          One row for each image, in their order.

        Raises:
          UserError: if the images do not fit the generator, or labels are missing.
        """
        images = self._check(images)
        labels = self._labels
        if labels is not None and len(labels) != len(images):
            raise UserError(f"{len(labels)} labels do not fit {len(images)} images: give one each")
        parts = []
        size = min(self.batch_size, len(images))
        for first in range(0, len(images), size):
            rows = range(first, min(first + size, len(images)))
            batch_labels = None if labels is None else labels[rows.start : rows.stop]
            parts.append(
                self.run_batch(
                    images[rows.start : rows.stop], rows, batch_labels, on_progress, fill_to=size
                )
            )
        return InversionResult.join(parts)

    def run_batch(
        self,
        images: np.ndarray,
        indices: Sequence[int],
        labels: np.ndarray | None = None,
        on_progress: OnProgress | None = None,
        *,
        fill_to: int | None = None,
    ) -> InversionResult:
        """Inverts pictures at once.

        Args:
          images: float32 [B, H, W, C] in [0, 1].
          indices: which image of the run each one is; its start depends on this and the seed.
          labels: int [B], or float [B, classes], for conditional generators.
          on_progress: as for `run`.
          fill_to: compute on so many rows, the shape of the other batches, so that nothing is
            compiled again for a short one; no fewer than there are images.

        Returns:
          One row for each image.
        """
        images = self._check(images)
        if self.generator.conditional and labels is None:
            raise UserError(f"{self.generator.path} is conditional: give a label for each image")
        count = len(images)
        # Shapes stay static: a short last batch is filled up with copies, which are dropped again.
        filled = np.minimum(np.arange(max(count, fill_to or self.batch_size)), count - 1)
        indices = [indices[k] for k in filled]
        targets = tf.constant(images[filled])
        labels = None if labels is None else self._check_labels(labels)[filled]

        references = self._losses.references(targets)
        at = Standing(targets, references, indices, [self.seed] * len(indices), labels)
        results = []
        for number, stage in enumerate(self._stages):
            found = self._optimise(number, at, on_progress)
            if number == 0 and self._restarts:
                first = found.take(range(count))
                again = functools.partial(self._try_again, at, on_progress)
                found = restarted(first, self._restarts, len(filled), again).take(filled)
            results.append(found.take(range(count)))
            at = at.after(stage.split, found)
        return InversionResult(
            stages=tuple(results),
            labels=None if labels is None or _are_weights(labels) else labels[:count],
        )

    def _optimise(self, number: int, at: Standing, on_progress: OnProgress | None) -> StageResult:
        """One stage of a batch, from its start to its end."""
        stage = self._stages[number]
        batch, spent = begin(stage, self._starts[number], at)
        report = None if on_progress is None else _bound(on_progress, stage.stage)
        return _stage_result(stage, batch, stage.run(batch, report), spent)

    def _try_again(
        self,
        at: Standing,
        on_progress: OnProgress | None,
        rows: Sequence[int],
        attempts: Sequence[int],
    ) -> StageResult:
        """The first stage from other starts, on as many rows as the loop is compiled for."""
        filled = np.minimum(np.arange(len(at.indices)), len(rows) - 1)
        again = at.again([rows[k] for k in filled], [attempts[k] for k in filled])
        return self._optimise(0, again, on_progress).take(range(len(rows)))

    def _check_labels(self, labels: Sequence[int] | np.ndarray) -> np.ndarray:
        """Labels as int32 [N], or weights of classes as float32 [N, classes]."""
        given = np.asarray(labels)
        if given.ndim == 2 and given.dtype.kind == "f":
            return self.generator.inputs.label_weights(given).numpy()
        return self.generator.check_labels(labels)

    def _check(self, images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        try:
            images = np.asarray(images)
        except ValueError:
            raise UserError("the images are of different shapes: resize them to one") from None
        if images.ndim != 4 or images.shape[1:] != self.generator.image_shape or not len(images):
            raise UserError(
                f"images of shape {list(images.shape)} do not fit {self.generator.path}: "
                f"[count, {', '.join(map(str, self.generator.image_shape))}] is needed"
            )
        if images.dtype == np.uint8:
            return to_float(images)
        images = images.astype(np.float32)
        # A pixel that is not finite fails its own image later, and no other.
        finite = images[np.isfinite(images)]
        low, high = finite.min(initial=0.0), finite.max(initial=0.0)
        if low < -_OUTSIDE or high > 1 + _OUTSIDE:
            raise UserError(
                f"pixels from {low:.3g} to {high:.3g} are not in [0, 1]: scale the images, or give "
                "uint8"
            )
        return images


def _stage_result(compiled: CompiledStage, batch: Batch, state: Any, spent: int) -> StageResult:
    """What a stage found, `spent` evaluations before its first step included."""
    split = compiled.split
    parts = take_apart(split, state.best_code)
    code = tf.reshape(parts[CODE], [-1, *split.code_shape])
    latents = code if split.is_latent else parts.get("latent", batch.latents)
    labels = parts.get("labels", batch.labels)
    images = np.clip(split.g2(code, latents, labels).numpy(), 0.0, 1.0)
    return StageResult(
        layer=compiled.stage.layer,
        codes=code.numpy(),
        latents=latents.numpy(),
        images=images,
        rmse=metrics.rmse(images, batch.targets.numpy()),
        losses=state.best_loss.numpy(),
        evaluations=state.evaluations.numpy() + np.int32(spent),
        status=tuple(Status(int(value)).text for value in state.status),
        label_weights=np.asarray(labels) if _are_weights(labels) else None,
    )


def _are_weights(labels: Any) -> bool:
    return labels is not None and tf.as_dtype(labels.dtype).is_floating


def _bound(on_progress: OnProgress, stage: Stage) -> Callable[[Any], None]:
    return lambda state: on_progress(stage, state)
