"""How large each tensor of a graph is, found before anything large is computed.

A file of a few bytes can ask for any amount of memory: a `Fill` with dims of a billion, tiles of
tiles, a sum over either whose value is the size of the next. TensorFlow itself would compute them
while it reads the graph: a shape function that needs the value of an input has the constant
sub-graph behind it evaluated. So nodes are added one by one, producers first, and each is measured
before any other can ask for its value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tfinv.errors import UserError
from tfinv.graph.model import split_tensor_name

__all__ = ["MAX_REPEATED_CONSTANT", "MAX_TENSOR", "Shapes", "check_growth"]

NodeDef = tf.compat.v1.NodeDef

MAX_TENSOR = 1 << 32  # bytes; attention over 128 x 128 positions makes a sixteenth of that an image
MAX_REPEATED_CONSTANT = 1 << 28  # bytes; what a file of a few bytes may make of itself

_SHAPES = frozenset({"Rank", "Shape", "ShapeN", "Size"})
_DAMAGED = (tf.errors.OpError, TypeError, ValueError, KeyError, IndexError, OverflowError)


class Shapes:
    """The tensors of a flat graph, as far as their shapes are known before it runs.

    Args:
      nodes: the graph, producers first; every op is on the allow-list.
      weights: values of the nodes that hold none of their own, as in GraphModel.
      path: the file, for messages.

    Attributes:
      unsized: the nodes that have an output of unknown size, other than for its batch.

    Raises:
      UserError: the inputs or attributes of a node do not fit its op, or a tensor is too large.
    """

    def __init__(self, nodes: Mapping[str, NodeDef], weights: Mapping[str, np.ndarray], path: str):
        self._path = path
        self._outputs: dict[str, list[tf.Tensor]] = {}
        self._folds: set[str] = set()  # what TensorFlow evaluates as soon as a shape depends on it
        with tf.Graph().as_default() as graph:
            for node in nodes.values():
                self._add(graph, node, weights.get(node.name))
        self.unsized = frozenset(
            name
            for name, tensors in self._outputs.items()
            if any(t.shape.num_elements() is None for t in tensors)
        )

    def of(self, tensor: str) -> tuple[int | None, ...] | None:
        """The shape of "node:k", None where a dimension is unknown; None for unknown rank."""
        shape = self._tensor(tensor).shape
        return None if shape.rank is None else tuple(shape.as_list())

    def _tensor(self, tensor: str) -> tf.Tensor:
        name, index = split_tensor_name(tensor)
        return self._outputs[name][index]

    def _add(self, graph: tf.Graph, node: NodeDef, weight: np.ndarray | None) -> None:
        try:
            if weight is not None:
                made = [tf.compat.v1.placeholder(weight.dtype, weight.shape)]
            else:
                inputs = [self._tensor(i) for i in node.input]
                made = _create(graph, node, inputs)
        except _DAMAGED as error:
            line = " ".join(str(error).split())[:200]
            raise UserError(
                f"{self._path}: the graph is damaged at node {node.name!r} ({node.op}: {line})"
            ) from error
        self._outputs[node.name] = made
        if weight is None and self._is_folded(node):
            self._folds.add(node.name)
        limit = MAX_REPEATED_CONSTANT if node.name in self._folds else MAX_TENSOR
        for index, tensor in enumerate(made):
            what = f"'{node.name}:{index}' ({node.op})"
            _check_size(tensor.dtype, tensor.shape, limit, what, self._path)

    def _is_folded(self, node: NodeDef) -> bool:
        if node.op == "Const":
            return True
        if node.op in _SHAPES:
            return all(self._tensor(i).shape.is_fully_defined() for i in node.input)
        return bool(node.input) and all(split_tensor_name(i)[0] in self._folds for i in node.input)


def check_growth(node: NodeDef, inputs: Sequence[tf.Tensor], path: str) -> None:
    """Refuses a node that would grow too large on what it is about to be given.

    Args:
      node: a node of `Shapes.unsized`, about to run.
      inputs: its inputs, eager tensors.
      path: the file, for the message.

    Raises:
      UserError: an output of more than MAX_TENSOR bytes.
    """
    with tf.Graph().as_default() as graph:
        given = [tf.constant(i.numpy()) for i in inputs]
        try:
            made = _create(graph, node, given)
        except _DAMAGED:
            return  # running it will say what is wrong
    for index, tensor in enumerate(made):
        what = f"'{node.name}:{index}' ({node.op})"
        _check_size(tensor.dtype, tensor.shape, MAX_TENSOR, what, path)


def _create(graph: tf.Graph, node: NodeDef, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    attributes = {key: value for key, value in node.attr.items() if not key.startswith("_")}
    operation = graph.create_op(
        node.op, list(inputs), name=None, attrs=attributes, op_def=op_def_registry.get(node.op)
    )
    return list(operation.outputs)


def _check_size(dtype: tf.DType, shape: tf.TensorShape, limit: int, what: str, path: str) -> None:
    size = dtype.size * (shape.num_elements() or 0)
    if size > limit:
        raise UserError(f"{path}: refused, because {what} would take {size} bytes")
