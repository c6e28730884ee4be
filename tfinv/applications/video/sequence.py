"""Algorithm 2 of the thesis: the first frame, then batches of frames from the last one's code."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfinv.applications.codes import Codes, draw
from tfinv.errors import UserError
from tfinv.generators.split import LATENT
from tfinv.images.metrics import rmse
from tfinv.inversion.constraints import streams
from tfinv.inversion.coupled import CoupledStage
from tfinv.inversion.engine import Inverter
from tfinv.inversion.result import StageResult
from tfinv.inversion.stages import Batch
from tfinv.inversion.unknowns import CODE, free_names, join, take_apart

__all__ = ["Found", "Keep", "VideoInverter"]


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """What one stage has found for N frames.

    Attributes:
      codes: float32 [N, *code_shape].
      latents: float32 [N, latent_size], which g2 needs beside the codes where it reads z.
      images: float32 [N, H, W, C] in [0, 1], drawn from them.
      rmse: float64 [N].
      evaluations: int32 [N].
      status: N phrases; one that begins with "failed" says why.
    """

    codes: np.ndarray
    latents: np.ndarray
    images: np.ndarray
    rmse: np.ndarray
    evaluations: np.ndarray
    status: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """By the names of the attributes."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def take(self, rows: slice) -> Found:
        """Some of the frames."""
        return Found(**{name: values[rows] for name, values in self.arrays().items()})

    @staticmethod
    def join(parts: Sequence[Found]) -> Found:
        """Frames of one stage behind each other."""
        names = [field.name for field in dataclasses.fields(Found)]
        return Found(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})

    @staticmethod
    def of(result: StageResult) -> Found:
        """What an `Inverter` has found."""
        return Found(
            result.codes,
            result.latents,
            result.images,
            np.asarray(result.rmse),
            np.asarray(result.evaluations),
            np.asarray(result.status, np.str_),
        )


Keep = Callable[[str, Sequence[int], Callable[[], Found]], Found]
"""(name, numbers of the frames, what computes it) to what that found, now or in an earlier run."""


def _now(name: str, frames: Sequence[int], compute: Callable[[], Found]) -> Found:
    del name, frames
    return compute()


class VideoInverter:
    """Inverts frames in a row at the stages of an `Inverter`, which inverts the first of them.

    For every stage, as the thesis has it (section 8.4, algorithm 2): all frames of a batch start
    from what was found for the last frame before it, and minimise together

        sum over j of L(f_j, h_j) + weight * |h_j - h_(j-1)|_1

    What z is beside the code goes with it where g2 reads it; where it does not, it is what the
    stage before has found for the frame, so that delta is measured from there.

    Args:
      inverter: with its stages, losses and budgets. Labels are held.
      at_once: k, the frames of a batch.
      on_progress: called every few dozen steps with what is being done.

    Raises:
      UserError: if the inverter optimises labels.
    """

    def __init__(
        self,
        inverter: Inverter,
        at_once: int = 8,
        on_progress: Callable[[str], None] = lambda text: None,
    ):
        if "labels" in inverter.optimize:
            raise UserError("labels are held in a video: drop labels from optimize")
        self.inverter, self.at_once = inverter, at_once
        self._on_progress = on_progress
        generator = inverter.generator
        self.stages = [
            CoupledStage(stage, generator.split(stage.layer, free_names(stage.optimize)))
            for stage in inverter.stages
        ]

    def run(
        self,
        frames: np.ndarray,
        weights: Sequence[float],
        label: int | None = None,
        keep: Keep = _now,
    ) -> list[Found]:
        """Inverts a video.

        Args:
          frames: float32 [N, H, W, C] in [0, 1], of the generator's own size, in a row; N >= 2.
          weights: of the norm of the steps, for each stage.
          label: their class, for a conditional generator.
          keep: called for each batch of each stage, in order.

        Returns:
          What each stage has found.
        """
        if len(weights) != len(self.stages):
            raise UserError(
                f"{len(weights)} weights do not fit {len(self.stages)} stages: give one each"
            )

        @functools.cache
        def begin() -> list[Found]:
            return self._each(frames, range(1), label)

        done: list[Found] = []
        for number, weight in enumerate(weights):
            parts = [keep(f"{number}-{0:06d}", range(1), lambda n=number: begin()[n])]
            for first in range(1, len(frames), self.at_once):
                rows = range(first, min(first + self.at_once, len(frames)))
                own = done[-1].take(slice(rows.start, rows.stop)) if done else None

                def solve(number=number, rows=rows, own=own, last=parts[-1], weight=weight):
                    return self._follow(number, frames, rows, label, last, own, weight)

                parts.append(keep(f"{number}-{first:06d}", rows, solve))
            done.append(Found.join(parts))
        return done

    def run_apart(
        self, frames: np.ndarray, label: int | None = None, keep: Keep = _now
    ) -> list[Found]:
        """Inverts every frame as a picture of its own; for the arguments see `run`."""
        batches = []
        for first in range(0, len(frames), self.at_once):
            rows = range(first, min(first + self.at_once, len(frames)))

            @functools.cache
            def solve(rows=rows) -> list[Found]:
                return self._each(frames, rows, label)

            batches.append(
                [
                    keep(f"{number}-{first:06d}", rows, lambda n=number, solve=solve: solve()[n])
                    for number in range(len(self.stages))
                ]
            )
        return [Found.join(parts) for parts in zip(*batches, strict=True)]

    def _each(self, frames: np.ndarray, rows: range, label: int | None) -> list[Found]:
        def tell(stage, state) -> None:
            count = int(np.max(state.evaluations))
            self._on_progress(f"{stage.layer}, {count} evaluations")

        labels = None if label is None else [label] * len(rows)
        found = self.inverter.run_batch(
            frames[rows.start : rows.stop], rows, labels, tell, slots=len(rows)
        )
        return [Found.of(stage) for stage in found.stages]

    def _follow(
        self,
        number: int,
        frames: np.ndarray,
        rows: range,
        label: int | None,
        before: Found,
        own: Found | None,
        weight: float,
    ) -> Found:
        """One batch of a stage: `before` ends with the frame before it."""
        stage, count = self.stages[number], len(rows)
        # The last batch is filled up, so that every batch has one shape and one compiled loop.
        filled = [*range(count), *[count - 1] * (self.at_once - count)]
        batch = self._batch(stage, frames, np.asarray(rows)[filled], filled, label, before, own)
        labels = None if label is None else np.array([label], np.int32)
        last = join(stage.split, tf.constant(before.codes[-1:]), before.latents[-1:], labels)[0]

        def tell(state) -> None:
            spent = int(state.evaluations[0])
            layer = stage.stage.layer
            self._on_progress(f"{layer}, frames {rows[0]} to {rows[-1]}, {spent} evaluations")

        there = np.arange(self.at_once) < count
        solved = stage.solve(batch, last, there, weight, tell)
        parts = take_apart(stage.split, tf.constant(solved.rows[:count]))
        codes = parts[CODE].numpy().reshape(count, *stage.split.code_shape)
        latents = codes if stage.split.is_latent else np.asarray(batch.latents)[:count]
        if LATENT in stage.split.free:
            latents = parts[LATENT].numpy()
        points = Codes(codes, latents, None if labels is None else np.repeat(labels, count))
        images = draw(stage.split, points)
        return Found(
            codes,
            latents,
            images,
            rmse(images, frames[rows.start : rows.stop]),
            np.full(count, solved.evaluations, np.int32),
            np.full(count, solved.status.text),
        )

    def _batch(
        self,
        stage: CoupledStage,
        frames: np.ndarray,
        indices: np.ndarray,
        filled: Sequence[int],
        label: int | None,
        before: Found,
        own: Found | None,
    ) -> Batch:
        split = stage.split
        start = tf.repeat(tf.constant(before.codes[-1:]), len(filled), 0)
        labels = None if label is None else tf.fill([len(filled)], np.int32(label))
        if split.is_latent:
            latents = anchor = start
        else:
            # Without a stage before there is only what belongs to the last frame's code.
            mine = before.latents[[-1] * len(filled)] if own is None else own.latents[list(filled)]
            anchor = split.g1(mine, labels)
            latents = tf.constant(np.where(split.latent_read, before.latents[-1:], mine))
        targets = tf.constant(frames[indices])
        keys = streams([int(index) for index in indices], self.inverter.seed)
        return Batch(targets, latents, labels, start, anchor, stage.references(targets), keys)
