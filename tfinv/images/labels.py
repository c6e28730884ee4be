"""Label maps: pictures whose pixels are names of regions, not colours."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tfinv.errors import UserError
from tfinv.images.decode import decode
from tfinv.images.resize import centre_crop

__all__ = [
    "MAX_REGIONS",
    "PALETTE",
    "decode_labels",
    "fit_labels",
    "indexed_picture",
    "resize_labels",
]

MAX_REGIONS = 256
"""An indexed picture has no more; a mask with more colours was saved as photographs are."""

# Okabe and Ito, "Color universal design" (2008): told apart with any common colour blindness. Black
# is grey here, so that it shows beside dark pictures.
_SAFE = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (96, 96, 96),
)


def _palette() -> np.ndarray:
    """No more than about eight colours are safe; further ones are tints and shades of these."""
    safe = np.array(_SAFE, np.float64)
    rounds = [safe]
    for k in range(1, 32):
        share = 1 - (k + 1) // 2 / 18
        rounds.append(safe * share + (255 * (1 - share) if k % 2 else 0))
    return np.rint(np.concatenate(rounds)).astype(np.uint8)


PALETTE = _palette()
"""uint8 [256, 3], all different; the first eight are safe for colour-blind readers."""


def indexed_picture(labels: np.ndarray) -> Image.Image:
    """An indexed picture, whose pixels are the labels and are shown in `PALETTE`.

    Args:
      labels: int [H, W] in [0, 256).
    """
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(PALETTE.tobytes())
    return image


def decode_labels(data: bytes, name: str) -> np.ndarray:
    """Reads a mask: each different colour, grey, index or transparency is a region.

    Args:
      data: a picture file's bytes.
      name: what to call it in an error message.

    Returns:
      int32 [H, W], in [0, regions): the rank of the pixel's value.

    Raises:
      UserError: as `decode`, or if there are more than `MAX_REGIONS` regions.
    """
    # Before white and before black: what is transparent is a region, whatever colour hides there.
    before = np.concatenate([decode(data, name, under) for under in (255, 0)], 2).astype(np.int64)
    colours = before @ [1 << shift for shift in range(40, -1, -8)]
    with Image.open(io.BytesIO(data)) as image:  # which `decode` has found sound
        if image.mode.startswith("I"):  # 16 bits, of which `decode` keeps 8: a label may be small
            colours = np.asarray(image).astype(np.int64)
    values, labels = np.unique(colours, return_inverse=True)
    if len(values) > MAX_REGIONS:
        raise UserError(
            f"{name}: {len(values)} colours, and each would be a region of the mask; save masks "
            f"as PNG without smoothing, with at most {MAX_REGIONS} colours"
        )
    return labels.reshape(colours.shape).astype(np.int32)


def fit_labels(labels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Crops and resizes a label map as `tfinv.images.resize.fit` does its picture.

    Args:
      labels: int [H, W].
      height: wanted rows.
      width: wanted columns.

    Returns:
      int [height, width].
    """
    return resize_labels(centre_crop(labels, height, width), height, width)


def resize_labels(labels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Brings a label map to another size; arguments and result as `fit_labels`.

    Nothing is smoothed: a pixel gets the label at its centre.
    """
    rows, columns = (
        ((2 * np.arange(n) + 1) * have) // (2 * n)
        for n, have in zip((height, width), labels.shape, strict=True)
    )
    return labels[rows[:, None], columns]
