"""A picture of any size to exactly the size that a generator draws.

The filter is Lanczos with Pillow's antialiasing (its support widens with the reduction, so
nothing aliases). A box filter is exact for whole factors but folds more high frequencies back
otherwise, and the generators we invert were trained on pictures reduced by a smooth filter. The
price is a slight overshoot at hard edges, which 8-bit clipping bounds.
"""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

from tfinv.images.ranges import to_float

__all__ = ["centre_crop", "fit", "has_proportions", "size_before"]

_SEEN = re.compile(r"\bfrom (\d+)x(\d+)")  # as `_note` says it
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def fit(
    image: np.ndarray, height: int, width: int, channels: int = 3
) -> tuple[np.ndarray, str | None]:
    """Crops the centre to the wanted aspect and resizes; does neither where it is not needed.

    The crop is a whole number of pixels, so that a picture which only needs cropping keeps its
    pixels exactly.

    Args:
      image: uint8 [H, W, 3], in [0, 255].
      height: wanted rows.
      width: wanted columns.
      channels: 3, or 1 for the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Returns:
      float32 [height, width, channels] in [0, 1], and a note such as "reduced from 600x512,
      centre-cropped" (width x height), or None if the picture had the right size. Enlarging is
      noted too: it adds no detail.

    Raises:
      ValueError: if `channels` is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, not {channels}")
    rows, columns = image.shape[:2]
    pixels = centre_crop(image, height, width)
    crop = pixels.shape[:2]
    if crop != (height, width):
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        pixels = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))
    result = to_float(pixels)
    if channels == 1:
        result = (result @ _LUMA)[:, :, None]
    return result, _note((rows, columns), crop, (height, width))


def centre_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest centred part of a picture with the aspect of height by width, to the pixel.

    Args:
      image: [H, W, ...].
      height: of the wanted aspect.
      width: likewise.

    Returns:
      A view [h, w, ...].
    """
    rows, columns = image.shape[:2]
    share = min(rows / height, columns / width)
    crop_height = min(rows, max(1, round(height * share)))
    crop_width = min(columns, max(1, round(width * share)))
    top, left = (rows - crop_height) // 2, (columns - crop_width) // 2
    return image[top : top + crop_height, left : left + crop_width]


def size_before(note: str) -> tuple[int, int] | None:
    """Height and width that a picture had before `fit`, by the note about it; None if the same."""
    seen = _SEEN.search(note)
    return (int(seen[2]), int(seen[1])) if seen else None


def has_proportions(shape: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether [H, W, ...] has the proportions of (height, width), to half a pixel of the longer."""
    rows, columns = shape[:2]
    height, width = size
    return abs(rows * width - columns * height) <= max(height, width) / 2


def _note(seen: tuple[int, int], crop: tuple[int, int], wanted: tuple[int, int]) -> str | None:
    """Says what was done to the picture, with sizes as width x height."""
    size = f"{seen[1]}x{seen[0]}"
    steps = []
    if crop != wanted:
        larger = crop[0] < wanted[0] or crop[1] < wanted[1]
        steps.append("enlarged" if larger else "reduced")
    if crop != seen:
        steps.append("centre-cropped")
    if not steps:
        return None
    return ", ".join([f"{steps[0]} from {size}", *steps[1:]])
