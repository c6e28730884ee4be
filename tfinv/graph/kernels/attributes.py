"""What a kernel maker may know before the first step: attributes, static sizes, the plain op."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.python.framework import op_def_registry

from tfinv.graph.kernels.registry import Kernel
from tfinv.graph.ops import make_runner

__all__ = ["attribute", "plain", "static_sizes"]


def attribute(node: NodeDef, name: str) -> Any:
    """Returns one attribute of a node, or the op's default where the node does not say.

    Strings come back as str, types as `tf.DType`, lists as lists. A SavedModel may have been
    written without the attributes that equal their defaults, so looking at the node is not enough.
    """
    if name in node.attr:
        return _value(node.attr[name])
    definition = next(a for a in op_def_registry.get(node.op).attr if a.name == name)
    return _value(definition.default_value)


def _value(attr: AttrValue) -> Any:
    kind = attr.WhichOneof("value")
    if kind == "s":
        return attr.s.decode()
    if kind == "type":
        return tf.as_dtype(attr.type)
    if kind == "list":
        values = next((values for _, values in attr.list.ListFields()), [])
        return [v.decode() if isinstance(v, bytes) else v for v in values]
    return getattr(attr, kind)


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
