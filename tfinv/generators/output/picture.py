"""Which tensor of a model is the picture."""

from __future__ import annotations

import dataclasses

from tfinv.errors import UserError
from tfinv.graph import ops
from tfinv.graph.facts import Facts
from tfinv.graph.model import GraphModel, NodeDef, Port, split_tensor_name

__all__ = ["Picture", "find_picture"]

_ROUNDING = ("Round", "Rint", "Floor", "Ceil")
# What a file may do to a picture that it has rounded: change its range or its layout.
_BEHIND_ROUNDING = frozenset(
    {"Add", "AddV2", "Cast", "ClipByValue", "Identity", "Maximum", "Minimum", "Mul", "RealDiv"}
    | {"Reshape", "Squeeze", "Sub", "Transpose"}
)
_USUAL_KEYS = ("default", "image", "images", "output_0")


@dataclasses.dataclass(frozen=True)
class Picture:
    """The picture of a model.

    Attributes:
      facts: of the graph, with the picture as its only output.
      tensor: its name, "node:k".
      range: a name in `RANGES` where the integers that it is rounded to prove that; None otherwise.
      notes: lines that a user should know.
    """

    facts: Facts
    tensor: str
    range: str | None = None
    notes: tuple[str, ...] = ()


def find_picture(model: GraphModel) -> Picture:
    """Finds the picture among the outputs of a model.

    The only output is it; or the only one that has the shape of a picture; or, of several such, the
    one under a usual key. Where a file rounds it, which lets no gradient through, the picture is
    what is rounded.

    Raises:
      UserError: if that is none or several.
    """
    port, notes = _choose(model), []
    if len(model.outputs) > 1:
        others = ", ".join(repr(other.key) for other in model.outputs if other is not port)
        notes.append(
            f"output {port.key!r} is taken for the picture; there is also {others}, which --output "
            "chooses"
        )
    tensor, image_range = port.tensor, None
    if ops.tensor_type(model.nodes, tensor).is_integer:
        whole = ops.tensor_type(model.nodes, tensor)
        before = _before_rounding(model, tensor)
        if before is not None:
            tensor, image_range = before, "0,255"
            notes.append(
                f"the file rounds its pictures to {whole.name}, which lets no gradient through: "
                f"they are taken from {tensor}, in front of that"
            )
    nodes = _without_rounding(model, tensor)
    if nodes and image_range is None:
        notes.append(
            f"the file rounds its pictures ({', '.join(nodes)}), which lets no gradient through: "
            "they are taken without that"
        )
    model = dataclasses.replace(model, nodes={**model.nodes, **nodes})
    dtype = ops.tensor_type(model.nodes, tensor)
    output = dataclasses.replace(port, tensor=tensor, dtype=dtype)
    only = dataclasses.replace(model, outputs=(output,))
    return Picture(Facts(only, tensor), tensor, image_range, tuple(notes))


def _choose(model: GraphModel) -> Port:
    ports = model.outputs
    pictures = [port for port in ports if _is_picture(port)]
    for found in (ports, pictures, [port for port in pictures if port.key in _USUAL_KEYS]):
        if len(found) == 1:
            return found[0]
    keys = ", ".join(port.key for port in pictures or ports)
    raise UserError(
        f"{model.path} has {len(ports)} outputs ({keys}) where one picture is needed; pick it with "
        "--output=KEY, or another signature with --signature"
    )


def _is_picture(port: Port) -> bool:
    shape = port.shape
    return shape is not None and len(shape) == 4 and (shape[-1] in (1, 3) or shape[1] in (1, 3))


def _before_rounding(model: GraphModel, tensor: str) -> str | None:
    """The floats that the last cast of a graph rounds; None if it does not end in one."""
    node = _node(model, tensor)
    while node.op == "Identity":
        tensor = node.input[0]
        node = _node(model, tensor)
    if node.op != "Cast" or not ops.tensor_type(model.nodes, node.input[0]).is_floating:
        return None
    tensor = node.input[0]
    while _node(model, tensor).op in _ROUNDING:
        tensor = _node(model, tensor).input[0]
    name, index = split_tensor_name(tensor)
    return f"{name}:{index}"


def _without_rounding(model: GraphModel, tensor: str) -> dict[str, NodeDef]:
    """Nodes that hand on what the graph rounds at its end; by name, those that they replace."""
    made = {}
    node = _node(model, tensor)
    while node.op in _ROUNDING or node.op in _BEHIND_ROUNDING:
        if node.op in _ROUNDING:
            made[node.name] = NodeDef(name=node.name, op="Identity", input=node.input[:1])
            made[node.name].attr["T"].CopyFrom(node.attr["T"])
        before = [
            other for other in (_node(model, t) for t in node.input) if not _fixed(model, other)
        ]
        if len(before) != 1:
            break
        [node] = before
    return made


def _fixed(model: GraphModel, node: NodeDef) -> bool:
    """Whether a node is a constant."""
    while node.op == "Identity":
        node = _node(model, node.input[0])
    return node.op == "Const"


def _node(model: GraphModel, tensor: str) -> NodeDef:
    return model.nodes[split_tensor_name(tensor)[0]]
