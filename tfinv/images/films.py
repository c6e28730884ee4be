"""Pictures in a row as a film: GIF, and MP4 where its extra is installed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import BinaryIO

import numpy as np
from PIL import Image

from tfinv.errors import UserError
from tfinv.images.grids import enlarge

__all__ = ["FILMS", "import_video", "write_film", "write_gif", "write_mp4"]

_SIDE = 256  # to about this the shorter side of small pictures is enlarged
_WIDEST = 1280  # if the longer one does not pass this
_LARGEST = 1024
_FASTEST_GIF = 50.0  # frames a second; viewers take a shorter pause for a mistake


def write_gif(file: BinaryIO, frames: Iterable[np.ndarray], rate: float) -> None:
    """Writes a GIF that repeats for ever.

    Each frame has its own 256 colours. Pauses are hundredths of a second, at least two.

    Args:
      file: to write to.
      frames: uint8 [H, W, 3] each, of one size.
      rate: frames a second.
    """
    pictures = map(Image.fromarray, frames)
    pause = max(2, round(100 / min(rate, _FASTEST_GIF))) * 10
    first = next(pictures)  # what is left is taken as it is written
    first.save(file, "GIF", duration=pause, loop=0, append_images=pictures, save_all=True)


def write_mp4(file: BinaryIO, frames: Iterable[np.ndarray], rate: float) -> None:
    """Writes an MP4 (H.264) that every browser and player shows.

    Args:
      file: to write to.
      frames: uint8 [H, W, 3] each, of one size, both sides even.
      rate: frames a second.

    Raises:
      UserError: if the extra `video` is not installed.
    """
    iio = import_video("writing .mp4")
    # Half of the colours' resolution is lost, but players know no other format.
    stream = {"codec": "libx264", "fps": rate, "pixel_format": "yuv420p"}
    made = io.BytesIO()
    with iio.imopen(made, "w", extension=".mp4", plugin="pyav") as film:
        film.init_video_stream(**stream)
        for frame in frames:
            film.write_frame(frame)
    file.write(made.getvalue())


FILMS: dict[str, Callable[[BinaryIO, Iterable[np.ndarray], float], None]] = {
    "gif": write_gif,
    "mp4": write_mp4,
}
"""By the extension of the file."""


def write_film(file: BinaryIO, kind: str, images: Iterable[np.ndarray], rate: float) -> None:
    """Writes pictures as a film that can be looked at.

    Pictures are taken one at a time, so that an MP4 is as long as its images are, not the memory.

    Args:
      file: to write to.
      kind: a name in `FILMS`.
      images: [H, W, C] each, C of 1 or 3, of one size; uint8, or float in [0, 1]. Small ones are
        enlarged by a whole factor, ones over 1024 reduced; a side that is odd then gets its last
        line twice.
      rate: frames a second.

    Raises:
      UserError: if the kind needs what is not installed.
    """
    FILMS[kind](file, map(_to_look_at, images), rate)


def _to_look_at(image: np.ndarray) -> np.ndarray:
    sides = image.shape[:2]
    side = min(_WIDEST, _SIDE * max(sides) // min(sides))
    return _even(np.asarray(enlarge(image, side, _LARGEST)))


def import_video(doing: str):
    """Imports imageio, whose reader and writer of films stand on av.

    Args:
      doing: what needs it, for the message.

    Raises:
      UserError: if one of the two is not installed.
    """
    try:
        import av
        import imageio.v3 as iio
    except ImportError as error:
        raise UserError(
            f"{doing} takes imageio and av ({error}): pip install 'tfinv[video]'"
        ) from None
    del av
    return iio


def _even(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
