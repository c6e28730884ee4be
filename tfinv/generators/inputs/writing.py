"""Nodes for a graph, written in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from tfinv.graph.model import NodeDef

__all__ = ["unused_name", "write_nodes"]


def write_nodes(
    nodes: Mapping[str, NodeDef],
    name: str,
    fed: str,
    spec: tuple[tf.DType, Sequence[int | None] | None],
    build: Callable[[tf.Tensor], tf.Tensor],
) -> list[NodeDef]:
    """Writes a line of TensorFlow as nodes.

    Args:
      nodes: the graph, whose names are not used again.
      name: of the node that gives the result.
      fed: the tensor that the line reads.
      spec: its dtype and shape.
      build: the line, from a tensor to a tensor.

    Returns:
      The nodes, producers first.
    """
    prefix = f"{name}/rewritten"
    while any(other.startswith(f"{prefix}/") for other in nodes):
        prefix += "_"
    with tf.Graph().as_default() as graph:
        last = build(tf.compat.v1.placeholder(*spec, "fed")).op.name
    made = [node for node in graph.as_graph_def().node if node.name != "fed"]
    names = {node.name: f"{prefix}/{node.name}" for node in made}
    names |= {"fed": fed, last: name}
    for node in made:
        node.name = names[node.name]
        for place, tensor in enumerate(node.input):
            source, colon, index = tensor.partition(":")
            node.input[place] = names[source] + colon + index
        for key in [key for key in node.attr if key.startswith("_")]:
            del node.attr[key]
    return made


def unused_name(nodes: Mapping[str, NodeDef], name: str) -> str:
    """A name like this one that no node has."""
    while name in nodes:
        name += "_"
    return name
