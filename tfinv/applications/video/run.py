"""A video into a folder: batch by batch, each of which is computed once; then what it shows."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from tfinv.applications.codes import Codes, draw
from tfinv.applications.outcome import Outcome
from tfinv.applications.video.frames import Frames
from tfinv.applications.video.sequence import Found, Keep, VideoInverter
from tfinv.errors import UserError
from tfinv.images.films import write_film
from tfinv.images.grids import grid
from tfinv.results.parts import Parts

__all__ = ["APART", "TOGETHER", "WITHOUT", "Job", "Taken", "run_job", "write_films"]

TOGETHER, WITHOUT, APART = "together", "without", "apart"
"""How a video was inverted: with the term; the same without it; every frame on its own."""


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """What is to be done.

    Attributes:
      video: the stages.
      frames: of the video.
      weights: of the norm of the steps, for each stage.
      label: class of the video, for a conditional generator.
      compare: out of `WITHOUT` and `APART`, what is done beside.
      classes: other classes to draw the last stage's codes in.

    Raises:
      UserError: if there are classes and g2 reads none, or one is unknown.
    """

    video: VideoInverter
    frames: Frames
    weights: Sequence[float]
    label: int | None = None
    compare: Sequence[str] = ()
    classes: Sequence[int] = ()

    def __post_init__(self):
        split, generator = self.split, self.video.inverter.generator
        if self.classes:
            generator.check_labels(list(self.classes))
        if self.classes and not split.reads_labels:
            raise UserError(
                f"{generator.path} reads no labels behind {split.layer.name}: the codes found "
                "there are drawn in no other class"
            )

    @property
    def split(self):
        """The cut of the last stage."""
        return self.video.stages[-1].split

    @property
    def takes(self) -> tuple[str, ...]:
        """Every way in which the video is inverted, the one with the term first."""
        return (TOGETHER, *self.compare)


@dataclasses.dataclass(frozen=True, eq=False)
class Taken:
    """A video as it was inverted in one way.

    Attributes:
      stages: what each has found.
      classes: the last stage's codes drawn in other classes, float32 [N, H, W, C] each.
    """

    stages: list[Found]
    classes: dict[int, np.ndarray]


def run_job(
    job: Job, parts: Parts, on_batch: Callable[[Outcome], None] = lambda outcome: None
) -> dict[str, Taken]:
    """Computes what is not in the folder yet.

    Args:
      job: what is to be done.
      parts: the folder.
      on_batch: called after each batch of a stage is safe.

    Returns:
      By the names in `Job.takes`.
    """
    names = _identities(job)
    done = {}
    for take in job.takes:
        keep = _keeper(take, names, parts, on_batch)
        if take == APART:
            stages = job.video.run_apart(job.frames.pixels, job.label, keep)
        else:
            weights = job.weights if take == TOGETHER else [0.0] * len(job.weights)
            stages = job.video.run(job.frames.pixels, weights, job.label, keep)
        done[take] = Taken(stages, {k: _drawn_as(job, stages[-1], k) for k in job.classes})
    return done


def write_films(
    job: Job, done: dict[str, Taken], parts: Parts, kinds: Sequence[str], rate: float
) -> None:
    """Writes what was found as films: of the last stage, of all side by side, of each class."""
    taken = done[TOGETHER]
    columns = [job.frames.pixels, *(found.images for found in taken.stages)]
    columns += [done[take].stages[-1].images for take in job.compare]
    columns += taken.classes.values()
    films = {"video": taken.stages[-1].images}
    films |= {f"class-{label}": images for label, images in taken.classes.items()}
    for kind in kinds:
        for name, images in [*films.items(), ("beside", _side_by_side(columns))]:
            write = partial(write_film, kind=kind, images=images, rate=rate)
            parts.write(f"{name}.{kind}", write)


def _side_by_side(columns: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    for pictures in zip(*columns, strict=True):
        yield grid(np.stack(pictures), columns=len(pictures))


def _drawn_as(job: Job, found: Found, label: int) -> np.ndarray:
    labels = np.full(len(found.codes), label, np.int32)
    return draw(job.split, Codes(found.codes, found.latents, labels))


def _keeper(
    take: str, names: Sequence[str], parts: Parts, on_batch: Callable[[Outcome], None]
) -> Keep:
    def keep(name: str, frames: Sequence[int], compute: Callable[[], Found]) -> Found:
        about = [names[-1], *(names[frame] for frame in frames)]
        # The first frame has none before it, so the term makes no difference there.
        owner = TOGETHER if take == WITHOUT and list(frames) == [0] else take
        arrays = parts.find(f"{owner}-{name}", about)
        found = compute() if arrays is None else Found(**arrays)
        if arrays is None:
            parts.add(f"{owner}-{name}", about, found.arrays())
        failed = sum(str(status).startswith("failed") for status in found.status)
        on_batch(Outcome(len(frames), failed, found.rmse))
        return found

    return keep


def _identities(job: Job) -> list[str]:
    """What each frame is known by, and last the generator: a file may be another one by now."""
    frames = zip(job.frames.names, job.frames.pixels, strict=True)
    digests = [f"{name} {zlib.crc32(pixels.tobytes()):08x}" for name, pixels in frames]
    return [*digests, job.video.inverter.generator.digest]
