"""Picture files, good ones and every kind of bad one."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from results import fakes


def pixels(seed: int, side: int = 8) -> np.ndarray:
    """A smooth picture, uint8 [side, side, 3]."""
    return np.rint(fakes.smooth(np.random.default_rng(seed), side) * 255).astype(np.uint8)


def png(seed: int, side: int = 8) -> bytes:
    """The bytes of a PNG file."""
    return encoded(Image.fromarray(pixels(seed, side)))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """The bytes of a picture file."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def bomb() -> bytes:
    """A PNG of a hundred bytes that declares 10,000 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + chunk(b"IEND", b"")
    )


def bad() -> dict[str, tuple[bytes, str]]:
    """Files that are no pictures, each with words that its fault must have."""
    return {
        "b-zero.png": (b"", "empty"),
        "c-text.png": (b"these are words, no picture\n", "text file"),
        "d-cut.png": (png(1, 64)[:300], "cut short"),
        "e-bomb.png": (bomb(), "million pixels"),
        "f-noise.jpg": (bytes(range(256)), "not a picture"),
    }


def odd() -> dict[str, tuple[bytes, str]]:
    """Files of unusual kinds that are read all the same, each with what its note must say."""
    rgb = Image.fromarray(pixels(2))
    grey16 = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    return {
        "g-grey.png": (encoded(rgb.convert("L")), ""),
        "h-rgba.png": (encoded(rgb.convert("RGBA")), ""),
        "i-cmyk.jpg": (encoded(rgb.convert("CMYK"), "JPEG"), ""),
        "j-16bit.png": (encoded(grey16), ""),
        "k-large.png": (png(3, 32), "reduced from 32x32"),
        "l-small.png": (png(3, 4), "enlarged from 4x4"),
        "m-wide.png": (encoded(rgb.resize((24, 12))), "reduced from 24x12, centre-cropped"),
        "n-tall.png": (encoded(rgb.resize((8, 9))), "centre-cropped"),
    }


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def good(count: int) -> dict[str, bytes]:
    """Pictures of the tiny generator's size."""
    return {f"a-{k}.png": png(k) for k in range(count)}
