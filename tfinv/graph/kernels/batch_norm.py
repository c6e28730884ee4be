"""Frozen batch norm: one multiplication and one addition."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.python.framework import op_def_registry

from tfinv.graph.kernels.attributes import attribute
from tfinv.graph.kernels.layout import either_layout
from tfinv.graph.kernels.registry import Kernel, register

__all__ = ["gain_and_offset"]


def gain_and_offset(
    scale: tf.Tensor, offset: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns (gain, offset) with scale * (x - mean) / sqrt(variance + epsilon) + offset.

    Args:
      scale: [C].
      offset: [C].
      mean: [C].
      variance: [C].
      epsilon: added to the variance.

    Returns:
      Two tensors [C]; the formula above is gain * x + offset.
    """
    gain = scale * tf.math.rsqrt(variance + epsilon)
    return gain, offset - gain * mean


@either_layout
def _in_training(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> None:
    """Statistics of the batch itself: the plain op, which knows only NHWC on a CPU."""


@register("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    if attribute(node, "is_training"):
        return _in_training(node, constants)
    epsilon = attribute(node, "epsilon")
    channels_first = attribute(node, "data_format").startswith("NC")
    outputs = len(op_def_registry.get(node.op).output_arg)
    folded = None
    if all(value is not None for value in constants[1:]):
        folded = gain_and_offset(*constants[1:], epsilon)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        del leak
        x, *parameters = inputs
        gain, offset = folded or gain_and_offset(*parameters, epsilon)
        if channels_first:
            shape = [-1] + [1] * (x.shape.rank - 2)
            gain, offset = tf.reshape(gain, shape), tf.reshape(offset, shape)
        y = tf.cast(tf.cast(x, gain.dtype) * gain + offset, x.dtype)
        mean, variance = parameters[2:]
        # The third reserve is scratch space of a GPU's gradient op, which nothing here calls.
        return [y, mean, variance, mean, variance, tf.zeros([0], gain.dtype)][:outputs]

    return kernel
