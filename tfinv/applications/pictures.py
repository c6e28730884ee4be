"""The pictures of a run, ready for one generator: from files, or drawn, by itself or at random."""

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

__all__ = ["Picture", "count_drawn", "count_pictures", "read_pictures"]

SAMPLE, NOISE = "sample", "noise"
_DRAWN = re.compile(rf"({SAMPLE}|{NOISE}):(\d+)")
_SAMPLE_SEED = 1_000_003  # apart from the seeds of starts, or a start could be the answer
_SAMPLES_AT_ONCE = 64
_NOISE_STREAM = 4  # apart from the streams of starts and labels


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
    files, drawn = _sorted_out(specs)
    return sum(drawn.values()) + (count_images(files) if files else 0)


def count_drawn(specs: Sequence[str], kind: str = SAMPLE) -> int:
    """How many of them the generator draws itself, or are noise; raises UserError likewise."""
    return _sorted_out(specs)[1].get(kind, 0)


def read_pictures(
    generator: Generator,
    specs: Sequence[str],
    *,
    label: int | None = None,
    seed: int = 0,
    is_done: Callable[[int, str], bool] = lambda index, name: False,
) -> Iterator[Picture]:
    """Reads pictures one by one, files first, then samples, then noise.

    A picture that cannot be read, or whose label does not fit, is given with its fault, so that
    one bad file does not end a run.

    Args:
      generator: whose size the pictures get.
      specs: as for `tfinv.images.sources.list_images`, `sample:N` for N pictures that the
        generator draws, and `noise:N` for N of white noise: every pixel and channel uniform in
        [0, 1], on its own (thesis, section 5.5).
      label: class of the pictures that bring none of their own; noise has a random one without.
      seed: of what is drawn.
      is_done: given a place in the run and the name there, whether that picture is done already;
        such are neither read nor drawn.

    Raises:
      UserError: if a spec matches nothing.
    """
    files, drawn = _sorted_out(specs)
    index = -1
    for index, record in enumerate(list_images(files) if files else ()):
        if not is_done(index, record.name):
            own = record.label if record.label is not None else label
            yield _read(generator, index, record, own)
    place = index + 1
    for kind, count in sorted(drawn.items(), reverse=True):
        yield from _draw(generator, kind, count, label, seed, place, is_done)
        place += count


def _sorted_out(specs: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """Files and what is drawn, by kind."""
    files, drawn = [], {}
    for spec in specs:
        kind, match = spec.partition(":")[0], _DRAWN.fullmatch(spec)
        if spec.startswith((f"{SAMPLE}:", f"{NOISE}:")):
            if match is None or int(match[2]) == 0:
                what = "of the generator" if kind == SAMPLE else "of white noise"
                raise UserError(f"{spec} is not understood: write {kind}:8 for 8 pictures {what}")
            if kind in drawn:
                raise UserError(f"{kind}:N is given twice: add the numbers up")
            drawn[kind] = int(match[2])
        else:
            files.append(spec)
    if not specs:
        raise UserError("no images given: name files, folders, globs, or sample:8")
    return files, drawn


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
    generator: Generator,
    kind: str,
    count: int,
    label: int | None,
    seed: int,
    place: int,
    is_done: Callable[[int, str], bool],
) -> Iterator[Picture]:
    """Draws pictures a few at a time; the first has the given place in the run."""
    seed += _SAMPLE_SEED
    for first in range(0, count, _SAMPLES_AT_ONCE):
        size = min(_SAMPLES_AT_ONCE, count - first)
        names = {k: f"{kind}-{k:05d}" for k in range(first, first + size)}
        numbers = [k for k in names if not is_done(place + k, names[k])]
        if not numbers:
            continue
        labels = None
        if kind == SAMPLE or label is None:
            labels = generator.sample_labels(size, seed, first)
        elif generator.conditional:
            labels = [label] * size
        if kind == SAMPLE:
            images = generator(generator.sample_latents(size, seed, first), labels).numpy()
            images = np.clip(images, 0.0, 1.0)
        else:
            images = [_noise(generator, seed, k) for k in range(first, first + size)]
        for k in numbers:
            own = None if labels is None else int(labels[k - first])
            yield Picture(place + k, names[k], own, "", images[k - first])


def _noise(generator: Generator, seed: int, index: int) -> np.ndarray:
    rng = np.random.default_rng([seed, index, _NOISE_STREAM])
    return rng.random(generator.image_shape, np.float32)
