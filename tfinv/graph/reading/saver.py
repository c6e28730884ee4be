"""Under which key of a checkpoint a TF1 graph keeps each variable, as its own Saver says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import tensorflow as tf

__all__ = ["Stored", "stored_variables"]

NodeDef = tf.compat.v1.NodeDef

# Ops that write tensors under names: their inputs are a file, names, slices, then the tensors.
_SAVES = ("SaveV2", "SaveSlices")
_PASSES = ("Identity", "ReadVariableOp")
_VARIABLES = ("VarHandleOp", "Variable", "VariableV2")


@dataclass(frozen=True)
class Stored:
    """Where a variable is in a checkpoint.

    Attributes:
      key: the tensor there.
      slices: the part of that tensor which is the variable's, an axis each; None if all of it is.
        A partitioned variable is several variables in the graph, and one tensor in the checkpoint.
    """

    key: str
    slices: tuple[slice, ...] | None = None


def stored_variables(meta_graph) -> tuple[dict[str, Stored], dict[str, Stored]]:
    """What the savers in a graph write, by the name of the variable's node.

    Returns:
      First of the saver that the MetaGraphDef names as its own, then of all others. Those may use
      other keys for a variable: one that restores moving averages into weights does.
    """
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    scope = _scope(meta_graph.saver_def.save_tensor_name)
    own: dict[str, Stored] = {}
    others: dict[str, Stored] = {}
    for save in nodes.values():
        if save.op in _SAVES:
            found = own if scope and _scope(save.name) == scope else others
            for variable, place in _written(save, nodes):
                found.setdefault(variable, place)
    return own, others


def _scope(name: str) -> str:
    return name.split(":")[0].rpartition("/")[0]


def _written(save: NodeDef, nodes: Mapping[str, NodeDef]) -> Iterator[tuple[str, Stored]]:
    inputs = [i for i in save.input if not i.startswith("^")]
    if len(inputs) < 3:
        return
    names, specs = (_strings(nodes.get(_base(i))) for i in inputs[1:3])
    for name, spec, tensor in zip(names, specs, inputs[3:], strict=False):
        node = nodes.get(_base(tensor))
        steps = 0
        while node is not None and node.op in _PASSES and node.input and steps < 8:
            node, steps = nodes.get(_base(node.input[0])), steps + 1
        if node is not None and node.op in _VARIABLES:
            try:
                yield node.name, Stored(name, _slices(spec))
            except ValueError:
                continue


def _strings(node: NodeDef | None) -> list[str]:
    """The elements of a constant of strings."""
    if node is None or node.op != "Const":
        return []
    return [value.decode(errors="replace") for value in node.attr["value"].tensor.string_val]


def _slices(spec: str) -> tuple[slice, ...] | None:
    """Reads "10 4 0,5:-": the shape of the whole, then start,length of each axis or "-" for all."""
    if not spec:
        return None
    parts = []
    for axis in spec.split()[-1].split(":"):
        start, comma, length = axis.partition(",")
        parts.append(slice(int(start), int(start) + int(length)) if comma else slice(None))
    return tuple(parts)


def _base(tensor: str) -> str:
    return tensor.split(":", 1)[0]
