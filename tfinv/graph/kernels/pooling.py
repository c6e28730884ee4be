"""MaxPool whose windows do not overlap, with a gradient that is a comparison.

XLA compiles TensorFlow's gradient of MaxPool to a select-and-scatter, which takes a CPU twice as
long as all of this does. Here the forward pass notes which place of its window won:

      x, windows of 2 x 2          place that won       gradient by x
     .-----.-----.
     | 1 7 | 0 2 |                                       0 dy | 0  0
     | 3 5 | 9 4 |                    1      2           0  0 | dy 0
     '-----'-----'

Ties: TensorFlow hands the whole gradient to the first maximum of a window, row by row, and so does
this. Windows that overlap, and AvgPool, are left to TensorFlow, which does well by them.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain
from tfinv.graph.kernels.layout import either_layout
from tfinv.graph.kernels.registry import Kernel, register

__all__ = ["window_maximum"]


@tf.custom_gradient
def window_maximum(windows: tf.Tensor):
    """Returns the maximum of each window, its gradient going to the first place that has it.

    Args:
      windows: [B, H, rows, W, columns, C]; only B may be unknown.

    Returns:
      [B, H, W, C].
    """
    rows, columns = windows.shape[2], windows.shape[4]
    largest = windows[:, :, 0, :, 0, :]
    winner = tf.zeros_like(largest, tf.int32)
    for place in range(1, rows * columns):
        candidate = windows[:, :, place // columns, :, place % columns, :]
        winner = tf.where(candidate > largest, place, winner)
        largest = tf.maximum(largest, candidate)

    def backward(dy: tf.Tensor) -> tf.Tensor:
        places = tf.reshape(tf.range(rows * columns), [1, 1, rows, 1, columns, 1])
        won = winner[:, :, None, :, None, :] == places
        return tf.where(won, dy[:, :, None, :, None, :], tf.zeros([], dy.dtype))

    return largest, backward


@register("MaxPool")
@either_layout
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    del constants
    window, padding = attribute(node, "ksize"), attribute(node, "padding")
    overlapping = window != attribute(node, "strides")
    if overlapping or window[0] != 1 or window[3] != 1 or padding == "EXPLICIT":
        return None
    rows, columns = window[1:3]
    otherwise = plain(node)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        x = inputs[0]
        _, height, width, channels = x.shape
        if None in (height, width, channels):
            return otherwise(inputs, leak)
        down, across = height // rows, width // columns
        if padding == "SAME" and (height, width) != (down * rows, across * columns):
            return otherwise(inputs, leak)
        x = x[:, : down * rows, : across * columns, :]
        return [window_maximum(tf.reshape(x, [-1, down, rows, across, columns, channels]))]

    return kernel
