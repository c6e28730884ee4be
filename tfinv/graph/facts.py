"""What a graph says at a glance: who reads a tensor, what small constants hold. Nothing is run."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from tfinv.graph import ops
from tfinv.graph.model import GraphModel, NodeDef, split_tensor_name
from tfinv.graph.walk import canonical, data_inputs

__all__ = ["RENAMING", "Facts"]

RENAMING = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "CheckNumerics", "EnsureShape", "Cast"}
)
"""Ops that hand a tensor on as it is, but for its dtype."""

_SAME_SHAPE_OF_FIRST = frozenset({"Mul", "RealDiv", "Transpose"})


class Facts:
    """A graph with its edges in both directions.

    Args:
      model: the graph.
      output: the tensor of the picture; what it does not need is not looked at.
    """

    def __init__(self, model: GraphModel, output: str):
        self.model = model
        self.output = canonical(output)
        needed = {split_tensor_name(output)[0]}
        for name, node in reversed(model.nodes.items()):  # consumers before producers
            if name in needed:
                needed.update(split_tensor_name(tensor)[0] for tensor in node.input)
        self._needed = needed

    def is_needed(self, tensor: str) -> bool:
        """Whether the picture needs a tensor's node, its values or its shape."""
        return split_tensor_name(tensor)[0] in self._needed

    def readers(self, tensor: str) -> list[tuple[NodeDef, int]]:
        """The nodes that read a tensor on the way to the picture, each with the place of it."""
        return self._readers.get(canonical(tensor), [])

    @functools.cached_property
    def _readers(self) -> dict[str, list[tuple[NodeDef, int]]]:
        readers: dict[str, list[tuple[NodeDef, int]]] = {}
        for name, node in self.model.nodes.items():
            if name in self._needed:
                for place, tensor in enumerate(data_inputs(node)):
                    readers.setdefault(tensor, []).append((node, place))
        return readers

    def renamed(self, tensor: str) -> list[str]:
        """A tensor and every other name under which it is handed on."""
        names = [canonical(tensor)]
        for name in names:  # grows on the way
            names += [
                canonical(node.name)
                for node, place in self.readers(name)
                if node.op in RENAMING and place == 0
            ]
        return names

    def source(self, tensor: str) -> NodeDef:
        """The node that computes a tensor, behind those that only hand it on."""
        node = self.model.nodes[split_tensor_name(tensor)[0]]
        while node.op in RENAMING:
            node = self.model.nodes[split_tensor_name(node.input[0])[0]]
        return node

    def constant(self, tensor: str) -> np.ndarray | None:
        """The value of a constant, weights included; None for what has to be computed."""
        node = self.source(tensor)
        if node.op != "Const":
            return None
        value = self.model.weights.get(node.name)
        return tf.make_ndarray(node.attr["value"].tensor) if value is None else np.asarray(value)

    def weight_shape(self, tensor: str) -> tuple[int, ...] | None:
        """The shape of a weight, also of one that the graph scales (spectral norm, ProGAN)."""
        node = self.source(tensor)
        if node.op in _SAME_SHAPE_OF_FIRST:
            shapes = [self.weight_shape(name) for name in data_inputs(node)]
            if node.op == "Transpose":
                order = self.constant(node.input[1])
                known = shapes[0] is not None and order is not None
                return tuple(shapes[0][k] for k in order) if known else None
            return max((s for s in shapes if s is not None), key=len, default=None)
        value = self.constant(tensor)
        return None if value is None else value.shape

    def reads_values(self, tensor: str) -> bool:
        """Whether the picture depends on a tensor's values, and not on its shape alone."""
        return any(ops.reads_values(node) for node, _ in self.readers(tensor))
