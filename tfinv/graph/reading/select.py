"""One output of a model, by its key or by the name of any tensor."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable

from tfinv.errors import UserError
from tfinv.graph import ops
from tfinv.graph.model import GraphModel, Port, split_tensor_name

__all__ = ["find_tensor", "near", "with_output"]


def with_output(model: GraphModel, wanted: str) -> GraphModel:
    """Prunes a model to one output.

    Args:
      model: the graph.
      wanted: the key of an output, or a tensor of the graph, "node" or "node:k".

    Raises:
      UserError: there is no such output and no such tensor.
    """
    port = next((port for port in model.outputs if port.key == wanted), None)
    if port is None:
        tensor = find_tensor(wanted, model.nodes, model.path, [p.key for p in model.outputs])
        port = Port(wanted, tensor, ops.tensor_type(model.nodes, tensor), None)
    needed = {split_tensor_name(tensor.tensor)[0] for tensor in (port, *model.inputs)}
    for node in reversed(model.nodes.values()):
        if node.name in needed:
            needed.update(split_tensor_name(i)[0] for i in node.input)
    return dataclasses.replace(
        model,
        nodes={name: node for name, node in model.nodes.items() if name in needed},
        weights={name: value for name, value in model.weights.items() if name in needed},
        outputs=(port,),
        unsized=model.unsized & needed,
    )


def find_tensor(wanted: str, nodes, path: str, keys: Iterable[str] = ()) -> str:
    """The tensor "node:k" that a user means by "node" or "node:k".

    Args:
      wanted: what the user wrote.
      nodes: of the graph, by name.
      path: the file, for messages.
      keys: other names that the user might have given.

    Raises:
      UserError: the graph has no such tensor.
    """
    name, colon, index = wanted.rpartition(":")
    if not (colon and index.isdigit()):
        name, index = wanted, "0"
    tensor = f"{name}:{int(index)}"
    if name in nodes:
        ops.tensor_type(nodes, tensor)
        return tensor
    raise UserError(f"{path}: there is no tensor {wanted!r}{near(wanted, [*keys, *nodes])}")


def near(wanted: str, names: Iterable[str]) -> str:
    """The end of a message that lists the names most like one that is not there."""
    names = list(names)
    ends = [name for name in names if name.endswith("/" + wanted.split(":")[0])][:4]
    found = ends or difflib.get_close_matches(wanted, names[-20_000:], 4, 0.5)
    return f"; the nearest are {', '.join(found)}" if found else ""
