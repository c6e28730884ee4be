"""From a graph with functions and variables to a GraphModel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.inline import Inliner
from tfinv.graph.model import GraphModel, Port, dtype_name, split_tensor_name
from tfinv.graph.plain import plain_nodes
from tfinv.graph.safety import check_file, check_ops

__all__ = ["build_model"]

NodeDef = tf.compat.v1.NodeDef
LARGE_CONSTANT = 16 * 1024  # bytes
MAX_TENSOR = 1 << 32  # bytes; attention over 128 x 128 positions makes a sixteenth of that an image
MAX_REPEATED_CONSTANT = 1 << 28  # bytes; a file of a few bytes may claim any shape by repetition


def build_model(
    graph_def: tf.compat.v1.GraphDef,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    read_variable: Callable[[NodeDef], np.ndarray],
    producer: str,
    path: str,
) -> GraphModel:
    """Inlines, prunes, checks and freezes a graph. Nothing of it is evaluated.

    Variables keep the value that they were saved with. An assignment yields what it assigns, and so
    does a read that is ordered right after it; what a run would leave for the next one is dropped.

    Args:
        graph_def: the graph with its function library.
        inputs: what will be fed; each must be the only output of its node.
        outputs: what is wanted. Tensor names in both are those of `graph_def`.
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
                f"{path}: the output needs {node.name!r}, which is not an input of the signature "
                f"({', '.join(port.key for port in inputs) or 'it has none'}); "
                "export the model with that input in its signature"
            )
    check_ops(flat.values(), path)
    weights = _take_weights(flat, read_variable, path)
    _validate(flat, weights, graph_def.versions, path)
    named = []
    for port, tensor in zip(outputs, tensors, strict=True):
        name, index = split_tensor_name(tensor)
        named.append(Port(port.key, f"{name}:{index}", port.dtype, port.shape))
    return GraphModel(flat, weights, tuple(inputs), tuple(named), producer, path)


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
            "export the model with a placeholder for each input"
        )
    dtype = node.attr["dtype"].type if "dtype" in node.attr else port.dtype.as_datatype_enum
    if dtype != port.dtype.as_datatype_enum:
        raise UserError(
            f"{path}: input {port.key!r} is {port.dtype.name} in the signature and "
            f"{dtype_name(dtype)} in the graph; the file is damaged"
        )
    return node


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


def _validate(nodes, weights, versions, path: str) -> None:
    """Lets TensorFlow check arguments, attributes and shapes; importing evaluates nothing."""
    graph_def = tf.compat.v1.GraphDef(versions=versions)
    for name, node in nodes.items():
        if name in weights:
            graph_def.node.add(name=name, op="Placeholder").attr["dtype"].CopyFrom(
                node.attr["dtype"]
            )
            shape = tf.TensorShape(weights[name].shape).as_proto()
            graph_def.node[-1].attr["shape"].shape.CopyFrom(shape)
        else:
            graph_def.node.append(node)
    try:
        with tf.Graph().as_default() as graph:
            tf.graph_util.import_graph_def(graph_def, name="")
    except (tf.errors.OpError, TypeError, ValueError) as error:
        line = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: the graph is damaged ({line})") from error
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            size = tensor.dtype.size * (tensor.shape.num_elements() or 0)
            if size > MAX_TENSOR:
                raise UserError(
                    f"{path}: refused, because {tensor.name!r} ({operation.type}) would take "
                    f"{size} bytes"
                )


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
