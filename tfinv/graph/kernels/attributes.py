"""What a kernel maker may know before the first step: attributes, static sizes, the plain op."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.registry import Kernel
from tfinv.graph.ops import attribute, make_runner

__all__ = ["attribute", "plain", "static_sizes"]


def plain(node: NodeDef) -> Kernel:
    """Returns the kernel that runs the node's own op; the leak is of no interest to it."""
    run = make_runner(node)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        del leak
        return run(inputs)

    return kernel


def static_sizes(sizes: tf.Tensor) -> list[int | None]:
    """Returns what is known, without running anything, of a tensor that holds a shape.

    Args:
      sizes: integers, shape [n]; for instance (batch, 8, 8, 3), its batch read from another tensor.

    Returns:
      n sizes, None for those that are known only when the graph runs.
    """
    known = tf.get_static_value(sizes)
    if known is not None:
        return [int(size) for size in known]
    # TensorFlow's shape inference follows Pack, Shape, slices and arithmetic; a tensor of that
    # shape asks it. The tensor itself is never computed.
    return tf.zeros(sizes, tf.bool).shape.as_list()
