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

__all__ = ["Picture", "Prepare", "count_drawn", "count_pictures", "read_pictures"]

SAMPLE, NOISE = "sample", "noise"
_DRAWN = re.compile(rf"({SAMPLE}|{NOISE}):(\d+)")
_SAMPLE_SEED = 1_000_003  # apart from the seeds of starts, or a start could be the answer
_SAMPLES_AT_ONCE = 64
_NOISE_STREAM = 4  # apart from the streams of starts and labels


Prepare = Callable[[np.ndarray], tuple[np.ndarray, str | None]]
"""uint8 [H, W, 3] to pixels, float32 in [0, 1], and a note of what was done to them, or None."""


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
      evaluations: what has been spent on it before it is inverted, as in finding its label.
      whole: float32 [H, W, C] in [0, 1], what the result is measured against, where `pixels` is an
        observation of a degradation and not the picture itself.
    """

    index: int
    name: str
    label: int | None
    note: str
    pixels: np.ndarray | None
    fault: str = ""
    evaluations: int = 0
    whole: np.ndarray | None = None


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
    ignore_labels: bool = False,
    may_lack_labels: bool = False,
    seed: int = 0,
    is_done: Callable[[int, str], bool] = lambda index, name: False,
    prepare: Prepare | None = None,
) -> Iterator[Picture]:
    """Reads pictures one by one, files first, then samples, then noise.

    A picture that cannot be read, or whose label does not fit, is given with its fault, so that
    one bad file does not end a run.

    Args:
      generator: whose size the pictures get.
      specs: as for `tfinv.images.sources.list_images`, `sample:N` for N pictures that the
        generator draws, and `noise:N` for N of white noise: every pixel and channel uniform in
        [0, 1], on its own (thesis, section 5.5).
      label: class of the pictures that bring none of their own.
      ignore_labels: take none for bringing its own; what it was is noted.
      may_lack_labels: whether a conditional generator's pictures may be without; else noise has a
        random class, and for others it is a fault.
      seed: of what is drawn.
      is_done: given a place in the run and the name there, whether that picture is done already;
        such are neither read nor drawn.
      prepare: what becomes of the pixels of a file; by default they are cropped and resized to
        what the generator draws.

    Raises:
      UserError: if a spec matches nothing.
    """
    files, drawn = _sorted_out(specs)
    index = -1
    rule = _Labels(generator, label, ignore_labels, may_lack_labels)
    prepare = prepare or (lambda image: fit(image, *generator.image_shape))
    for index, record in enumerate(list_images(files) if files else ()):
        if not is_done(index, record.name):
            yield _read(rule, index, record, prepare)
    place = index + 1
    for kind, count in sorted(drawn.items(), reverse=True):
        yield from _draw(rule, kind, count, seed, place, is_done)
        place += count


@dataclass(frozen=True)
class _Labels:
    """Which label a picture gets; see `read_pictures`."""

    generator: Generator
    other: int | None
    ignore: bool
    may_lack: bool

    @property
    def gives_any(self) -> bool:
        """Whether a picture that brings none has something to go on with."""
        return self.other is not None or self.may_lack

    def of(self, own: int | None) -> tuple[int | None, str]:
        """The label of a picture that brings one or none, and a note."""
        if not self.generator.conditional:
            return (self.other if own is None else own), ""
        ignored = own is not None and self.ignore
        label = self.other if own is None or ignored else own
        if label is not None:
            self.generator.check_labels([label])
        elif not self.may_lack:
            raise UserError("it has no label, and the generator is conditional: give --label")
        return label, f"its own label {own} ignored" if ignored else ""


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


def _read(rule: _Labels, index: int, record, prepare: Prepare) -> Picture:
    label = rule.other if record.label is None else record.label
    try:
        data = record.read()  # first: a damaged record has no label either, and that is not why
        label, ignored = rule.of(record.label)
        pixels, note = prepare(decode(data, record.name))
    except UserError as error:
        return Picture(index, record.name, label, "", None, str(error))
    return Picture(index, record.name, label, "; ".join(filter(None, (note, ignored))), pixels)


def _draw(
    rule: _Labels,
    kind: str,
    count: int,
    seed: int,
    place: int,
    is_done: Callable[[int, str], bool],
) -> Iterator[Picture]:
    """Draws pictures a few at a time; the first has the given place in the run."""
    seed += _SAMPLE_SEED
    generator = rule.generator
    for first in range(0, count, _SAMPLES_AT_ONCE):
        size = min(_SAMPLES_AT_ONCE, count - first)
        names = {k: f"{kind}-{k:05d}" for k in range(first, first + size)}
        numbers = [k for k in names if not is_done(place + k, names[k])]
        if not numbers:
            continue
        labels = None
        if kind == SAMPLE or not rule.gives_any:
            labels = generator.sample_labels(size, seed, first)
        if kind == SAMPLE:
            images = generator(generator.sample_latents(size, seed, first), labels).numpy()
            images = np.clip(images, 0.0, 1.0)
        else:
            images = [_noise(generator, seed, k) for k in range(first, first + size)]
        for k in numbers:
            label, note = rule.of(None if labels is None else int(labels[k - first]))
            yield Picture(place + k, names[k], label, note, images[k - first])


def _noise(generator: Generator, seed: int, index: int) -> np.ndarray:
    rng = np.random.default_rng([seed, index, _NOISE_STREAM])
    return rng.random(generator.image_shape, np.float32)
