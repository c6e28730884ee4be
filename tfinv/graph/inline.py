"""Writes a graph out flat: function calls and conditionals replaced by what they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tfinv.errors import UserError
from tfinv.graph.model import split_tensor_name, tensor_name

__all__ = ["MAX_NODES", "Inliner"]

NodeDef = tf.compat.v1.NodeDef
MAX_DEPTH = 64
MAX_NODES = 2_000_000  # BigGAN-deep-512, the largest graph known, has 150,000.

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_BRANCHES = ("If", "StatelessIf")
_LOOPS = ("While", "StatelessWhile", "For", "Enter", "RefEnter", "NextIteration", "LoopCond")
_CALL_NAME = re.compile(r"(^|/)(Stateful)?PartitionedCall(_\d+)?$")


class Inliner:
    """Copies the part of a graph that some tensors need, as one flat graph.

    Control inputs, devices and attributes that begin with "_" stay behind. A node inside a function
    keeps its own name, behind the name of the call where that says something ("model/dense" does,
    "StatefulPartitionedCall_1" does not) or where the short name is taken.

    An `If` becomes Switch and Merge. Since control inputs are dropped, a constant inside a branch
    would otherwise live whichever way the predicate goes; so whatever leaves a branch passes a
    Switch on the predicate, here and for the constants of TF1's `cond`.

    Attributes:
        nodes: the flat graph so far, by name, producers first.
    """

    def __init__(self, library: Iterable, path: str):
        """Prepares to inline calls of the FunctionDefs in `library`; `path` is for messages."""
        self.nodes: dict[str, NodeDef] = {}
        self._functions = {function.signature.name: function for function in library}
        self._path = path
        self._reserved: set[str] = set()

    def add_input(self, node: NodeDef) -> str:
        """Adds a Placeholder that stands for `node`, and returns its name."""
        return self._add(
            "Placeholder", node.name, (), {k: node.attr[k] for k in ("dtype", "shape")}
        )

    def expand(
        self,
        nodes: Mapping[str, NodeDef],
        fetches: Sequence[str],
        bound: dict[str, str | list[str]],
        scope: tuple[str, ...] = (),
    ) -> list[str]:
        """Copies what `fetches` need of one graph or function body.

        Args:
            nodes: the body, by name.
            fetches: tensors of the body, "node", "node:k" or (in a function) "node:output:k".
            bound: what is known already: a local name and the flat node that stands for it, or, for
                an argument or a call, the list of flat tensors that it yields. Grows.
            scope: names of the calls around this body.

        Returns:
            The flat tensor of each fetch.

        Raises:
            UserError: a loop, a cycle, a dangling input, recursion, or more than MAX_NODES nodes.
        """
        if len(scope) > MAX_DEPTH:
            raise UserError(f"{self._path}: functions call each other more than {MAX_DEPTH} deep")
        order = self._order(nodes, fetches, bound)
        if not scope:
            self._reserved.update(node.name for node in order)
        for node in order:
            inputs = [self._resolve(i, nodes, bound) for i in _inputs(node, nodes)]
            if node.op in _CALLS:
                bound[node.name] = self._call(node.attr["f"].func, inputs, (*scope, node.name))
            elif node.op in self._functions:
                call = tf.compat.v1.AttrValue().func
                call.name = node.op
                for key, value in node.attr.items():
                    call.attr[key].CopyFrom(value)
                bound[node.name] = self._call(call, inputs, (*scope, node.name))
            elif node.op in _BRANCHES:
                bound[node.name] = self._branch(node, inputs, scope)
            else:
                bound[node.name] = self._copy(node, inputs, nodes, bound, scope)
        return [self._resolve(fetch, nodes, bound) for fetch in fetches]

    def _order(self, nodes, fetches, bound) -> list[NodeDef]:
        """What `fetches` need of `nodes`, producers first (an explicit stack: graphs are deep)."""
        order, state = [], {}
        stack = [(_base(fetch), False) for fetch in reversed(fetches)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                state[name] = "done"
                order.append(nodes[name])
                continue
            if name in bound or state.get(name) == "done":
                continue
            if name in state:
                raise UserError(f"{self._path}: node {name!r} feeds itself; the file is damaged")
            node = nodes.get(name)
            if node is None:
                raise UserError(f"{self._path}: node {name!r} is missing; the file is damaged")
            if node.op in _LOOPS:
                raise UserError(
                    f"{self._path}: {name!r} ({node.op}) belongs to a while loop on the way to the "
                    "output, and loops cannot be inverted; export the generator with it unrolled"
                )
            state[name] = "open"
            stack.append((name, True))
            wanted = [_base(i) for i in _inputs(node, nodes)]
            switch = _branch_of(node, nodes)
            if switch is not None:
                wanted.append(_base(switch[0]))
            stack.extend((i, False) for i in wanted if state.get(i) != "done")
        return order

    def _resolve(self, ref: str, nodes, bound) -> str:
        """The flat tensor that local `ref` stands for."""
        parts = ref.split(":")
        target = bound.get(parts[0])
        try:
            if len(parts) == 1:
                index = 0
            elif parts[1].isdigit():
                index = int(parts[1])
            else:
                index = self._output(nodes[parts[0]], parts[1])
                index += int(parts[2]) if len(parts) == 3 else 0
            return tensor_name(target, index) if isinstance(target, str) else target[index]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise UserError(
                f"{self._path}: input {ref!r} does not exist; the file is damaged"
            ) from error

    def _output(self, node: NodeDef, output: str) -> int:
        """Where the named output of `node` begins among all its outputs."""
        if node.op in self._functions:
            definition = self._functions[node.op].signature
        else:
            definition = op_def_registry.get(node.op)
        if definition is None:
            raise UserError(
                f"{self._path}: op {node.op!r} of node {node.name!r} is unknown to TensorFlow "
                f"{tf.__version__}; custom ops cannot be inverted"
            )
        index = 0
        for argument in definition.output_arg:
            if argument.name == output:
                return index
            index += _length(argument, node.attr)
        raise KeyError(output)

    def _call(self, call, inputs: Sequence[str], scope: tuple[str, ...]) -> list[str]:
        """Copies the function that `call` (a NameAttrList) names, and returns its outputs."""
        function = self._functions.get(call.name)
        if function is None:
            raise UserError(f"{self._path}: function {call.name!r} is missing; the file is damaged")
        bound: dict[str, str | list[str]] = {}
        first = 0
        for argument in function.signature.input_arg:
            last = first + _length(argument, call.attr)
            bound[argument.name] = list(inputs[first:last])
            first = last
        if first != len(inputs):
            raise UserError(
                f"{self._path}: function {call.name!r} takes {first} inputs and is given "
                f"{len(inputs)}; the file is damaged"
            )
        nodes = {node.name: _instantiate(node, call.attr) for node in function.node_def}
        returns = [function.ret.get(o.name, o.name) for o in function.signature.output_arg]
        return self.expand(nodes, returns, bound, scope)

    def _branch(self, node: NodeDef, inputs: Sequence[str], scope: tuple[str, ...]) -> list[str]:
        """Copies both branches of an `If`, and returns the merged outputs."""
        if node.attr["Tcond"].type != tf.bool.as_datatype_enum:
            raise UserError(f"{self._path}: the predicate of {node.name!r} (If) is not a bool")
        predicate, *arguments = inputs
        switches = [
            self._switch(f"{node.name}/switch_{i}", argument, predicate, dtype, scope)
            for i, (argument, dtype) in enumerate(
                zip(arguments, node.attr["Tin"].list.type, strict=True)
            )
        ]
        sides = []
        for live, side in enumerate(("else", "then")):
            given = [tensor_name(switch, live) for switch in switches]
            call = node.attr[f"{side}_branch"].func
            sides.append(self._call(call, given, (*scope, f"{node.name}/{side}")))
        merged = []
        for i, (dtype, *tensors) in enumerate(
            zip(node.attr["Tout"].list.type, *sides, strict=True)
        ):
            gated = [
                tensor_name(
                    self._switch(f"{node.name}/{side}_{i}", tensor, predicate, dtype, scope), live
                )
                for live, (side, tensor) in enumerate(zip(("else", "then"), tensors, strict=True))
            ]
            attributes = {"T": tf.compat.v1.AttrValue(type=dtype)}
            attributes["N"] = tf.compat.v1.AttrValue(i=2)
            merged.append(self._add("Merge", f"{node.name}/merge_{i}", gated, attributes, scope))
        return merged

    def _switch(self, name, tensor, predicate, dtype, scope) -> str:
        attributes = {"T": tf.compat.v1.AttrValue(type=dtype)}
        return self._add("Switch", name, (tensor, predicate), attributes, scope)

    def _copy(self, node: NodeDef, inputs, nodes, bound, scope) -> str:
        """Copies an ordinary node; a constant inside a TF1 `cond` is gated by its predicate."""
        if not scope:
            self._reserved.discard(node.name)
        switch = _branch_of(node, nodes)
        if switch is None:
            return self._add(node.op, node.name, inputs, node.attr, scope)
        predicate, live = self._resolve(switch[0], nodes, bound), switch[1]
        value = self._add(node.op, f"{node.name}/value", inputs, node.attr, scope)
        dtype = node.attr["dtype"]
        gate = self._switch(f"{node.name}/switch", value, predicate, dtype.type, scope)
        return self._add("Identity", node.name, (tensor_name(gate, live),), {"T": dtype}, scope)

    def _add(self, op: str, name: str, inputs, attributes: Mapping, scope=()) -> str:
        if len(self.nodes) >= MAX_NODES:
            raise UserError(f"{self._path}: the graph has more than {MAX_NODES} nodes")
        node = NodeDef(name=self._unique(name, scope), op=op, input=inputs)
        for key, value in attributes.items():
            if not key.startswith("_"):
                node.attr[key].CopyFrom(value)
        self.nodes[node.name] = node
        return node.name

    def _unique(self, name: str, scope: tuple[str, ...]) -> str:
        telling = [_CALL_NAME.sub("", call) for call in scope]
        short = "/".join([*filter(None, telling), name])
        full = "/".join([*scope, name])
        for choice in (short, full):
            if choice not in self.nodes and choice not in self._reserved:
                return choice
        number = 1
        while f"{full}_{number}" in self.nodes or f"{full}_{number}" in self._reserved:
            number += 1
        return f"{full}_{number}"


def _base(ref: str) -> str:
    return ref.split(":", 1)[0]


def _inputs(node: NodeDef, nodes: Mapping[str, NodeDef]) -> list[str]:
    """What `node` computes with: its data inputs, or for a read what was assigned just before it.

    Nothing but a control input says that a read comes after an assignment.
    """
    if node.op in ("ReadVariableOp", "Identity"):
        for control in node.input:
            written = nodes.get(control[1:]) if control[0] == "^" else None
            if written is None or written.op not in ("Assign", "AssignVariableOp"):
                continue
            if len(written.input) > 1 and written.input[0] == node.input[0]:
                return [written.input[1]]
    return [i for i in node.input if i[0] != "^"]


def _length(argument, attributes: Mapping) -> int:
    """How many tensors an argument of an OpDef stands for, given the node's attributes."""
    if argument.number_attr:
        return attributes[argument.number_attr].i
    if argument.type_list_attr:
        return len(attributes[argument.type_list_attr].list.type)
    return 1


def _instantiate(node: NodeDef, attributes: Mapping) -> NodeDef:
    """The node of a function body with the attributes that its caller sets filled in."""
    holes = [key for key, value in node.attr.items() if value.placeholder]
    if holes:
        node = NodeDef.FromString(node.SerializeToString())
        for key in holes:
            node.attr[key].CopyFrom(attributes[node.attr[key].placeholder])
    return node


def _branch_of(node: NodeDef, nodes: Mapping[str, NodeDef]) -> tuple[str, int] | None:
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
        source, index = split_tensor_name(pivot.input[0])
        switch = nodes.get(source)
        if switch is not None and switch.op in ("Switch", "RefSwitch") and len(switch.input) > 1:
            return switch.input[1], index
    return None
