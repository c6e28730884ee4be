"""Pooling whose windows do not overlap, as a reshape and a maximum or a mean.

XLA compiles TensorFlow's gradient of MaxPool to a select-and-scatter, which is slow on a CPU; the
gradient of a maximum of two tensors is a select.

Ties: TensorFlow hands the whole gradient to the first maximum of a window, row by row. So does
this: `tf.maximum(a, b)` hands a tie's gradient to a, and the window is folded in that order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain
from tfinv.graph.kernels.layout import either_layout
from tfinv.graph.kernels.registry import Kernel, register

__all__: list[str] = []

# The fold makes one op for each place of a window; a large window is better left to TensorFlow.
_LARGEST_WINDOW = 16


def _largest(windows: tf.Tensor) -> tf.Tensor:
    rows, columns = windows.shape[2], windows.shape[4]
    places = [windows[:, :, r, :, c, :] for r in range(rows) for c in range(columns)]
    return functools.reduce(tf.maximum, places)


def _mean(windows: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(windows, axis=[2, 4])


def _windowed(
    node: NodeDef, reduce: Callable[[tf.Tensor], tf.Tensor], largest_window: int | None
) -> Kernel | None:
    """Returns the kernel that reduces [B, H, rows, W, columns, C] over each window."""
    size, padding = attribute(node, "ksize"), attribute(node, "padding")
    rows, columns = size[1:3]
    overlapping = size != attribute(node, "strides")
    if overlapping or size[0] != 1 or size[3] != 1 or padding == "EXPLICIT":
        return None
    if largest_window is not None and rows * columns > largest_window:
        return None
    otherwise = plain(node)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        x = inputs[0]
        height, width, channels = x.shape[1:]
        if None in (height, width, channels):
            return otherwise(inputs, leak)
        down, across = height // rows, width // columns
        if (height, width) != (down * rows, across * columns):
            if padding == "SAME" or 0 in (down, across):
                return otherwise(inputs, leak)
            x = x[:, : down * rows, : across * columns, :]
        return [reduce(tf.reshape(x, [-1, down, rows, across, columns, channels]))]

    return kernel


@register("MaxPool")
@either_layout
def _make_max_pool(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    del constants
    return _windowed(node, _largest, _LARGEST_WINDOW)


@register("AvgPool")
@either_layout
def _make_average_pool(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    del constants
    return _windowed(node, _mean, None)
