r"""A graph with its inputs as tfinv feeds them: z [N, d], one-hot labels [N, C], and no others.

A file may want its latent as [N, 1, 1, d], a noise for each pixel, or batches of 64. All this is
rewritten once, in the graph, in front of the nodes that read it; whatever cuts or runs the graph
afterwards knows nothing of it:

    z [N, d] -- Reshape -- what was the placeholder [N, 1, 1, d] -- ...
        \-- Shape -- Fill(0) -- what was the placeholder of a noise [N, 4, 4, 1] -- ...
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.inputs.constants import DRAWS, Constant, Value
from tfinv.generators.inputs.fixed_batch import free_batch
from tfinv.generators.inputs.roles import Roles
from tfinv.generators.inputs.writing import unused_name, write_nodes
from tfinv.graph import ops
from tfinv.graph.model import GraphModel, NodeDef, Port, split_tensor_name

__all__ = ["Canonical", "make_canonical"]

# Ops that draw numbers, all with the shape they draw as input 0.
_DRAWS = frozenset(
    {
        "RandomStandardNormal",
        "RandomUniform",
        "StatelessRandomNormal",
        "StatelessRandomNormalV2",
        "StatelessRandomUniform",
        "StatelessRandomUniformV2",
        "StatelessTruncatedNormal",
        "StatelessTruncatedNormalV2",
        "TruncatedNormal",
    }
)


@dataclasses.dataclass(frozen=True)
class Canonical:
    """A rewritten graph.

    Attributes:
      model: the graph; its inputs are those that are fed, and those that are constants.
      latent: float [None, d].
      labels: [None, C], or as it was where labels are numbers; None if unconditional.
      constants: values by tensor.
      batch: the number of pictures that the file was written for; None for any.
    """

    model: GraphModel
    latent: Port
    labels: Port | None
    constants: Mapping[str, np.ndarray]
    batch: int | None


def make_canonical(
    model: GraphModel,
    roles: Roles,
    constants: Sequence[Constant],
    inner: Mapping[str, Value],
) -> Canonical:
    """Rewrites the inputs of a graph.

    Args:
      model: the graph.
      roles: of its inputs.
      constants: the inputs that are neither latent nor labels, with their values.
      inner: values for other tensors by name, and for `DRAWS`.
    """
    nodes = dict(model.nodes)
    latent, batch = _any_batch(roles.latent)
    labels = None if roles.labels is None else _any_batch(roles.labels)[0]
    before: list[NodeDef] = []
    if len(latent.shape) != 2:
        latent = _reshaped(nodes, before, latent, roles.latent_size)
    if labels is not None and roles.classes is not None and len(labels.shape) != 2:
        labels = _reshaped(nodes, before, labels, roles.classes)
    fixed = {}
    for constant in constants:
        port, dtype = constant.port, constant.port.dtype.as_numpy_dtype
        varies = bool(port.shape) and port.shape[0] in (None, batch)
        if varies:
            _fill_rows(nodes, before, port, constant.value, latent)
        else:
            fixed[port.tensor] = np.full(port.shape or (), constant.value, dtype)
    for name, value in inner.items():
        held = _draws(nodes) if name == DRAWS else [nodes[split_tensor_name(name)[0]]]
        for node in held:
            _hold(nodes, before, node, value)
    if batch:
        nodes = free_batch(nodes, model.weights, latent, batch)
    inputs = [latent, *([labels] if labels else [])]
    inputs += [c.port for c in constants if c.port.tensor in fixed]
    made = {node.name: node for node in _placeholders([latent, *([labels] if labels else [])])}
    made.update((node.name, node) for node in before)
    made.update((name, node) for name, node in nodes.items() if name not in made)
    canonical = dataclasses.replace(model, nodes=made, inputs=tuple(inputs))
    return Canonical(canonical, latent, labels, fixed, batch)


def _any_batch(port: Port) -> tuple[Port, int | None]:
    if not port.shape or port.shape[0] is None:
        return port, None
    return dataclasses.replace(port, shape=(None, *port.shape[1:])), port.shape[0]


def _placeholders(ports: Sequence[Port]) -> list[NodeDef]:
    made = []
    for port in ports:
        node = NodeDef(name=split_tensor_name(port.tensor)[0], op="Placeholder")
        node.attr["dtype"].type = port.dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(tf.TensorShape(port.shape).as_proto())
        made.append(node)
    return made


def _reshaped(nodes: dict[str, NodeDef], before: list[NodeDef], port: Port, size: int) -> Port:
    """Puts a Reshape in the place of a placeholder; returns the input that it reads."""
    name = split_tensor_name(port.tensor)[0]
    fed = unused_name(nodes, f"{name}/vector")
    shape = [-1, *port.shape[1:]]
    spec = (port.dtype, [None, size])
    before += write_nodes(nodes, name, fed, spec, lambda vector: tf.reshape(vector, shape))
    del nodes[name]
    return dataclasses.replace(port, tensor=f"{fed}:0", shape=(None, size))


def _fill_rows(
    nodes: dict[str, NodeDef], before: list[NodeDef], port: Port, value: Value, latent: Port
) -> None:
    """Puts as many equal rows as there are latents in the place of a placeholder."""
    name = split_tensor_name(port.tensor)[0]

    def rows(z: tf.Tensor) -> tf.Tensor:
        count, rest = tf.shape(z)[:1], tf.constant(port.shape[1:], tf.int32)
        return tf.fill(tf.concat([count, rest], 0), tf.constant(value, port.dtype))

    fed = split_tensor_name(latent.tensor)[0]
    before += write_nodes(nodes, name, fed, (latent.dtype, latent.shape), rows)
    del nodes[name]


def _draws(nodes: Mapping[str, NodeDef]) -> list[NodeDef]:
    found = [node for node in nodes.values() if node.op in _DRAWS]
    if not found:
        raise UserError(f"--constants={DRAWS}: this generator draws no random numbers")
    return found


def _hold(nodes: dict[str, NodeDef], before: list[NodeDef], node: NodeDef, value: Value) -> None:
    """Puts a constant in the place of a node: of the shape it draws, or else a single number."""
    types = ops.output_types(node)
    if len(types) != 1:
        raise UserError(f"--constants={node.name}: {node.op} has {len(types)} outputs")
    held = NodeDef(name=node.name, op="Const")
    held.attr["dtype"].type = types[0].as_datatype_enum
    held.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, types[0]))
    if node.op in _DRAWS:
        held.name = unused_name(nodes, f"{node.name}/held")
        before.append(held)
        index = ops.tensor_type(nodes, node.input[0])
        held = NodeDef(name=node.name, op="Fill", input=[node.input[0], held.name])
        held.attr["T"].type = types[0].as_datatype_enum
        held.attr["index_type"].type = index.as_datatype_enum
    nodes[node.name] = held
