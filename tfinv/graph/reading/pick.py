"""Which tensors of a bare graph are its inputs and its output.

A SavedModel says so in its signatures. A frozen graph or the graph beside a checkpoint does not:
the user names them, or they are taken where there is no choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph import ops
from tfinv.graph.model import GraphModel, Port, dtype_name, split_tensor_name
from tfinv.graph.reading.freeze import build_model
from tfinv.graph.reading.safety import check_file
from tfinv.graph.reading.select import find_tensor

__all__ = ["BareGraph", "read_graph"]

NodeDef = tf.compat.v1.NodeDef

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")
_LISTED = 8  # names in a message
_TRIED = 16  # outputs that are looked at closely
_SATURATING = ("Sigmoid", "Tanh")  # what pictures usually come out of


@dataclass(frozen=True)
class BareGraph:
    """A graph that does not say what its inputs and outputs are.

    Attributes:
      graph_def: the graph with its function library. `read_graph` writes the values of placeholders
        into it, since a copy may be two gigabytes.
      read_variable: as for `build_model`.
      producer: what kind of file it is from, for GraphModel.
      path: that file, for messages.
    """

    graph_def: tf.compat.v1.GraphDef
    read_variable: Callable[[NodeDef], np.ndarray]
    producer: str
    path: str


def read_graph(
    graph: BareGraph, inputs: Sequence[str], output: str | None
) -> tuple[GraphModel, tuple[str, ...]]:
    """Reads the part of a graph between some inputs and one output.

    Args:
      graph: the graph.
      inputs: tensors to feed, "z" or "z:0"; placeholders or inner tensors. "name=value" gives a
        scalar placeholder that value for good ("is_training=false"). If none is to be fed, the
        placeholders that the output needs are.
      output: the tensor of the picture; the only one that could be it if None.

    Returns:
      The model, and what was taken without being named, as notes for the user.

    Raises:
      UserError: as `build_model`; or a name is not there, or nothing is named where there is a
        choice: then the message lists it.
    """
    check_file(graph.graph_def, graph.path)
    fixed = dict(entry.split("=", 1) for entry in inputs if "=" in entry)
    fed = [entry for entry in inputs if "=" not in entry]
    nodes = {node.name: node for node in graph.graph_def.node}
    _fix(fixed, nodes, graph.path)
    notes = []
    if output is None:
        output = _only_picture(graph, nodes, fed)
        notes.append(f"--output={output} is taken for the picture: nothing else could be it")
    target = _port(output, nodes, graph.path)
    if fed:
        ports = [_fed(name, nodes, graph) for name in fed]
    else:
        names = _placeholders_above(target.tensor, nodes)
        if not names:
            raise UserError(
                f"{graph.path}: {output} needs no placeholder, so nothing could be fed; name the "
                "latent's tensor with --input"
            )
        ports = [_port(name, nodes, graph.path) for name in names]
        notes.append(f"--input={','.join(names)} is fed: every placeholder that {output} needs")
    return _build(graph, ports, [target]), tuple(notes)


def _build(graph: BareGraph, inputs: Sequence[Port], outputs: Sequence[Port]) -> GraphModel:
    return build_model(
        graph.graph_def, inputs, outputs, graph.read_variable, graph.producer, graph.path
    )


def _port(name: str, nodes, path: str) -> Port:
    """A tensor by its name; its shape is known if it is a placeholder's."""
    tensor = find_tensor(name, nodes, path)
    node = nodes[split_tensor_name(tensor)[0]]
    shape = None
    if node.op.startswith("Placeholder") and "shape" in node.attr:
        declared = node.attr["shape"].shape
        if not declared.unknown_rank:
            shape = tuple(None if d.size < 0 else d.size for d in declared.dim)
    return Port(name.removesuffix(":0"), tensor, ops.tensor_type(nodes, tensor), shape)


def _fed(name: str, nodes, graph: BareGraph) -> Port:
    """A tensor to feed. The shape of an inner one is what the graph above it makes."""
    port = _port(name, nodes, graph.path)
    above = [_port(n, nodes, graph.path) for n in _placeholders_above(port.tensor, nodes)]
    if port.shape is not None or port.key in [p.key for p in above]:
        return port
    try:
        shape = _build(graph, above, [port]).outputs[0].shape
    except UserError:  # an input pipeline, say: what is above a tensor that is fed need not work
        shape = None
    return Port(port.key, port.tensor, port.dtype, shape)


def _placeholders_above(tensor: str, nodes) -> list[str]:
    """The placeholders without a default that a tensor of the outermost graph depends on."""
    seen, stack = set(), [split_tensor_name(tensor)[0]]
    while stack:
        name = stack.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            stack.extend(i.lstrip("^").split(":")[0] for i in nodes[name].input)
    return [name for name in nodes if name in seen and nodes[name].op in _PLACEHOLDERS]


def _only_picture(graph: BareGraph, nodes, fed: Sequence[str]) -> str:
    """The one tensor that nothing else reads, or the one of those with the shape of a picture.

    Raises:
      UserError: none or several; lists what could be named.
    """
    ends = list(_ends(nodes))
    if len(ends) == 1:
        return ends[0]  # whatever is wrong with it is to be said when it is read
    pictures = []
    for name in ends[:_TRIED]:
        above = fed or _placeholders_above(name, nodes)
        try:
            ports = [_port(n, nodes, graph.path) for n in above]
            model = _build(graph, ports, [_port(name, nodes, graph.path)])
        except UserError:
            continue
        if _is_picture(model.outputs[0].shape):
            pictures.append(name)
    if len(pictures) == 1 and len(ends) <= _TRIED:
        return pictures[0]
    fault = "several tensors could be" if pictures else "no tensor is plainly"
    given = [_described(n, nodes) for n in nodes if nodes[n].op in _PLACEHOLDERS]
    saturating = [n for n in nodes if nodes[n].op in _SATURATING]
    candidates = list(dict.fromkeys([*saturating, *pictures, *ends]))
    candidates.sort(key=lambda name: name.startswith("gradients"))
    raise UserError(
        f"{graph.path}: {fault} the picture, and a bare graph does not say; pass --input and "
        f"--output; its placeholders are {_listed(given)}; its output may be {_listed(candidates)}"
    )


def _is_picture(shape: tuple[int | None, ...] | None) -> bool:
    if shape is None or len(shape) != 4:
        return False
    layouts = ((shape[3], shape[1:3]), (shape[1], shape[2:]))
    return any(channels in (1, 3) and 1 not in sides for channels, sides in layouts)


def _ends(nodes) -> Iterable[str]:
    """Nodes of floats that no other node reads, and that are no part of saving or training."""
    read = {i.split(":")[0] for node in nodes.values() for i in node.input if i[:1] != "^"}
    for name, node in nodes.items():
        if name in read or node.op in (*_PLACEHOLDERS, "Const"):
            continue
        try:
            types, definition = ops.output_types(node), ops.op_def(node)
        except UserError:
            continue
        if types and types[0].is_floating and not definition.output_arg[0].is_ref:
            yield name


def _described(name: str, nodes) -> str:
    return f"{name} ({dtype_name(nodes[name].attr['dtype'].type)})"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (", ".join(names[:_LISTED]) or "none") + more


def _fix(fixed: dict[str, str], nodes, path: str) -> None:
    """Turns scalar placeholders into constants of these values."""
    for name, text in fixed.items():
        node = nodes[split_tensor_name(find_tensor(name, nodes, path))[0]]
        if not node.op.startswith("Placeholder"):
            raise UserError(f"{path}: {name} is no placeholder, so it can have no value")
        value = _value(name, text, tf.as_dtype(node.attr["dtype"].type), path)
        node.op = "Const"
        del node.input[:]
        node.attr.pop("shape", None)
        node.attr["value"].tensor.CopyFrom(value)


def _value(name: str, text: str, dtype: tf.DType, path: str):
    word = text.strip().lower()
    try:
        if dtype == tf.bool:
            return tf.make_tensor_proto({"true": True, "1": True, "false": False, "0": False}[word])
        return tf.make_tensor_proto(float(word) if dtype.is_floating else int(word), dtype)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: {text!r} is no value for {name}, which is {dtype.name}"
        ) from error
