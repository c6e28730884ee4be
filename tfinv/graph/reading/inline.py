"""Writes a graph out flat: function calls and conditionals replaced by what they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tfinv.errors import UserError
from tfinv.graph.model import tensor_name
from tfinv.graph.reading.conditionals import CASES, IFS, branch_of, write_case, write_if

__all__ = ["MAX_NODES", "Inliner"]

NodeDef = tf.compat.v1.NodeDef
MAX_DEPTH = 64
MAX_NODES = 2_000_000  # BigGAN-deep-512, the largest graph known, has 150,000.

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_LOOPS = ("While", "StatelessWhile", "For", "Enter", "RefEnter", "NextIteration", "LoopCond")
_CALL_NAME = re.compile(r"(^|/)(Stateful)?PartitionedCall(_\d+)?$")


class Inliner:
    """Copies the part of a graph that some tensors need, as one flat graph.

    Control inputs, devices and attributes that begin with "_" stay behind. A node inside a function
    keeps its own name, behind the name of the call where that says something ("model/dense" does,
    "StatefulPartitionedCall_1" does not) or where the short name is taken.

    An `If` or `Case` becomes Switch and Merge (see `tfinv.graph.reading.conditionals`).

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
            elif node.op in IFS or node.op in CASES:
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
            switch = branch_of(node, nodes)
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
        def call(function, given: Sequence[str], side: str) -> list[str]:
            return self._call(function, given, (*scope, f"{node.name}/{side}"))

        def add(op: str, name: str, inputs: Sequence[str], attributes: Mapping) -> str:
            return self._add(op, name, inputs, attributes, scope)

        write = write_if if node.op in IFS else write_case
        return write(node, inputs, call, add, self._path)

    def _copy(self, node: NodeDef, inputs, nodes, bound, scope) -> str:
        """Copies an ordinary node; a constant inside a TF1 `cond` is gated by its predicate."""
        if not scope:
            self._reserved.discard(node.name)
        switch = branch_of(node, nodes)
        if switch is None:
            return self._add(node.op, node.name, inputs, node.attr, scope)
        predicate, live = self._resolve(switch[0], nodes, bound), switch[1]
        value = self._add(node.op, f"{node.name}/value", inputs, node.attr, scope)
        dtype = node.attr["dtype"]
        gate = self._add("Switch", f"{node.name}/switch", (value, predicate), {"T": dtype}, scope)
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
            written = nodes.get(control[1:]) if control.startswith("^") else None
            if written is None or written.op not in ("Assign", "AssignVariableOp"):
                continue
            if len(written.input) > 1 and written.input[0] == node.input[0]:
                return [written.input[1]]
    return [i for i in node.input if not i.startswith("^")]


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
