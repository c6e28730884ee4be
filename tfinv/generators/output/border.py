"""The border between a generator's own pictures and tfinv's: float32 NHWC in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

__all__ = ["LAYOUTS", "RANGES", "Border", "range_of_samples", "visible"]

RANGES: Mapping[str, tuple[float, float]] = {
    "-1,1": (-1.0, 1.0),
    "0,1": (0.0, 1.0),
    "0,255": (0.0, 255.0),
}
LAYOUTS = ("NHWC", "NCHW")


@dataclass(frozen=True)
class Border:
    """Converts a generator's output, once, where it leaves the graph.

    Attributes:
      range: a name in `RANGES`, the values of black and white.
      layout: a name in `LAYOUTS`.
      shape: (H, W, C) or (C, H, W) of one picture, where the graph gives it flat or without
        channels; None where the output has this shape already.
      range_from: how the range is known, such as "Tanh".
      layout_from: how the layout is known.
    """

    range: str
    layout: str
    shape: tuple[int, int, int] | None = None
    range_from: str = ""
    layout_from: str = ""

    def to_images(self, output: tf.Tensor) -> tf.Tensor:
        """Turns raw output, float [N, ...], into float32 NHWC.

        Black is 0 and white is 1; an output that leaves its range leaves [0, 1] too.
        """
        low, high = RANGES[self.range]
        images = tf.cast(output, tf.float32)
        if self.shape is not None:
            images = tf.reshape(images, [-1, *self.shape])
        if self.layout == "NCHW":
            images = tf.transpose(images, [0, 2, 3, 1])
        return images if (low, high) == (0.0, 1.0) else (images - low) / (high - low)


def visible(images: tf.Tensor) -> tf.Tensor:
    """Pictures as they are shown: what is beyond black or white is clipped to [0, 1].

    The gradient is that of the pictures before, or none would lead back from beyond.
    """
    shown = tf.clip_by_value(images, 0.0, 1.0)
    return tf.stop_gradient(shown) + (images - tf.stop_gradient(images))


def range_of_samples(samples: np.ndarray) -> str:
    """The range that fits raw samples best; float array of any shape, from at least a few z.

    Values far above 1 mean [0, 255]; clearly negative ones mean [-1, 1].
    """
    low, high = np.percentile(samples, [1, 99])
    if high > 4.0:
        return "0,255"
    return "-1,1" if low < -0.1 else "0,1"
