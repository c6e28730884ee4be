"""The border between a generator's own pictures and tfinv's: float32 NHWC in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.graph.model import GraphModel, split_tensor_name

__all__ = ["LAYOUTS", "RANGES", "Border", "find_layout", "range_of_graph", "range_of_samples"]

RANGES: Mapping[str, tuple[float, float]] = {
    "-1,1": (-1.0, 1.0),
    "0,1": (0.0, 1.0),
    "0,255": (0.0, 255.0),
}
LAYOUTS = ("NHWC", "NCHW")

_BOUNDED = {"Tanh": "-1,1", "Sigmoid": "0,1"}
_PASSED_THROUGH = ("Identity", "Cast", "Reshape", "Transpose", "StopGradient", "Squeeze")


@dataclass(frozen=True)
class Border:
    """Converts a generator's output, once, where it leaves the graph.

    Attributes:
      range: a name in `RANGES`, the values of black and white.
      layout: a name in `LAYOUTS`.
    """

    range: str
    layout: str

    def to_images(self, output: tf.Tensor) -> tf.Tensor:
        """Turns raw output, float [N, H, W, C] or [N, C, H, W], into float32 NHWC in [0, 1]."""
        low, high = RANGES[self.range]
        images = tf.cast(output, tf.float32)
        if self.layout == "NCHW":
            images = tf.transpose(images, [0, 2, 3, 1])
        return images if (low, high) == (0.0, 1.0) else (images - low) / (high - low)


def range_of_graph(model: GraphModel, output: str) -> str | None:
    """The range that the graph's last operations prove, or None if they prove none.

    A bounded activation on the output decides: tanh gives [-1, 1], a sigmoid [0, 1]. Operations
    that only move values about are passed through.
    """
    node = model.nodes[split_tensor_name(output)[0]]
    while node.op in _PASSED_THROUGH:
        node = model.nodes[split_tensor_name(node.input[0])[0]]
    return _BOUNDED.get(node.op)


def range_of_samples(samples: np.ndarray) -> str:
    """The range that fits raw samples best; float array of any shape, from at least a few z.

    Values far above 1 mean [0, 255]; clearly negative ones mean [-1, 1].
    """
    low, high = np.percentile(samples, [1, 99])
    if high > 4.0:
        return "0,255"
    return "-1,1" if low < -0.1 else "0,1"


def find_layout(shape: tuple[int, ...]) -> str | None:
    """NHWC or NCHW from a picture's shape without the batch, or None if neither fits."""
    if len(shape) != 3:
        return None
    if shape[-1] in (1, 3):
        return "NHWC"
    return "NCHW" if shape[0] in (1, 3) else None
