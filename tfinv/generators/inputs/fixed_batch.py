"""Makes a graph that was exported for batches of N pictures take any number of them.

What pins such a graph to N, besides the shapes of its inputs, are shapes that no input changes,
written out or computed from constants (`shape_values`).
Each rewriting below leaves what the graph computes for N pictures as it is, whatever its weights:

- Reshape to [N, ...] (or [N * k, ...]) becomes Reshape to [-1, ...];
- a transposed convolution to [N, ...] takes the number of pictures from what it reads;
- Tile, BroadcastTo and Fill to N rows take it from the latent.

For N = 1 every number is a multiple of N, and a Reshape may mean something else; what then goes
wrong for two pictures is a node that fails, or a picture that depends on its neighbours, and both
are looked for. A graph that is pinned in another way still fails, and says at which node.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfinv.generators.inputs.shape_values import written_shapes
from tfinv.generators.inputs.writing import unused_name, write_nodes
from tfinv.graph.model import NodeDef, Port, split_tensor_name

__all__ = ["free_batch"]

_TRANSPOSED = ("Conv2DBackpropInput", "Conv2DBackpropInputV2")
_REPEATING = {"Tile": 1, "BroadcastTo": 1, "Fill": 0}


def free_batch(
    nodes: Mapping[str, NodeDef], weights: Mapping[str, np.ndarray], latent: Port, batch: int
) -> dict[str, NodeDef]:
    """Rewrites a graph.

    Args:
      nodes: by name, producers first.
      weights: values of the constants that have none.
      latent: the latent's input, with a batch of None.
      batch: N.

    Returns:
      The nodes, producers first; those that are changed are copies.
    """
    shapes = written_shapes(nodes, weights)
    fed, spec = split_tensor_name(latent.tensor)[0], (latent.dtype, latent.shape)
    made: dict[str, NodeDef] = {}
    for name, node in nodes.items():
        new: list[NodeDef] = []
        if node.op == "Reshape":
            node, new = _reshape(nodes, shapes, node, batch)
        elif node.op in _TRANSPOSED:
            read = node.input[2], (tf.as_dtype(node.attr["T"].type), None)
            node, new = _sized(nodes, shapes, node, 0, batch, *read)
        elif node.op in _REPEATING and batch > 1:
            # For N = 1 a row that is broadcast fits any number of pictures as it is.
            node, new = _sized(nodes, shapes, node, _REPEATING[node.op], batch, fed, spec)
        made.update((other.name, other) for other in new)
        made[name] = node
    return made


def _reshape(nodes, shapes, node: NodeDef, batch: int) -> tuple[NodeDef, list[NodeDef]]:
    shape = _shape(shapes, node.input[1])
    if shape is None or (shape <= 0).any() or shape[0] % batch:
        return node, []
    value = np.concatenate([[-1], shape[1:]]).astype(shape.dtype)
    target = NodeDef(name=unused_name(nodes, f"{node.name}/any_batch"), op="Const")
    target.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    target.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return _with_input(node, 1, target.name), [target]


def _sized(
    nodes, shapes, node: NodeDef, place: int, batch: int, counted: str, spec
) -> tuple[NodeDef, list[NodeDef]]:
    """Takes the first number of a shape from how many rows another tensor has."""
    shape = _shape(shapes, node.input[place])
    if shape is None or shape[0] != batch:
        return node, []

    def sized(tensor: tf.Tensor) -> tf.Tensor:
        return tf.concat([tf.shape(tensor, shape.dtype)[:1], shape[1:]], 0)

    name = unused_name(nodes, f"{node.name}/any_batch")
    new = write_nodes(nodes, name, counted, spec, sized)
    return _with_input(node, place, name), new


def _with_input(node: NodeDef, place: int, tensor: str) -> NodeDef:
    changed = NodeDef()
    changed.CopyFrom(node)
    changed.input[place] = tensor
    return changed


def _shape(shapes: Mapping[str, np.ndarray], tensor: str) -> np.ndarray | None:
    """A shape that no input changes; None for others."""
    value = shapes.get(split_tensor_name(tensor)[0])
    return value if value is not None and value.ndim == 1 and value.size else None
