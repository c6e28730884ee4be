"""Shapes that a graph computes from constants alone.

Where the batch is fixed, TensorFlow writes tf.shape(z) as a constant, and leaves the arithmetic on
it in the graph: tf.stack([tf.shape(z)[0], 8, 8, 3]) is a Const, a StridedSlice and a Pack, and
tf.repeat cuts such a constant in three parts and joins them again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph import ops
from tfinv.graph.model import NodeDef, split_tensor_name

__all__ = ["written_shapes"]

_MOST = 64  # numbers in a tensor that is part of a shape; what is larger is no shape

# None of them can make much out of little.
_STEPS = frozenset(
    {"Add", "AddV2", "Cast", "ConcatV2", "ExpandDims", "FloorDiv", "GatherV2", "Identity"}
    | {"Maximum", "Minimum", "Mul", "Neg", "Pack", "Prod", "Reshape", "Slice", "Squeeze"}
    | {"StridedSlice", "Sub"}
)


def written_shapes(
    nodes: Mapping[str, NodeDef], weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Evaluates every small integer tensor that depends on no input.

    Args:
      nodes: by name, producers first.
      weights: values of the constants that have none, whose shapes count as constants too.

    Returns:
      Integers of any shape, at most 64, by the name of the node whose only output they are.
    """
    values: dict[str, np.ndarray] = {}
    sizes: dict[str, tuple[int, ...]] = {name: np.shape(array) for name, array in weights.items()}
    for name, node in nodes.items():
        read = [split_tensor_name(tensor)[0] for tensor in node.input]
        value = None
        if node.op == "Const" and name not in weights:
            sizes[name] = tuple(tf.TensorShape(node.attr["value"].tensor.tensor_shape))
            value = _constant(node, sizes[name])
        elif node.op == "Identity" and read[0] in sizes:
            sizes[name] = sizes[read[0]]
        elif node.op == "Shape" and read[0] in sizes:
            value = np.array(sizes[read[0]], ops.output_types(node)[0].as_numpy_dtype)
        elif node.op in _STEPS and all(other in values for other in read):
            value = _run(node, [values[other] for other in read])
        if value is not None and value.dtype.kind in "iu" and value.size <= _MOST:
            values[name] = value
    return values


def _constant(node: NodeDef, shape: tuple[int, ...]) -> np.ndarray | None:
    if not tf.as_dtype(node.attr["dtype"].type).is_integer or math.prod(shape) > _MOST:
        return None
    return tf.make_ndarray(node.attr["value"].tensor)


def _run(node: NodeDef, values: list[np.ndarray]) -> np.ndarray | None:
    try:
        [result] = ops.make_runner(node)([tf.constant(value) for value in values])
    except (tf.errors.OpError, UserError, TypeError, ValueError):
        return None  # whoever runs the graph will say what is wrong with the node
    return result.numpy()
