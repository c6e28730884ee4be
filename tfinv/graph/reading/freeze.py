"""From a graph with functions and variables to a GraphModel."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel, Port, dtype_name, split_tensor_name
from tfinv.graph.reading.inline import Inliner
from tfinv.graph.reading.plain import plain_nodes
from tfinv.graph.reading.safety import check_file, check_ops
from tfinv.graph.validate import MAX_REPEATED_CONSTANT, Shapes

__all__ = ["build_model"]

NodeDef = tf.compat.v1.NodeDef
LARGE_CONSTANT = 16 * 1024  # bytes


def build_model(
    graph_def: tf.compat.v1.GraphDef,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    read_variable: Callable[[NodeDef], np.ndarray],
    producer: str,
    path: str,
) -> GraphModel:
    """Inlines, prunes, checks and freezes a graph. Nothing large of it is evaluated.

    Variables keep the value that they were saved with. An assignment yields what it assigns, and so
    does a read that is ordered right after it; what a run would leave for the next one is dropped.

    Args:
        graph_def: the graph with its function library.
        inputs: what will be fed, placeholders or inner tensors; each the first output of its node.
        outputs: what is wanted. Tensor names in both are those of `graph_def`. A shape of None is
            filled in where the graph tells it.
        read_variable: the value of a VariableV2 or VarHandleOp node.
        producer: see GraphModel.
        path: the file, for GraphModel and for messages.

    Returns:
        The model. Its outputs name tensors of the flat graph.

    Raises:
        UserError: the file is damaged, holds an op that may not be there, has a loop, or needs an
            input that is not among `inputs`.
    """
    check_file(graph_def, path)
    nodes = _by_name(graph_def.node, path)
    inputs = [_with_default(port, nodes, path) for port in inputs]
    inliner = Inliner(graph_def.library.function, path)
    bound: dict[str, str | list[str]] = {}
    for port in inputs:
        bound[_fed_node(port, nodes, path).name] = port.tensor.split(":")[0]
        inliner.add_input(_placeholder(port))
    tensors = inliner.expand(nodes, [port.tensor for port in outputs], bound)
    fed = {port.tensor.split(":")[0] for port in inputs}
    flat = _prune(plain_nodes(inliner.nodes.values()), tensors, fed)
    for node in flat.values():
        if node.op.startswith("Placeholder") and node.name not in fed:
            raise UserError(
                f"{path}: the output needs {node.name!r}, which is not among the inputs "
                f"({', '.join(port.key for port in inputs) or 'there are none'}); name all inputs "
                f"with --input, where {node.name}=VALUE fixes one, or export the model with that "
                "input in its signature"
            )
    check_ops(flat.values(), path)
    weights = _take_weights(flat, read_variable, path)
    shapes = Shapes(flat, weights, path)
    named = []
    for port, tensor in zip(outputs, tensors, strict=True):
        name, index = split_tensor_name(tensor)
        shape = shapes.of(tensor) if port.shape is None else port.shape
        named.append(Port(port.key, f"{name}:{index}", port.dtype, shape))
    return GraphModel(flat, weights, tuple(inputs), tuple(named), producer, path, shapes.unsized)


def _by_name(nodes: Iterable[NodeDef], path: str) -> dict[str, NodeDef]:
    named: dict[str, NodeDef] = {}
    for node in nodes:
        if node.name in named:
            raise UserError(f"{path}: two nodes are called {node.name!r}; the file is damaged")
        named[node.name] = node
    return named


def _fed_node(port: Port, nodes: dict[str, NodeDef], path: str) -> NodeDef:
    name, index = split_tensor_name(port.tensor)
    node = nodes.get(name)
    if node is None or index:
        raise UserError(
            f"{path}: input {port.key!r} is tensor {port.tensor!r}, which cannot be fed; "
            "feed the first output of a node, such as a placeholder"
        )
    dtype = node.attr["dtype"].type if "dtype" in node.attr else port.dtype.as_datatype_enum
    if dtype != port.dtype.as_datatype_enum:
        raise UserError(
            f"{path}: input {port.key!r} is {port.dtype.name} in the signature and "
            f"{dtype_name(dtype)} in the graph; the file is damaged"
        )
    return node


def _with_default(port: Port, nodes: dict[str, NodeDef], path: str) -> Port:
    node = nodes.get(split_tensor_name(port.tensor)[0])
    if node is None or node.op != "PlaceholderWithDefault" or not node.input:
        return port
    source = nodes.get(split_tensor_name(node.input[0])[0])
    if source is None or source.op != "Const":
        return port
    return dataclasses.replace(port, default=_constant(source, path))


def _placeholder(port: Port) -> NodeDef:
    node = NodeDef(name=port.tensor.split(":")[0])
    node.attr["dtype"].type = port.dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(port.shape).as_proto())
    return node


def _prune(nodes: dict[str, NodeDef], tensors: Sequence[str], fed: set[str]) -> dict[str, NodeDef]:
    needed = {split_tensor_name(tensor)[0] for tensor in tensors} | fed
    for node in reversed(nodes.values()):
        if node.name in needed:
            needed.update(split_tensor_name(i)[0] for i in node.input)
    return {name: node for name, node in nodes.items() if name in needed}


def _take_weights(nodes: dict[str, NodeDef], read_variable, path: str) -> dict[str, np.ndarray]:
    """Empties variables and large constants, as GraphModel wants them, and returns the values."""
    weights = {}
    for node in nodes.values():
        if node.op in ("VariableV2", "Variable", "VarHandleOp"):
            weights[node.name] = read_variable(node)
        elif node.op == "Const":
            value = _constant(node, path)
            if value.nbytes > LARGE_CONSTANT and value.dtype != object:
                weights[node.name] = value
        if node.name in weights:
            dtype = node.attr["dtype"].type
            node.op = "Const"
            node.attr.clear()
            node.attr["dtype"].type = dtype
    return weights


def _constant(node: NodeDef, path: str) -> np.ndarray:
    tensor = node.attr["value"].tensor
    try:
        shape = tf.TensorShape(tensor.tensor_shape).as_list()
        size = math.prod(shape) * tf.as_dtype(tensor.dtype).size
        if size > max(MAX_REPEATED_CONSTANT, 2 * tensor.ByteSize()):
            raise UserError(
                f"{path}: constant {node.name!r} claims {size} bytes and holds "
                f"{tensor.ByteSize()}; refused"
            )
        if tensor.dtype != node.attr["dtype"].type:
            raise ValueError("its dtype is not that of its value")
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path}: constant {node.name!r} is not a tensor ({error}); the file is damaged"
        ) from error
