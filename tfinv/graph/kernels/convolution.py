"""Conv2D by a constant filter: a quick backward pass for every stride and dilation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain
from tfinv.graph.kernels.constant_filter import (
    Pads,
    constant_convolution,
    forward_pads,
    pad_and_convolve,
)
from tfinv.graph.kernels.layout import either_layout
from tfinv.graph.kernels.registry import Kernel, register
from tfinv.graph.kernels.transposed_convolution import Axis, transposed_convolution

__all__ = ["strided_convolution"]


def strided_convolution(
    filters: np.ndarray, pads: Pads, strides: Sequence[int], inputs: Sequence[int]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a convolution by a filter that gets no gradient, for strides other than 1.

    Its backward pass is the transposed convolution by the same filter, without the products by
    zero that TensorFlow's own would make.

    Args:
      filters: [rows, columns, in, out].
      pads: zeros around the input.
      strides: of rows and columns.
      inputs: rows and columns of the input.

    Returns:
      A function of x [B, *inputs, in] to [B, H, W, out], differentiable by x.
    """
    rows, columns = (
        Axis(taps, stride, before, (size + before + after - taps) // stride + 1, size)
        for taps, stride, (before, after), size in zip(
            filters.shape[:2], strides, pads, inputs, strict=True
        )
    )
    transposed = transposed_convolution(filters, rows, columns)
    with tf.init_scope():
        forward_filter = tf.constant(filters)

    @tf.custom_gradient
    def convolve(x: tf.Tensor):
        return pad_and_convolve(x, forward_filter, pads, strides), transposed

    return convolve


@register("Conv2D")
@either_layout
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    if constants[1] is None:
        return None
    filters = constants[1].numpy()
    taps = filters.shape[:2]
    strides, dilations = attribute(node, "strides")[1:3], attribute(node, "dilations")[1:3]
    unit_stride = list(strides) == [1, 1]
    if not unit_stride and list(dilations) != [1, 1]:
        return None
    otherwise = plain(node)

    @functools.cache
    def convolution(inputs: tuple[int, int]) -> Callable[[tf.Tensor], tf.Tensor]:
        pads = forward_pads(node, taps, inputs)
        if unit_stride:
            return constant_convolution(filters, pads, dilations)
        return strided_convolution(filters, pads, strides, inputs)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        x = inputs[0]
        spatial = x.shape[1:3].as_list()
        grouped = x.shape[3] != filters.shape[2]
        if grouped or None in spatial:
            return otherwise(inputs, leak)
        return [convolution(tuple(spatial))(x)]

    return kernel
