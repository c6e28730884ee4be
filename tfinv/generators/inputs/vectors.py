"""Shapes of inputs that a file leaves open, told from what the graph does with them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tfinv.graph import ops
from tfinv.graph.facts import RENAMING, Facts
from tfinv.graph.model import NodeDef, Port
from tfinv.graph.walk import canonical

__all__ = ["is_index", "vector_shape", "vector_size"]

_KEEPING = RENAMING | {
    "Add",
    "AddV2",
    "Maximum",
    "Minimum",
    "Mul",
    "Neg",
    "RealDiv",
    "Relu",
    "Rsqrt",
    "Square",
    "SquaredDifference",
    "Sub",
    "Tanh",
}
_PRODUCTS = {
    "MatMul": ("transpose_a", "transpose_b"),
    "BatchMatMulV2": ("adj_x", "adj_y"),  # what "@" writes where the rank is not known
    "BatchMatMulV3": ("adj_x", "adj_y"),
}
_TRANSPOSED = {"Conv2DBackpropInput": 2, "Conv2DBackpropInputV2": 2}
_MOST_STEPS = 200

Shape = tuple[int | None, ...]


def vector_size(shape: Shape | None) -> int | None:
    """The length of the vector that an input of this shape is for each picture; None for others.

    [N, d], [N, 1, 1, d], [N, d, 1, 1], [N, 1, d] and the like are vectors of d; a grid is none.
    """
    if shape is None or len(shape) < 2 or None in shape[1:]:
        return None
    large = [size for size in shape[1:] if size != 1]
    return math.prod(large) if len(large) <= 1 else None


def vector_shape(facts: Facts, port: Port) -> Shape | None:
    """The shape of an input, completed by the weights that it meets; as the file says if none do.

    A matrix product tells the length of what it multiplies, a Reshape the shape that it makes, a
    split the length of its pieces.
    """
    if port.shape is not None and None not in port.shape[1:]:
        return port.shape
    found = _Search(facts).shape(port.tensor)
    if found is None or (port.shape is not None and len(port.shape) != len(found)):
        return port.shape
    batch = port.shape[0] if port.shape else None
    return (batch, *found[1:])


def is_index(facts: Facts, tensor: str) -> bool:
    """Whether a tensor's values choose rows of a table or become one-hot: numbers of classes."""
    todo = [canonical(tensor)]
    for name in todo:  # grows on the way
        for node, place in facts.readers(name):
            if (node.op, place) in {("GatherV2", 1), ("Gather", 1), ("OneHot", 0)}:
                return True
            passes = node.op in RENAMING | {"Reshape", "ExpandDims", "Squeeze"} and place == 0
            # Keras counts negative labels from the end.
            if passes or node.op in ("Select", "SelectV2", "AddV2"):
                todo += [canonical(node.name)]
        if len(todo) > _MOST_STEPS:
            break
    return False


class _Search:
    """Follows a tensor of unknown shape to the first op that knows it."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._steps = 0

    def shape(self, tensor: str) -> Shape | None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return None
        for node, place in self._facts.readers(tensor):
            found = self._from(node, place)
            if found is not None:
                return found
        return None

    def _from(self, node: NodeDef, place: int) -> Shape | None:
        if node.op in _PRODUCTS and place == 0:
            turned = [bool(ops.attribute(node, key)) for key in _PRODUCTS[node.op]]
            shape = self._facts.weight_shape(node.input[1])
            if turned[0] or shape is None or len(shape) != 2:
                return None
            return (None, shape[1 if turned[1] else 0])
        if node.op in ("Conv2D", *_TRANSPOSED) and place == _TRANSPOSED.get(node.op, 0):
            return self._of_filters(node)
        if node.op == "Reshape" and place == 0:
            target = self._facts.constant(node.input[1])
            return None if target is None else _of_target(target.tolist())
        if node.op == "Split" and place == 1:
            pieces = ops.attribute(node, "num_split")
            return _times(pieces, self._first([f"{node.name}:{k}" for k in range(pieces)]))
        if node.op == "SplitV" and place == 0:
            sizes = self._facts.constant(node.input[1])
            known = sizes is not None and (sizes > 0).all()
            return (None, int(sizes.sum())) if known else None
        return self.shape(node.name) if self._keeps(node, place) else None

    def _keeps(self, node: NodeDef, place: int) -> bool:
        """Whether a node gives what it reads its own shape; a number times a vector does not."""
        others = [name for k, name in enumerate(node.input) if k != place]
        scaled = any(self._facts.source(name).op == "Placeholder" for name in others)
        return node.op in _KEEPING and not scaled

    def _first(self, tensors: Sequence[str]) -> Shape | None:
        return next((found for name in tensors if (found := self.shape(name))), None)

    def _of_filters(self, node: NodeDef) -> Shape | None:
        """The input of a convolution that is a picture of one pixel, as PyTorch writes latents."""
        shape = self._facts.weight_shape(node.input[1])
        if shape is None:
            return None
        channels = shape[3 if node.op in _TRANSPOSED else 2]
        first = ops.attribute(node, "data_format").startswith("NC")
        return (None, channels, 1, 1) if first else (None, 1, 1, channels)


def _of_target(target: list[int]) -> Shape | None:
    """What a Reshape to this shape can have read: rows of so many numbers."""
    rest = target[1:]
    return (None, math.prod(rest)) if rest and min(rest) > 0 else None


def _times(pieces: int, shape: Shape | None) -> Shape | None:
    return None if shape is None or len(shape) != 2 else (None, pieces * shape[1])
