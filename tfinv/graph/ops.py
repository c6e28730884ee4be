"""Running one NodeDef through `tf.raw_ops`."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.op_def_pb2 import OpDef
from tensorflow.python.framework import op_def_registry

from tfinv.errors import UserError
from tfinv.graph.model import NodeDef, split_tensor_name

__all__ = [
    "PLACEHOLDERS",
    "Runner",
    "attribute",
    "constant_value",
    "forwards",
    "make_runner",
    "naming",
    "op_def",
    "output_types",
    "reads_values",
    "tensor_type",
]

#: inputs of a node -> its outputs.
Runner = Callable[[Sequence[tf.Tensor]], list[tf.Tensor]]

#: Ops that stand for a value which has to be fed.
PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})

# Ops that hand on their input 0. The checks among them are left out on purpose: in a batch, one
# image that turns NaN must not stop the others.
_FORWARDING = frozenset(
    {"Identity", "PreventGradient", "CheckNumerics", "CheckNumericsV2", "EnsureShape"}
)

# Their output tells the shape of what they read, not its values.
_SHAPE_ONLY = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})

# Ops that take a whole shape, or several tensors of one batch, and so are the first to fail where a
# file holds another batch size than the one that is fed.
_BATCHED = {"Add", "AddV2", "Sub", "Mul", "Concat", "ConcatV2"}
_TAKING_SHAPES = {"BroadcastTo", "Conv2DBackpropInput", "Conv2DBackpropInputV2", "Reshape"}
_FIXING_A_BATCH = frozenset(_BATCHED | _TAKING_SHAPES)

# What TensorFlow raises where inputs do not fit an op; oneDNN's convolutions raise the third.
_FAILURES = (
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
    tf.errors.AbortedError,
    ValueError,
)

# "{{function_node __wrapped__Mul_device_/job:localhost...}}" and " [Op:Mul] name: " tell a user
# nothing, nor does how oneDNN says that its inputs do not fit: with a status and a variable to set.
_NODE_TAG = re.compile(r"\{\{.*?\}\}\s*|\s*\[Op:.*", re.DOTALL)
_ONEDNN = re.compile(r"primitive|ONEDNN|oneDNN|Operation received an exception")


def forwards(node: NodeDef) -> bool:
    """Whether a node hands on its input 0 unchanged and nothing else."""
    return node.op in _FORWARDING


def reads_values(node: NodeDef) -> bool:
    """Whether a node reads the values of its inputs, and not their shapes alone."""
    return node.op not in _SHAPE_ONLY


def op_def(node: NodeDef) -> OpDef:
    """Returns the definition of a node's op.

    Raises:
      UserError: this TensorFlow has no such op, or does not let Python run it.
    """
    definition = op_def_registry.get(node.op)
    if definition is None or not hasattr(tf.raw_ops, node.op):
        raise UserError(
            f"node {node.name!r} is an op that TensorFlow {tf.__version__} does not have: "
            f"{node.op!r}; export the generator from plain TensorFlow ops"
        )
    return definition


@contextlib.contextmanager
def naming(node: NodeDef) -> Iterator[None]:
    """Turns what TensorFlow says about a node's inputs into one line that names the node."""
    try:
        yield
    except _FAILURES as error:
        reason = _reason(error)
        advice = "check the shapes and types of what you feed"
        if node.op in _FIXING_A_BATCH:
            advice = (
                "if what you feed has the right shape, the generator was exported for a fixed "
                "batch size: export it with batch None"
            )
        raise UserError(
            f"node {node.name!r} ({node.op}) cannot run on what it is given: {reason}; {advice}"
        ) from error


def _reason(error: Exception) -> str:
    """What TensorFlow says about inputs that do not fit, without what is meant for its makers."""
    said = _NODE_TAG.sub("", str(error)).splitlines()
    if not said:
        return type(error).__name__
    return "its inputs do not fit each other" if _ONEDNN.search(said[0]) else said[0]


def output_types(node: NodeDef) -> list[tf.DType]:
    """Returns the dtype of each output of a node, lists of tensors spelled out."""
    types: list[tf.DType] = []
    for argument in op_def(node).output_arg:
        if argument.type_list_attr:
            kinds = _attribute(node, argument.type_list_attr).list.type
            types.extend(tf.as_dtype(kind) for kind in kinds)
            continue
        kind = argument.type or _attribute(node, argument.type_attr).type
        count = _attribute(node, argument.number_attr).i if argument.number_attr else 1
        types.extend([tf.as_dtype(kind).base_dtype] * count)
    return types


def tensor_type(nodes: Mapping[str, NodeDef], tensor: str) -> tf.DType:
    """Returns the dtype of a tensor.

    Raises:
      UserError: the graph has no such tensor.
    """
    name, index = split_tensor_name(tensor)
    if name not in nodes:
        raise UserError(f"the graph has no tensor {tensor!r}: tfinv.inspect lists what it has")
    types = output_types(nodes[name])
    if index >= len(types):
        raise UserError(f"the graph has no tensor {tensor!r}: {name!r} has {len(types)} outputs")
    return types[index]


def constant_value(node: NodeDef, weights: Mapping[str, np.ndarray]) -> tf.Tensor:
    """Returns the value of a Const node: from the weights if it is there, else from the node."""
    if node.name in weights:
        return tf.constant(weights[node.name])
    return tf.constant(tf.make_ndarray(node.attr["value"].tensor))


def make_runner(node: NodeDef) -> Runner:
    """Returns a function that runs a node; its attributes are decoded once, here.

    Raises:
      UserError: the op is unknown, calls a function, or keeps a state (a random generator, a
        file, a queue). A generator that draws its own noise is refused and not frozen: one draw
        kept as a constant would be wrong in every picture but one, and a new draw in every step
        would leave nothing to invert.
    """
    definition = op_def(node)
    if definition.is_stateful:
        raise UserError(
            f"node {node.name!r} ({node.op}) gives another value on every call, so no code has "
            "one picture; --constants=random=0 holds all such values at 0, "
            f"--constants={node.name}=0 this one; or export it with its noise as an input"
        )
    function, renamed = _raw_op(node.op)
    attributes = {}
    inferred = _inferred(definition)
    for declared in definition.attr:
        if declared.name in inferred:
            continue
        if declared.name in node.attr:
            value = attribute(node, declared.name)
            attributes[renamed.get(declared.name, declared.name)] = value
        elif not declared.HasField("default_value"):
            raise _damaged(node, declared.name)
    pieces = _input_pieces(node, definition, renamed)
    several = len(definition.output_arg) > 1

    def run(inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        arguments = {
            name: inputs[start] if count is None else list(inputs[start : start + count])
            for name, start, count in pieces
        }
        result = function(**arguments, **attributes)
        outputs: list[tf.Tensor] = []
        for value in result if several else [result]:
            outputs.extend(value if isinstance(value, list | tuple) else [value])
        return outputs

    return run


def _input_pieces(
    node: NodeDef, definition: OpDef, renamed: Mapping[str, str]
) -> list[tuple[str, int, int | None]]:
    """Returns (argument of the Python function, first input, how many or None for one tensor)."""
    pieces: list[tuple[str, int, int | None]] = []
    start = 0
    for argument in definition.input_arg:
        count = None
        if argument.number_attr:
            count = _attribute(node, argument.number_attr).i
        elif argument.type_list_attr:
            count = len(_attribute(node, argument.type_list_attr).list.type)
        pieces.append((renamed.get(argument.name, argument.name), start, count))
        start += 1 if count is None else count
    return pieces


@functools.cache
def _raw_op(op: str) -> tuple[Callable, dict[str, str]]:
    """Returns the Python function of an op and its renamed arguments.

    The ApiDef of a few ops renames arguments (`Sum.reduction_indices` is `axis` in Python) but
    keeps their order, so the names that one side lacks pair up with those that the other lacks.
    """
    definition, function = op_def_registry.get(op), getattr(tf.raw_ops, op)
    python = [name for name in inspect.signature(function).parameters if name != "name"]
    inferred = _inferred(definition)
    ours = [a.name for a in definition.input_arg]
    ours += [a.name for a in definition.attr if a.name not in inferred]
    missing = [name for name in ours if name not in python]
    extra = [name for name in python if name not in ours]
    return function, dict(zip(missing, extra, strict=True))


def _inferred(definition: OpDef) -> set[str]:
    """Returns the attributes that Python works out from the inputs."""
    names = set()
    for argument in definition.input_arg:
        names |= {argument.type_attr, argument.number_attr, argument.type_list_attr}
    return names - {""}


def attribute(node: NodeDef, name: str) -> Any:
    """Returns an attribute of a node, or the op's default, as the value that `tf.raw_ops` takes.

    A SavedModel may have been written without the attributes that equal their defaults, so looking
    at the node is not enough.

    Raises:
      UserError: the node lacks the attribute, or it is a function.
    """
    value = _attribute(node, name)
    kind = value.WhichOneof("value")
    if kind == "s":
        return value.s.decode(errors="replace")
    if kind in ("i", "f", "b", "tensor"):
        return getattr(value, kind)
    if kind == "type":
        return tf.as_dtype(value.type)
    if kind == "shape":
        return tf.TensorShape(value.shape)
    if kind == "list":
        items = value.list
        if items.type:
            return [tf.as_dtype(item) for item in items.type]
        if items.shape:
            return [tf.TensorShape(item) for item in items.shape]
        if items.s:
            return [item.decode(errors="replace") for item in items.s]
        return list(items.i or items.f or items.b or items.tensor)
    if kind == "func":
        raise UserError(
            f"node {node.name!r} ({node.op}) calls a function ({name}): only flat graphs can be "
            "cut; export the generator again without tf.map_fn, tf.while_loop and the like"
        )
    raise _damaged(node, name)


def _attribute(node: NodeDef, name: str) -> AttrValue:
    """Returns an attribute of a node, or its default where the exporter stripped it."""
    # Reading an attribute that is not there leaves an empty one in its place.
    if name in node.attr and node.attr[name].WhichOneof("value") is not None:
        return node.attr[name]
    for declared in op_def(node).attr:
        if declared.name == name and declared.HasField("default_value"):
            return declared.default_value
    raise _damaged(node, name)


def _damaged(node: NodeDef, name: str) -> UserError:
    return UserError(
        f"node {node.name!r} ({node.op}) lacks its attribute {name!r}: the file is damaged or "
        "was written by another tool; export it again"
    )
