"""Ops of NCHW graphs that need only another layout to run and be differentiated on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute
from tfinv.graph.kernels.layout import either_layout
from tfinv.graph.kernels.registry import Kernel, register

__all__: list[str] = []


@register("AvgPool", "DepthToSpace", "DepthwiseConv2dNative", "SpaceToDepth")
@either_layout
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> None:
    """The plain op; `either_layout` does the rest."""


@register("BiasAdd")
def _make_bias_add(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    del constants
    if attribute(node, "data_format") != "NCHW":
        return None

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        del leak
        x, bias = inputs
        return [x + tf.reshape(bias, [-1] + [1] * (x.shape.rank - 2))]

    return kernel
