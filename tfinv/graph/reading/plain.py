"""Rewrites ops that exist only because a graph has state: references, handles, assignments."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from tfinv.graph.model import split_tensor_name, tensor_name

__all__ = ["plain_nodes"]

NodeDef = tf.compat.v1.NodeDef
_RESOURCE = tf.resource.as_datatype_enum

_RENAMED = {"RefSwitch": "Switch", "RefMerge": "Merge", "RefIdentity": "Identity"}
# What a node yields is its input of this number; the rest of what it does is not wanted.
_PASSES = {
    "Assign": 1,
    "GuaranteeConst": 0,
    "PlaceholderWithDefault": 0,
    "Print": 0,
    "Snapshot": 0,
}
_ACCUMULATES = {"AssignAdd": "AddV2", "AssignSub": "Sub"}
_DTYPE_ATTRIBUTE = {"PlaceholderWithDefault": "dtype"}


def plain_nodes(nodes: Iterable[NodeDef]) -> dict[str, NodeDef]:
    """Rewrites nodes so that a variable is nothing but its value.

    Reads become Identity or Gather, reference ops lose their "Ref", an assignment yields what it
    assigns, and whatever passed on a resource handle passes on the value.

    Args:
        nodes: flat, producers first; they are changed in place.

    Returns:
        The same nodes by name, still producers first.
    """
    plain: dict[str, NodeDef] = {}
    value_type: dict[str, int] = {}  # of a node that yields a handle: the dtype behind the handle
    for node in nodes:
        handle = split_tensor_name(node.input[0])[0] if node.input else ""
        if node.op == "VarHandleOp":
            value_type[node.name] = node.attr["dtype"].type
        elif handle in value_type:
            if node.op in ("Identity", "Switch", "Merge") and node.attr["T"].type == _RESOURCE:
                value_type[node.name] = node.attr["T"].type = value_type[handle]
            elif node.op == "ResourceGather":
                _gather(node, plain)
            elif node.op == "VariableShape":
                out_type = node.attr["out_type"].type or tf.int32.as_datatype_enum
                _become(node, "Shape", node.input[:1], T=value_type[handle], out_type=out_type)
        if node.op == "ReadVariableOp":
            _become(node, "Identity", node.input[:1], T=node.attr["dtype"].type)
        elif node.op in ("IsVariableInitialized", "VarIsInitializedOp"):
            _become(node, "Const", (), dtype=tf.bool.as_datatype_enum)
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(True))
        elif node.op in _RENAMED:
            node.op = _RENAMED[node.op]
        elif node.op in _PASSES and len(node.input) > _PASSES[node.op]:
            dtype = node.attr[_DTYPE_ATTRIBUTE.get(node.op, "T")].type
            _become(node, "Identity", [node.input[_PASSES[node.op]]], T=dtype)
        elif node.op in _ACCUMULATES:
            _become(node, _ACCUMULATES[node.op], node.input[:2], T=node.attr["T"].type)
        plain[node.name] = node
    return plain


def _become(node: NodeDef, op: str, inputs, **types: int) -> None:
    inputs = list(inputs)
    node.op = op
    del node.input[:]
    node.input.extend(inputs)
    node.attr.clear()
    for key, value in types.items():
        node.attr[key].type = value


def _gather(node: NodeDef, plain: dict[str, NodeDef]) -> None:
    """ResourceGather takes its axis from batch_dims; GatherV2 wants it as an input."""
    axis = NodeDef(name=f"{node.name}/axis", op="Const")
    while axis.name in plain:
        axis.name += "_"
    axis.attr["dtype"].type = tf.int32.as_datatype_enum
    batch_dims = node.attr["batch_dims"].i
    axis.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(batch_dims, tf.int32))
    plain[axis.name] = axis
    types = {"Tparams": node.attr["dtype"].type, "Tindices": node.attr["Tindices"].type}
    axis_name = tensor_name(axis.name, 0)
    _become(node, "GatherV2", [*node.input[:2], axis_name], Taxis=3, **types)
    node.attr["batch_dims"].i = batch_dims
