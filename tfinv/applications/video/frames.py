"""The frames of a video, ready for one generator."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.images.frames import open_film
from tfinv.images.resize import fit

__all__ = ["Frames", "read_frames"]

_NOTES = 3  # of frames of many sizes


@dataclasses.dataclass(frozen=True, eq=False)
class Frames:
    """A video at a generator's size.

    Attributes:
      names: of the N frames.
      pixels: float32 [N, H, W, C] in [0, 1].
      rate: frames a second; None where nothing says so.
      note: what was done to them, such as "reduced from 640x480, centre-cropped"; or "".
    """

    names: tuple[str, ...]
    pixels: np.ndarray
    rate: float | None
    note: str

    def __len__(self) -> int:
        return len(self.names)


def read_frames(
    generator: Generator, spec: str, *, every: int = 1, most: int | None = None
) -> Frames:
    """Reads a video.

    Args:
      generator: whose size the frames get; one at a time is held at its own.
      spec: see `tfinv.images.frames.open_film`.
      every: take the first of so many frames.
      most: end after so many that were taken.

    Raises:
      UserError: if there is none, a frame cannot be read, or there are fewer than two.
    """
    film = open_film(spec)
    names, pixels, notes = [], [], []
    for number, (name, frame) in enumerate(film.frames):
        if number % every:
            continue
        fitted, note = fit(frame, *generator.image_shape)
        names.append(name)
        pixels.append(fitted)
        notes.append(note or "")
        if len(names) == most:
            break
    if len(names) < 2:
        raise UserError(f"{spec}: a video has two frames or more, and {len(names)} were taken")
    kinds = list(dict.fromkeys(filter(None, notes)))
    note = "; ".join(kinds[:_NOTES])
    if len(kinds) > _NOTES:
        note += f"; and {len(kinds) - _NOTES} more sizes"
    rate = None if film.rate is None else film.rate / every
    return Frames(tuple(names), np.stack(pixels), rate, note)
