"""The engine: pictures through the stages of an inversion."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork
from tfinv.generators.generator import Generator
from tfinv.inversion.constraints import Constraint, find_constraint
from tfinv.inversion.degradations import Degradation, find_degradation
from tfinv.inversion.features import parse_loss
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.options import make_stages
from tfinv.inversion.pipeline import OnProgress, Pipeline
from tfinv.inversion.result import InversionResult, StageResult
from tfinv.inversion.slots import are_weights
from tfinv.inversion.stages import Stage
from tfinv.inversion.starts import Start, find_starts
from tfinv.inversion.targets import check_targets, listed
from tfinv.inversion.tickets import Ticket
from tfinv.inversion.unknowns import CODE, PARTS

__all__ = ["Inverter", "OnProgress"]


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
        closed units rest, which starts with all units open, unless there is a degradation.
      restarts: how often an image whose RMSE the first stage has not brought below
        `metrics.RECOVERED` begins that stage again elsewhere; it keeps its best. Through a
        degradation every image does, and keeps the least loss.
      solver: of stages given by name.
      max_evaluations: budget of each image, for all stages given by name or one for each; the
        solver's own default if None.
      relu_leak: share of a negative gradient that a closed ReLU lets through at first; the
        solver's own default if None.
      leak_schedule: how that falls: "off", "fixed", "decaying" or "stepped"; the solver's own
        default if None.
      closed_units: "rest" or "free": whether units that only a ReLU reads stay where they close, or
        may go beyond (see `tfinv.inversion.resting`); the solver's own default if None.
      batch_size: images at a time: each stage has so many slots, and an image that is done leaves
        its own to the next.
      seed: of the starts.
      optimize: what stages given by name optimise, out of "code", "latent" and "labels": the code
        always; "latent", the part of z that g2 reads behind the cut; "labels", weights of the
        classes in the place of a label, of a generator that takes one-hot labels. None for the code
        and the latent where g2 reads it, as the thesis does (section 6.3).
      constraint: what z must keep to wherever stages given by name optimise it: "clip:2",
        "stochastic_clip:2", or a `Constraint`; None for nothing.
      degradation: through what drawn pictures are seen before they are compared: "downsample:4",
        "center:0.25", or a `Degradation`. What is inverted are its observations then, and the RMSE
        is over what they know. None if pictures are compared as they are.

    Attributes:
      target_shape: of one image that is inverted: the generator's, or that of an observation.

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
        closed_units: str | None = None,
        batch_size: int = 16,
        seed: int = 0,
        optimize: Sequence[str] | None = None,
        constraint: str | Constraint | None = None,
        degradation: str | Degradation | None = None,
    ):
        _check_count("batch size", batch_size, 1)
        _check_count("seed", seed, 0)
        self.generator, self.batch_size, self.seed = generator, batch_size, seed
        shape = generator.image_shape
        if isinstance(degradation, str):
            degradation = find_degradation(degradation, shape)
        elif degradation is not None and degradation.image_shape != shape:
            there, here = ("x".join(map(str, s)) for s in (degradation.image_shape, shape))
            raise UserError(
                f"{degradation} is for pictures of {there}, and {generator.path} draws {here}: "
                "find_degradation(..., generator.image_shape) makes one that fits"
            )
        self.degradation = degradation
        self.target_shape = shape if degradation is None else degradation.shape
        compared = shape if degradation is None else degradation.seen_shape
        self._labels = None if labels is None else self.check_labels(labels)
        self._stages = make_stages(
            generator,
            stages,
            loss=parse_loss(loss, features, compared),
            solver=solver,
            max_evaluations=max_evaluations,
            relu_leak=relu_leak,
            leak_schedule=leak_schedule,
            closed_units=closed_units,
            optimize=optimize,
            constraint=find_constraint(constraint) if isinstance(constraint, str) else constraint,
            degradation=degradation,
        )
        splits = [compiled.split for compiled in self._stages]
        # With all units open, what the stage before made of the unseen would be forgotten.
        opens = self.rests if degradation is None else (False,) * len(splits)
        self._starts = find_starts(start, splits, restarts, opens)
        self._restarts = restarts
        self._losses = sum((stage.objective.loss for stage in self._stages), Loss(()))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order."""
        return tuple(compiled.stage for compiled in self._stages)

    @property
    def rests(self) -> tuple[bool, ...]:
        """Whether closed units rest at each stage; see `tfinv.inversion.resting`."""
        return tuple(compiled.objective.hinge is not None for compiled in self._stages)

    @property
    def last_stage(self) -> CompiledStage:
        """With its cut and its loops."""
        return self._stages[-1]

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
          images: float32 [N, H, W, C] in [0, 1], of the generator's own size; or observations,
            float32 [N, *target_shape].
          on_progress: called with the stage and the solver's state, before its first step and every
            few dozen. Rows are slots: the images in their order while there are no more of them,
            and none is tried again.

        Returns:
          One row for each image, in their order.

        Raises:
          UserError: if the images do not fit the generator, or labels are missing.
        """
        images = check_targets(images, self.generator, self.degradation)
        labels = self._labels
        if labels is not None and len(labels) != len(images):
            raise UserError(f"{len(labels)} labels do not fit {len(images)} images: give one each")
        size = min(self.batch_size, len(images))
        return self.run_batch(images, range(len(images)), labels, on_progress, slots=size)

    def run_batch(
        self,
        images: np.ndarray,
        indices: Sequence[int],
        labels: np.ndarray | None = None,
        on_progress: OnProgress | None = None,
        *,
        slots: int | None = None,
    ) -> InversionResult:
        """Inverts pictures that are some of a larger run.

        Args:
          images: as for `run`.
          indices: which image of the run each one is; its start depends on this and the seed.
          labels: int [N], or float [N, classes], for conditional generators.
          on_progress: as for `run`.
          slots: how many are worked on at once, by default the batch size.

        Returns:
          One row for each image, in their order.
        """
        images = check_targets(images, self.generator, self.degradation)
        given = self.check_labels(labels)
        for what, rows in (("indices", indices), ("labels", given)):
            if rows is not None and len(rows) != len(images):
                raise UserError(
                    f"{len(rows)} {what} do not fit {len(images)} images: give one each"
                )
        if slots is not None:
            _check_count("number of slots", slots, 1)
        tickets = (
            Ticket(row, index, images[row], None if given is None else given[row])
            for row, index in enumerate(indices)
        )
        pipeline = self.pipeline(tickets, slots=slots, on_progress=on_progress)
        done = sorted(pipeline.run(), key=lambda ticket: ticket.place)
        stages = zip(*(ticket.found for ticket in done), strict=True)
        return InversionResult(
            stages=tuple(StageResult.join(stage) for stage in stages),
            labels=None if are_weights(given) else given,
            spending=pipeline.spending,
        )

    def pipeline(
        self,
        tickets: Iterable[Ticket] = (),
        *,
        slots: int | None = None,
        on_progress: OnProgress | None = None,
        seconds: float | None = None,
    ) -> Pipeline:
        """The stages, ready to take in a stream of images.

        Args:
          tickets: of images that fit the generator, with labels where it is conditional.
          slots: how many are worked on at once in each stage, by default the batch size.
          on_progress: as for `run`.
          seconds: see `Pipeline`.
        """
        return Pipeline(
            self._stages,
            self._starts,
            slots or self.batch_size,
            self.seed,
            self._references,
            restarts=self._restarts,
            source=tickets,
            on_progress=on_progress,
            seconds=seconds,
        )

    def _references(self, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        if self.degradation is not None:
            targets, _ = self.degradation.take_apart(targets)
        return self._losses.references(targets)

    def check_labels(self, labels: Sequence[int] | np.ndarray | None) -> np.ndarray | None:
        """Labels as the stages take them: int32 [N], or weights float32 [N, classes], or None.

        Raises:
          UserError: if they do not fit the generator, or are missing.
        """
        if labels is None:
            if self.generator.conditional:
                raise UserError(
                    f"{self.generator.path} is conditional: give a label for each image"
                )
            return None
        given = np.asarray(listed(labels))
        if given.ndim == 2 and given.dtype.kind == "f":
            return self.generator.inputs.label_weights(given).numpy()
        return self.generator.check_labels(given)


def _check_count(what: str, value: Any, least: int) -> None:
    if not isinstance(value, numbers.Integral):
        raise UserError(f"{what} {value!r} is no whole number")
    if value < least:
        raise UserError(f"{what} {value} is too small: it is at least {least}")
