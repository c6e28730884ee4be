"""Bilinear resizing as two matrix products.

Bilinear resizing is linear and works on rows and columns apart, so it is Y = A X B' with one sparse
matrix for the rows and one for the columns. XLA's own version of the op takes a CPU twice as long,
and is wrong for some sizes: 6 rows made 18, for instance (TensorFlow 2.21).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain, static_sizes
from tfinv.graph.kernels.registry import Kernel, register

__all__ = ["bilinear_matrix", "matrix_kernel", "resize_by_matrices"]


def bilinear_matrix(
    inputs: int, outputs: int, align_corners: bool, half_pixel_centers: bool
) -> np.ndarray:
    """Returns the weight of each input row in each output row.

    The formulas are those of TensorFlow's ResizeBilinear.

    Args:
      inputs: rows (or columns) of the input.
      outputs: of the output.
      align_corners: the first and the last row keep their places.
      half_pixel_centers: a pixel is where its centre is, not its upper left corner.

    Returns:
      float32 [outputs, inputs], each row with a sum of 1 and at most two entries that are not 0.
    """
    place = np.arange(outputs, dtype=np.float64)
    if align_corners and outputs > 1:
        place *= (inputs - 1) / (outputs - 1)
    elif half_pixel_centers:
        place = (place + 0.5) * (inputs / outputs) - 0.5
    else:
        place *= inputs / outputs
    lower = np.floor(place)
    share = place - lower
    matrix = np.zeros([outputs, inputs], np.float32)
    for row in range(outputs):
        first, second = np.clip([lower[row], lower[row] + 1], 0, inputs - 1).astype(int)
        matrix[row, first] += 1 - share[row]
        matrix[row, second] += share[row]
    return matrix


def resize_by_matrices(x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Mixes the rows, then the columns, of images.

    Args:
      x: [B, h, w, C].
      rows: [H, h].
      columns: [W, w].

    Returns:
      [B, H, W, C].
    """
    _, height, width, channels = x.shape
    x = tf.matmul(rows, tf.reshape(x, [-1, height, width * channels]))
    x = tf.matmul(columns, tf.reshape(x, [-1, width, channels]))
    return tf.reshape(x, [-1, rows.shape[0], columns.shape[0], channels])


def matrix_kernel(node: NodeDef, make_matrix: Callable[[int, int], tf.Tensor]) -> Kernel:
    """The kernel of a resizing op that is linear and works on rows and columns apart.

    Args:
      node: the op; it runs as it is where a size is not known.
      make_matrix: (input rows, output rows) to float32 [output rows, input rows]; called once
        for each pair, outside any graph that is being traced.
    """
    otherwise = plain(node)

    @functools.cache
    def matrix(inputs: int, outputs: int) -> tf.Tensor:
        with tf.init_scope():
            return make_matrix(inputs, outputs)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        x, size = inputs
        (_, height, width, channels), (rows, columns) = x.shape, static_sizes(size)
        if None in (height, width, channels, rows, columns):
            return otherwise(inputs, leak)
        x = tf.cast(x, tf.float32)  # whatever goes in, the op returns float32
        return [resize_by_matrices(x, matrix(height, rows), matrix(width, columns))]

    return kernel


@register("ResizeBilinear")
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel:
    del constants
    conventions = attribute(node, "align_corners"), attribute(node, "half_pixel_centers")
    return matrix_kernel(
        node, lambda inputs, outputs: tf.constant(bilinear_matrix(inputs, outputs, *conventions))
    )
