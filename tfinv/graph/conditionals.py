"""Conditionals of either kind, TF1's `cond` and the functional `If`, as Switch and Merge.

          .-- 0 --> else ... --> Switch 0 --.
x --> Switch                                 Merge --> y
          '-- 1 --> then ... --> Switch 1 --'

In TF1 a control input ties a constant inside a branch to that branch. Control inputs are dropped
from a flat graph, and the constant would live whichever way the predicate goes; so whatever leaves
a branch passes a Switch on the predicate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.model import tensor_name

__all__ = ["IFS", "branch_of", "write_if"]

NodeDef = tf.compat.v1.NodeDef

#: Conditionals whose branches are functions.
IFS = ("If", "StatelessIf")

_SIDES = ("else", "then")


def write_if(
    node: NodeDef,
    inputs: Sequence[str],
    call: Callable[..., list[str]],
    add: Callable[..., str],
    path: str,
) -> list[str]:
    """Writes out both branches of an `If`.

    Args:
        node: the `If`.
        inputs: the flat tensors of its predicate and its arguments.
        call: (function, flat inputs, "else" or "then") -> flat outputs; writes a function out.
        add: (op, name, flat inputs, attributes) -> the name of the node that it has added.
        path: the file, for messages.

    Returns:
        The flat tensor of each output.

    Raises:
        UserError: the predicate is not a bool, or the numbers of arguments or outputs disagree.
    """
    if node.attr["Tcond"].type != tf.bool.as_datatype_enum:
        raise UserError(f"{path}: the predicate of {node.name!r} (If) is not a bool")
    taken, made = (node.attr[key].list.type for key in ("Tin", "Tout"))
    _check(node, "inputs", [len(inputs), 1 + len(taken)], path)
    predicate, *arguments = inputs

    def switch(name: str, tensor: str, dtype: int) -> str:
        return add("Switch", f"{node.name}/{name}", (tensor, predicate), {"T": _type(dtype)})

    given = [(f"switch_{i}", *pair) for i, pair in enumerate(zip(arguments, taken, strict=True))]
    switches = [switch(*each) for each in given]
    sides = [
        call(node.attr[f"{side}_branch"].func, [tensor_name(s, live) for s in switches], side)
        for live, side in enumerate(_SIDES)
    ]
    _check(node, "outputs", [len(made), *map(len, sides)], path)
    merged = []
    for i, (dtype, *tensors) in enumerate(zip(made, *sides, strict=True)):
        gated = [
            tensor_name(switch(f"{side}_{i}", tensor, dtype), live)
            for live, (side, tensor) in enumerate(zip(_SIDES, tensors, strict=True))
        ]
        attributes = {"T": _type(dtype), "N": tf.compat.v1.AttrValue(i=len(gated))}
        merged.append(add("Merge", f"{node.name}/merge_{i}", gated, attributes))
    return merged


def _type(dtype: int) -> tf.compat.v1.AttrValue:
    return tf.compat.v1.AttrValue(type=dtype)


def _check(node: NodeDef, what: str, counts: Sequence[int], path: str) -> None:
    if len(set(counts)) > 1:
        raise UserError(
            f"{path}: the numbers of {what} of {node.name!r} (If) do not agree "
            f"({', '.join(map(str, counts))}); the file is damaged"
        )


def branch_of(node: NodeDef, nodes: Mapping[str, NodeDef]) -> tuple[str, int] | None:
    """For a constant inside a TF1 `cond`: the predicate, and the Switch output that is live there.

    TF1 ties such a constant to its branch by a control input on the branch's pivot, which is an
    Identity of one output of a Switch.
    """
    if node.op != "Const":
        return None
    for control in node.input:
        pivot = nodes.get(control[1:])
        if pivot is None or pivot.op != "Identity" or not pivot.input:
            continue
        source, _, index = pivot.input[0].partition(":")
        switch = nodes.get(source)
        if switch is not None and switch.op in ("Switch", "RefSwitch") and len(switch.input) > 1:
            return switch.input[1], int(index == "1")
    return None
