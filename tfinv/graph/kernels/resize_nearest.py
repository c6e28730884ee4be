"""Nearest-neighbour resizing with a gradient that XLA has: none exists for TensorFlow's own op."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain, static_sizes
from tfinv.graph.kernels.registry import Kernel, register

__all__ = ["nearest_sources", "repeat_pixels", "repetitions"]


def nearest_sources(
    inputs: int, outputs: int, align_corners: bool, half_pixel_centers: bool
) -> np.ndarray:
    """Returns which input row each output row copies.

    The formulas are those of TensorFlow's ResizeNearestNeighbor, in its float32 arithmetic, so
    that they also round alike.

    Args:
      inputs: rows (or columns) of the input.
      outputs: of the output.
      align_corners: the first and the last row keep their places.
      half_pixel_centers: a pixel is where its centre is, not its upper left corner.

    Returns:
      int64 [outputs], each in [0, inputs).
    """
    place = np.arange(outputs, dtype=np.float32)
    if align_corners and outputs > 1:
        scale = np.float32(inputs - 1) / np.float32(outputs - 1)
    else:
        scale = np.float32(inputs) / np.float32(outputs)
    place = (place + np.float32(0.5)) * scale if half_pixel_centers else place * scale
    source = np.floor(place + np.float32(0.5)) if align_corners else np.floor(place)
    return np.clip(source, 0, inputs - 1).astype(np.int64)


def repetitions(
    old: Sequence[int], new: Sequence[int], align_corners: bool, half_pixel_centers: bool
) -> list[int] | None:
    """How often each row and each column is repeated, where that is all that a resizing does.

    Args:
      old: rows and columns before.
      new: rows and columns after.
      align_corners: see `nearest_sources`.
      half_pixel_centers: likewise.
    """
    factors = [max(n // o, 1) for o, n in zip(old, new, strict=True)]
    for inputs, outputs, factor in zip(old, new, factors, strict=True):
        sources = nearest_sources(inputs, outputs, align_corners, half_pixel_centers)
        if not np.array_equal(sources, np.repeat(np.arange(inputs), factor)):
            return None
    return factors


def repeat_pixels(x: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Turns each pixel of x [B, H, W, C] into rows x columns equal ones.

    The gradient of a broadcast is a sum over each block of pixels, which every compiler knows.
    """
    _, height, width, channels = x.shape
    blocks = tf.reshape(x, [-1, height, 1, width, 1, channels])
    blocks = tf.tile(blocks, [1, 1, rows, 1, columns, 1])
    return tf.reshape(blocks, [-1, height * rows, width * columns, channels])


@register("ResizeNearestNeighbor")
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel:
    del constants
    conventions = attribute(node, "align_corners"), attribute(node, "half_pixel_centers")
    otherwise = plain(node)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        x, size = inputs
        old, new = x.shape[1:3].as_list(), static_sizes(size)
        if None in (*old, *new, x.shape[3]):
            return otherwise(inputs, leak)
        factors = repetitions(old, new, *conventions)
        if factors is not None:
            return [repeat_pixels(x, *factors)]
        rows, columns = (
            nearest_sources(*sizes, *conventions) for sizes in zip(old, new, strict=True)
        )
        return [tf.gather(tf.gather(x, rows, axis=1), columns, axis=2)]

    return kernel
