"""The pictures of a run, ready for one generator: from files, or drawn by the generator itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.images.decode import decode
from tfinv.images.resize import fit
from tfinv.images.sources import count_images, list_images

__all__ = ["Picture", "count_pictures", "read_pictures"]

_SAMPLE = re.compile(r"sample:(\d+)")
_SAMPLE_NAME = "sample-{:05d}"
_SAMPLE_SEED = 1_000_003  # apart from the seeds of starts, or a start could be the answer
_SAMPLES_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a run.

    Attributes:
      index: its place in the run, from 0.
      name: unique.
      label: its class, or None.
      note: what was done to it, such as "reduced from 600x512, centre-cropped"; or "".
      pixels: float32 [H, W, C] in [0, 1], of the generator's size; None if it could not be read.
      fault: why it could not; "" if it could.
    """

    index: int
    name: str
    label: int | None
    note: str
    pixels: np.ndarray | None
    fault: str = ""


def count_pictures(specs: Sequence[str]) -> int:
    """How many pictures `read_pictures` will give; raises UserError if a spec matches nothing."""
    files, samples = _sorted_out(specs)
    return sum(samples) + (count_images(files) if files else 0)


def read_pictures(
    generator: Generator,
    specs: Sequence[str],
    *,
    label: int | None = None,
    seed: int = 0,
    is_done: Callable[[int, str], bool] = lambda index, name: False,
) -> Iterator[Picture]:
    """Reads pictures one by one, files first and then samples.

    A picture that cannot be read, or whose label does not fit, is given with its fault, so that
    one bad file does not end a run.

    Args:
      generator: whose size the pictures get.
      specs: as for `tfinv.images.sources.list_images`, and `sample:N` for N pictures that the
        generator draws.
      label: class of the pictures that bring none of their own.
      seed: of the samples.
      is_done: given a place in the run and the name there, whether that picture is done already;
        such are neither read nor drawn.

    Raises:
      UserError: if a spec matches nothing.
    """
    files, samples = _sorted_out(specs)
    index = -1
    for index, record in enumerate(list_images(files) if files else ()):
        if not is_done(index, record.name):
            own = record.label if record.label is not None else label
            yield _read(generator, index, record, own)
    if samples:
        yield from _draw(generator, samples[0], seed, index + 1, is_done)


def _sorted_out(specs: Sequence[str]) -> tuple[list[str], list[int]]:
    counts = [_SAMPLE.fullmatch(spec) for spec in specs]
    samples = [int(match[1]) for match in counts if match]
    files = [spec for spec, match in zip(specs, counts, strict=True) if not match]
    wrong = [spec for spec in files if spec.startswith("sample:")]
    if wrong or 0 in samples:
        seen = wrong[0] if wrong else "sample:0"
        raise UserError(f"{seen} is not understood: write sample:8 for 8 pictures of the generator")
    if not specs:
        raise UserError("no images given: name files, folders, globs, or sample:8")
    if len(samples) > 1:
        raise UserError("sample:N is given twice: add the numbers up")
    return files, samples


def _read(generator: Generator, index: int, record, label: int | None) -> Picture:
    try:
        data = record.read()  # first: a damaged record has no label either, and that is not why
        if generator.conditional:
            if label is None:
                raise UserError("it has no label, and the generator is conditional: give --label")
            generator.check_labels([label])
        pixels, note = fit(decode(data, record.name), *generator.image_shape)
    except UserError as error:
        return Picture(index, record.name, label, "", None, str(error))
    return Picture(index, record.name, label, note or "", pixels)


def _draw(
    generator: Generator, count: int, seed: int, place: int, is_done: Callable[[int, str], bool]
) -> Iterator[Picture]:
    """Draws samples a few at a time; the first has the given place in the run."""
    seed += _SAMPLE_SEED
    for first in range(0, count, _SAMPLES_AT_ONCE):
        size = min(_SAMPLES_AT_ONCE, count - first)
        numbers = [
            k for k in range(first, first + size) if not is_done(place + k, _SAMPLE_NAME.format(k))
        ]
        if not numbers:
            continue
        latents = generator.sample_latents(size, seed, first)
        labels = generator.sample_labels(size, seed, first)
        images = np.clip(generator(latents, labels).numpy(), 0.0, 1.0)
        for k in numbers:
            label = None if labels is None else int(labels[k - first])
            yield Picture(place + k, _SAMPLE_NAME.format(k), label, "", images[k - first])
