"""Convolution by a constant filter, with a backward pass that is an ordinary convolution.

The gradient of y = convolution(x, w) by x is the convolution of dy with w turned round: flipped in
height and width, its channels swapped. TensorFlow leaves that turning to `Conv2DBackpropInput`,
which XLA compiles, inside a while loop on a CPU, to a convolution with an awkward filter layout
that runs several times slower. A generator's filters are constant while a code is optimised, so
the turned filter is made once in advance, and both passes are the same quick kind of convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute

__all__ = ["Pads", "constant_convolution", "forward_pads", "pad_and_convolve"]

#: Zeros (above, below) and (left, right) of an image; a negative number cuts rows or columns off.
Pads = Sequence[tuple[int, int]]


def forward_pads(node: NodeDef, taps: Sequence[int], inputs: Sequence[int]) -> Pads:
    """Returns the zeros that TensorFlow puts around the input of an NHWC convolution.

    Args:
      node: a convolution or the gradient of one: padding, strides, dilations, explicit_paddings.
      taps: rows and columns of the filter.
      inputs: rows and columns of the forward convolution's input.
    """
    padding = attribute(node, "padding")
    if padding == "VALID":
        return (0, 0), (0, 0)
    if padding == "EXPLICIT":
        above, below, left, right = attribute(node, "explicit_paddings")[2:6]
        return (above, below), (left, right)
    pads = []
    strides, dilations = attribute(node, "strides")[1:3], attribute(node, "dilations")[1:3]
    for size, count, stride, dilation in zip(inputs, taps, strides, dilations, strict=True):
        reach = dilation * (count - 1) + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        pads.append((total // 2, total - total // 2))
    return pads


def pad_and_convolve(
    x: tf.Tensor,
    filters: tf.Tensor,
    pads: Pads,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
) -> tf.Tensor:
    """`tf.nn.conv2d` in NHWC with explicit pads, which may be negative here."""
    if min(min(pair) for pair in pads) < 0:
        rows, columns = (slice(max(-a, 0), min(b, 0) or None) for a, b in pads)
        x = x[:, rows, columns, :]
    explicit = [[0, 0], *([max(a, 0), max(b, 0)] for a, b in pads), [0, 0]]
    return tf.nn.conv2d(x, filters, strides, explicit, dilations=dilations)


def constant_convolution(
    filters: np.ndarray, pads: Pads, dilations: Sequence[int] = (1, 1)
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the stride-1 convolution by a filter that gets no gradient.

    Args:
      filters: [rows, columns, in, out].
      pads: zeros around the input.
      dilations: distance between the filter's taps, in rows and in columns.

    Returns:
      A function of x [B, H, W, in] to [B, H', W', out], differentiable by x.
    """
    reach = [d * (taps - 1) for d, taps in zip(dilations, filters.shape[:2], strict=True)]
    back_pads = [(n - before, n - after) for n, (before, after) in zip(reach, pads, strict=True)]
    turned = filters[::-1, ::-1].transpose(0, 1, 3, 2)
    with tf.init_scope():
        forward_filter, backward_filter = tf.constant(filters), tf.constant(turned)

    @tf.custom_gradient
    def convolve(x: tf.Tensor):
        def backward(dy: tf.Tensor) -> tf.Tensor:
            return pad_and_convolve(dy, backward_filter, back_pads, dilations=dilations)

        return pad_and_convolve(x, forward_filter, pads, dilations=dilations), backward

    return convolve
