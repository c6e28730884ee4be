"""The frames of a film: of a video file, a GIF, or pictures in the order of their names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from tfinv.errors import UserError
from tfinv.images.decode import MAX_PIXELS, decode
from tfinv.images.films import import_video
from tfinv.images.sources import list_images

__all__ = ["VIDEOS", "Film", "open_film"]

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""The file names that are read as videos, by the extra `video`."""

_MILLISECONDS = 1000.0


@dataclass(frozen=True)
class Film:
    """A film that has been found.

    Attributes:
      rate: frames a second; None where nothing says so.
      frames: yields a name, which is unique, and uint8 [H, W, 3] of each, in order; raises
        UserError where one cannot be read. It can be gone through once.
    """

    rate: float | None
    frames: Iterator[tuple[str, np.ndarray]]


def open_film(spec: str) -> Film:
    """Finds a film.

    Args:
      spec: a video file, a GIF, or what `list_images` takes: a folder of frames, a glob. Frames of
        the last two come in the order of their names, numbers by their value: 2.png before 10.png.

    Raises:
      UserError: if there is none, or the extra `video` is missing where it is needed.
    """
    path = Path(spec).expanduser()
    suffix = path.suffix.lower()
    if suffix not in (*VIDEOS, ".gif") or path.is_dir():
        records = list_images([spec])
        # A TFRecord has an order of its own.
        if suffix not in (".tfrecord", ".tfrecords"):
            records = sorted(records, key=lambda record: _by_number(record.name))
        return Film(None, ((r.name, decode(r.read(), r.name)) for r in records))
    if not path.is_file():
        raise UserError(f"{spec}: no such file; give a video, a GIF or a folder of frames")
    return _open_gif(path) if suffix == ".gif" else _open_video(path)


def _open_gif(path: Path) -> Film:
    with _readable(path, 0):
        film = Image.open(path, formats=["GIF"])
        if film.width * film.height > MAX_PIXELS:
            raise UserError(f"{path}: {film.width}x{film.height} pixels a frame are too many")
    return Film(_gif_rate(path), _gif_frames(path, film))


def _gif_rate(path: Path) -> float | None:
    """Frames a second in the mean, as each has a pause of its own; of what can be read."""
    pauses: list[float] = []
    with contextlib.suppress(UserError), _readable(path, 0), Image.open(path) as film:
        for frame in ImageSequence.Iterator(film):
            pauses.append(frame.info.get("duration") or 0)
    return _MILLISECONDS * len(pauses) / sum(pauses) if sum(pauses) else None


def _gif_frames(path: Path, film: Image.Image) -> Iterator[tuple[str, np.ndarray]]:
    with film:
        frames, number = ImageSequence.Iterator(film), 0
        while True:
            with _readable(path, number):
                frame = next(frames, None)
                if frame is None:
                    return
                # What is transparent is white, as in every other picture that is read.
                white = Image.new("RGBA", frame.size, "white")
                pixels = np.asarray(Image.alpha_composite(white, frame.convert("RGBA")))
            yield _name(number), pixels[:, :, :3]
            number += 1


def _open_video(path: Path) -> Film:
    import_video(f"reading {path}")
    import av

    with _readable(path, 0, av.FFmpegError):
        container = av.open(str(path))
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise UserError(f"{path}: holds no video")
        if stream.width * stream.height > MAX_PIXELS:
            raise UserError(f"{path}: {stream.width}x{stream.height} pixels a frame are too many")
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate) if stream.average_rate else None
    return Film(rate, _video_frames(path, container, stream, av.FFmpegError))


def _video_frames(
    path: Path, container: Any, stream: Any, fault: type[Exception]
) -> Iterator[tuple[str, np.ndarray]]:
    with container:
        frames, number = container.decode(stream), 0
        while True:
            with _readable(path, number, fault):
                frame = next(frames, None)
                if frame is None:
                    return
                pixels = frame.to_ndarray(format="rgb24")
                # Telephones write upright videos lying, with a note to turn them.
                pixels = np.rot90(pixels, round(frame.rotation / 90))
            yield _name(number), np.ascontiguousarray(pixels)
            number += 1


def _by_number(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts names by the values of the numbers in them."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", name)
    return [(0, int(number), number) if number else (1, 0, text) for number, text in parts]


def _name(number: int) -> str:
    return f"frame-{number:05d}"


@contextlib.contextmanager
def _readable(path: Path, number: int, fault: type[Exception] = OSError) -> Iterator[None]:
    """Turns what Pillow and FFmpeg raise at damaged files into one line."""
    try:
        yield
    except (fault, OSError, ValueError, EOFError, SyntaxError, IndexError) as error:
        where = f"frame {number} cannot be read" if number else "cannot be read"
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise UserError(f"{path}: {where}: {why}") from error
