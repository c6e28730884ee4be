"""Conditionals of every kind, TF1's `cond` and the functional `If` and `Case`, as Switch and Merge.

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

__all__ = ["CASES", "IFS", "branch_of", "write_case", "write_if"]

NodeDef = tf.compat.v1.NodeDef

#: Conditionals whose branches are functions.
IFS = ("If", "StatelessIf")

#: The same of any number of branches, chosen by a number.
CASES = ("Case", "StatelessCase")

_SIDES = ("else", "then")
_MAX_BRANCHES = 200  # each is a condition within the one before


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
        raise UserError(f"{path}: the predicate of {node.name!r} ({node.op}) is not a bool")
    _check(node, "inputs", [len(inputs), 1 + len(node.attr["Tin"].list.type)], path)
    sides = [
        lambda given, side=side: call(node.attr[f"{side}_branch"].func, given, side)
        for side in _SIDES
    ]
    return _either(node, "", inputs[0], inputs[1:], sides, add, path)


def write_case(
    node: NodeDef,
    inputs: Sequence[str],
    call: Callable[..., list[str]],
    add: Callable[..., str],
    path: str,
) -> list[str]:
    """Writes out all branches of a `Case`: is it 0, or else is it 1, and so on; else the last.

    Args and returns are those of `write_if`, with the number of a branch in place of a predicate.
    """
    branches = list(node.attr["branches"].list.func)
    if not 0 < len(branches) <= _MAX_BRANCHES:
        raise UserError(
            f"{path}: {node.name!r} ({node.op}) has {len(branches)} branches, where 1 to "
            f"{_MAX_BRANCHES} can be read"
        )
    _check(node, "inputs", [len(inputs), 1 + len(node.attr["Tin"].list.type)], path)
    index = inputs[0]

    def from_branch(k: int, given: Sequence[str]) -> list[str]:
        if k == len(branches) - 1:
            return call(branches[k], given, f"branch_{k}")
        number = tf.compat.v1.AttrValue(tensor=tf.make_tensor_proto(k, tf.int32))
        types = {"dtype": _type(tf.int32.as_datatype_enum), "value": number}
        compared = add("Const", f"{node.name}/number_{k}", (), types)
        chosen = add(
            "Equal",
            f"{node.name}/is_{k}",
            (index, compared),
            {"T": _type(tf.int32.as_datatype_enum)},
        )
        sides = [
            lambda given: from_branch(k + 1, given),
            lambda given: call(branches[k], given, f"branch_{k}"),
        ]
        return _either(node, f"{k}_", chosen, given, sides, add, path)

    return from_branch(0, list(inputs[1:]))


def _either(
    node: NodeDef,
    prefix: str,
    predicate: str,
    arguments: Sequence[str],
    sides: Sequence[Callable[[Sequence[str]], list[str]]],
    add: Callable[..., str],
    path: str,
) -> list[str]:
    """Writes what happens if a predicate is false and if it is true, each gated by it."""
    taken, made = (node.attr[key].list.type for key in ("Tin", "Tout"))

    def switch(name: str, tensor: str, dtype: int) -> str:
        name = f"{node.name}/{prefix}{name}"
        return add("Switch", name, (tensor, predicate), {"T": _type(dtype)})

    given = [(f"switch_{i}", *pair) for i, pair in enumerate(zip(arguments, taken, strict=True))]
    switches = [switch(*each) for each in given]
    outputs = [
        side([tensor_name(switched, live) for switched in switches])
        for live, side in enumerate(sides)
    ]
    _check(node, "outputs", [len(made), *map(len, outputs)], path)
    merged = []
    for i, (dtype, *tensors) in enumerate(zip(made, *outputs, strict=True)):
        gated = [
            tensor_name(switch(f"{side}_{i}", tensor, dtype), live)
            for live, (side, tensor) in enumerate(zip(_SIDES, tensors, strict=True))
        ]
        attributes = {"T": _type(dtype), "N": tf.compat.v1.AttrValue(i=len(gated))}
        merged.append(add("Merge", f"{node.name}/{prefix}merge_{i}", gated, attributes))
    return merged


def _type(dtype: int) -> tf.compat.v1.AttrValue:
    return tf.compat.v1.AttrValue(type=dtype)


def _check(node: NodeDef, what: str, counts: Sequence[int], path: str) -> None:
    if len(set(counts)) > 1:
        raise UserError(
            f"{path}: the numbers of {what} of {node.name!r} ({node.op}) do not agree "
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
