"""One thing that happens to a picture, and how what is seen is brought back to its size."""

from __future__ import annotations

import abc

import numpy as np
import tensorflow as tf
from PIL import Image

__all__ = ["Shape", "Step"]

Shape = tuple[int, int, int]
"""Height, width and channels."""


class Step(abc.ABC):
    """A degradation, the same for every picture, between two fixed shapes.

    Attributes:
      before: (H, W, C) of the picture.
      shape: (h, w, c) of what is seen of it.
      is_picture: whether what is seen can be looked at, or is numbers that mean nothing by
        themselves.
    """

    before: Shape
    shape: Shape
    is_picture = True

    @abc.abstractmethod
    def see(self, pictures: tf.Tensor) -> tf.Tensor:
        """What is seen of pictures, as a function with a gradient, that XLA compiles.

        Args:
          pictures: float32 [B, H, W, C] in [0, 1].

        Returns:
          float32 [B, h, w, c].
        """

    def observe(self, pictures: np.ndarray) -> np.ndarray:
        """What is seen of real pictures: the same, unless its gradient needs an approximation.

        Args:
          pictures: float32 [N, H, W, C] in [0, 1].

        Returns:
          float32 [N, h, w, c]; each from its own picture alone, bit for bit.
        """
        rows = [self.see(tf.constant(picture[np.newaxis])).numpy() for picture in pictures]
        return np.concatenate(rows) if rows else np.zeros((0, *self.shape), np.float32)

    def lift(self, seen: np.ndarray, smooth: bool) -> np.ndarray:
        """A picture of the size before, made with no generator: what a restoration has to beat.

        Grey is repeated to all channels, and a smaller picture is enlarged.

        Args:
          seen: float32 [N, h, w, c].
          smooth: enlarge by Pillow's bicubic filter; else repeat pixels.

        Returns:
          float32 [N, H, W, C] in [0, 1].
        """
        height, width, channels = self.before
        if seen.shape[3] < channels:
            seen = np.repeat(seen, channels, 3)
        if seen.shape[1:3] != (height, width):
            method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
            seen = np.stack([_resized(picture, (width, height), method) for picture in seen])
        return np.clip(seen, 0.0, 1.0).astype(np.float32)


def _resized(picture: np.ndarray, size: tuple[int, int], method: Image.Resampling) -> np.ndarray:
    channels = np.moveaxis(np.asarray(picture, np.float32), 2, 0)
    planes = [Image.fromarray(plane).resize(size, method) for plane in channels]
    return np.stack([np.asarray(plane) for plane in planes], 2)
