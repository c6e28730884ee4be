"""The one place where pictures change between bytes and floats.

Everywhere inside tfinv a picture is float32 in [0, 1]; files and screens want uint8 in [0, 255].
"""

from __future__ import annotations

import numpy as np

__all__ = ["to_float", "to_rgb8", "to_uint8"]


def to_float(image: np.ndarray) -> np.ndarray:
    """Maps bytes to the unit interval.

    Args:
      image: uint8, any shape, in [0, 255].

    Returns:
      float32 of the same shape, in [0, 1]; 255 becomes exactly 1.

    Raises:
      ValueError: if the values are no bytes: divided by 255, floats would be black.
    """
    if image.dtype != np.uint8:
        raise ValueError(f"a picture of {image.dtype} is not one of bytes")
    return image.astype(np.float32) / np.float32(255)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Maps the unit interval to the nearest bytes.

    Args:
      image: uint8, returned as it is, or any float of any shape; values outside [0, 1] are
        clipped and NaN becomes 0, so that a diverged picture can still be shown.

    Returns:
      uint8 of the same shape, in [0, 255].
    """
    if image.dtype == np.uint8:
        return image
    finite = np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return np.rint(np.clip(finite, 0.0, 1.0) * 255).astype(np.uint8)


def to_rgb8(image: np.ndarray) -> np.ndarray:
    """Makes any picture one that a screen can show.

    Args:
      image: [H, W, 3], [H, W, 1] or [H, W]; uint8, or float in [0, 1].

    Returns:
      uint8 [H, W, 3]; a single channel is shown as grey.

    Raises:
      ValueError: if the picture has another rank or number of channels.
    """
    pixels = to_uint8(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise ValueError(f"a picture is [H, W, 1] or [H, W, 3], not {list(image.shape)}")
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
