"""What the last operations of a graph prove about the values of its pictures.

Interval arithmetic, from the output back to activations that are bounded whatever they read:

    [0, 255] <- Mul 127.5 <- [0, 2] <- Add 1 <- [-1, 1] <- Tanh <- anything

An interval may be wider than the truth (a product of two things that depend on each other), so it
counts as a proof only if it is one of the ranges in use, to the last bit of float16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfinv.generators.output.border import RANGES
from tfinv.graph.facts import RENAMING, Facts
from tfinv.graph.model import NodeDef, split_tensor_name

__all__ = ["prove_range"]

Interval = tuple[float, float]

_ANY: Interval = (-math.inf, math.inf)
_MOST_NODES = 200  # what decides stands at the very end
_TOLERANCE = 2e-3  # of the range's width: float16 has eleven bits

_BOUNDED: Mapping[str, Interval] = {
    "Tanh": (-1.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Softsign": (-1.0, 1.0),
    "Erf": (-1.0, 1.0),
    "Sin": (-1.0, 1.0),
    "Cos": (-1.0, 1.0),
}
# They move values about, select some, or average them with weights that add up to one.
_KEEPING = RENAMING | {
    "AvgPool",
    "BatchToSpaceND",
    "DepthToSpace",
    "ExpandDims",
    "GatherV2",
    "MaxPool",
    "Max",
    "Mean",
    "Min",
    "Reshape",
    "ResizeArea",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
    "ReverseV2",
    "Rint",
    "Round",
    "Slice",
    "SpaceToBatchND",
    "SpaceToDepth",
    "SplitV",
    "Squeeze",
    "StridedSlice",
    "Switch",
    "Tile",
    "Transpose",
    "Unpack",
}
_JOINING = {"ConcatV2": slice(0, -1), "Concat": slice(1, None), "Pack": slice(None)}
_CHOOSING = {"Merge": slice(None), "Select": slice(1, None), "SelectV2": slice(1, None)}


def prove_range(facts: Facts, tensor: str) -> tuple[str, str] | None:
    """The range that a graph's last operations prove.

    Args:
      facts: of the graph.
      tensor: the picture.

    Returns:
      A name in `RANGES` and the operations that bound the values, such as "Tanh"; or None.
    """
    walk = _Walk(facts)
    low, high = walk.interval(tensor)
    for name, (black, white) in RANGES.items():
        slack = _TOLERANCE * (white - black)
        if abs(low - black) <= slack and abs(high - white) <= slack:
            return name, " and ".join(dict.fromkeys(walk.bounds))
    return None


class _Walk:
    """One walk backwards; `bounds` collects the ops that made something unbounded bounded."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._known: dict[str, Interval] = {}
        self._visited = 0
        self.bounds: list[str] = []

    def interval(self, tensor: str) -> Interval:
        name = split_tensor_name(tensor)[0]
        if name not in self._known:
            self._visited += 1
            self._known[name] = _ANY  # what is met again on the way is not known
            if self._visited <= _MOST_NODES:
                self._known[name] = self._of(self._facts.model.nodes[name])
        return self._known[name]

    def _of(self, node: NodeDef) -> Interval:
        if node.op in _BOUNDED:
            self.bounds.append(node.op)
            return _BOUNDED[node.op]
        if node.op == "Const":
            return _of_array(self._facts.constant(node.name))
        inputs = list(node.input)
        if node.op in _KEEPING:
            return self.interval(inputs[0])
        if node.op == "Split":  # the axis comes first
            return self.interval(inputs[1])
        for table in (_JOINING, _CHOOSING):
            if node.op in table:
                return _union([self.interval(name) for name in inputs[table[node.op]]])
        if node.op in _ARITHMETIC:
            given = [self.interval(name) for name in inputs]
            result = _ARITHMETIC[node.op](*given)
            if _is_finite(result) and not all(map(_is_finite, given)):
                self.bounds.append(_SPELT.get(node.op, node.op))
            return result
        return _ANY


def _of_array(value: np.ndarray | None) -> Interval:
    if value is None or not value.size or value.dtype.kind not in "fiu":
        return _ANY
    return float(value.min()), float(value.max())


def _is_finite(interval: Interval) -> bool:
    return all(map(math.isfinite, interval))


def _union(parts: Sequence[Interval]) -> Interval:
    return min(low for low, _ in parts), max(high for _, high in parts)


def _sum(*parts: Interval) -> Interval:
    return sum(low for low, _ in parts), sum(high for _, high in parts)


def _difference(a: Interval, b: Interval) -> Interval:
    return a[0] - b[1], a[1] - b[0]


def _product(a: Interval, b: Interval) -> Interval:
    corners = [0.0 if 0.0 in (x, y) else x * y for x in a for y in b]
    return min(corners), max(corners)


def _quotient(a: Interval, b: Interval) -> Interval:
    if b[0] <= 0.0 <= b[1]:
        return _ANY
    return _product(a, (1 / b[1], 1 / b[0]))


def _clip(x: Interval, low: Interval, high: Interval) -> Interval:
    return _least(_greatest(x, low), high)


def _greatest(a: Interval, b: Interval) -> Interval:
    return max(a[0], b[0]), max(a[1], b[1])


def _least(a: Interval, b: Interval) -> Interval:
    return min(a[0], b[0]), min(a[1], b[1])


def _square(x: Interval) -> Interval:
    low, high = _product(x, x)
    return max(low, 0.0), high


_ARITHMETIC: Mapping[str, Callable[..., Interval]] = {
    "Add": _sum,
    "AddV2": _sum,
    "AddN": _sum,
    "BiasAdd": _sum,
    "Sub": _difference,
    "Mul": _product,
    "RealDiv": _quotient,
    "Div": _quotient,
    "Neg": lambda x: (-x[1], -x[0]),
    "Maximum": _greatest,
    "Minimum": _least,
    "ClipByValue": _clip,
    "Relu": lambda x: _greatest(x, (0.0, 0.0)),
    "Relu6": lambda x: _clip(x, (0.0, 0.0), (6.0, 6.0)),
    "Abs": lambda x: (0.0, max(-x[0], x[1])) if x[0] <= 0 <= x[1] else _greatest(x, (-x[1], -x[0])),
    "Square": _square,
    "Pad": lambda x, _: _union([x, (0.0, 0.0)]),
    "PadV2": lambda x, _, value: _union([x, value]),
}
_SPELT = {"ClipByValue": "a clip", "Minimum": "a clip", "Maximum": "a clip", "Relu6": "ReLU6"}
