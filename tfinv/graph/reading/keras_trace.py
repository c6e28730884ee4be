"""From a Keras model in memory to a GraphModel; and how large a model will be, before it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel, Port
from tfinv.graph.reading.freeze import build_model

__all__ = ["check_weights", "load", "trace"]

_SLACK = 1 << 20  # numbers that a model may have and its file not: states of random generators


def load(read: Callable, path: str):
    """Calls a loader of Keras; whatever it raises becomes one line."""
    try:
        return read()
    except UserError:
        raise
    except Exception as error:  # the file decides which layer, h5py or numpy call it is that fails
        line = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: Keras cannot load it ({line})") from error


def check_weights(make: Callable, stored: int, path: str) -> None:
    """Refuses a configuration of far more weights than the file holds, before they take memory.

    Args:
      make: makes the model from its configuration. It is called in a graph of TensorFlow 1, where
        a variable is a node and nothing else; if it fails, what it made until then is counted.
      stored: how many numbers the file holds.
      path: the file, for the message.

    Raises:
      UserError: says both numbers.
    """
    with tf.Graph().as_default() as graph, contextlib.suppress(Exception):
        make()  # loading it will say what is wrong
    variables = [node for node in graph.get_operations() if node.type == "VarHandleOp"]
    shapes = [tf.TensorShape(node.get_attr("shape")) for node in variables]
    claimed = sum(shape.num_elements() or 0 for shape in shapes)
    if claimed > 2 * stored + _SLACK:
        raise UserError(
            f"{path}: refused, because its layers would have {claimed} weights, and {stored} are "
            "in the file"
        )


def trace(model, keras, producer: str, path: str) -> GraphModel:
    """Reads the graph of a model's call in inference mode.

    Args:
      model: a loaded model of `keras`, the module keras or tf_keras.
      keras: that module.
      producer: for GraphModel.
      path: the file, for GraphModel and for messages.

    Returns:
      The model; inputs and outputs keep the order and names that they have there.

    Raises:
      UserError: the model does not say its inputs; or as `build_model`.
    """
    inputs = list(getattr(model, "inputs", None) or ())
    if not inputs:
        raise UserError(f"{path}: does not say its inputs; save it with model.export() instead")
    tree = getattr(keras, "tree", None)
    flatten, pack = (tree.flatten, tree.pack_sequence_as) if tree else _of_tensorflow()
    # The structure that the model was made with; a Sequential model has none but its one input.
    structure = getattr(model, "input", inputs[0])
    names = [f"input_{i}" for i in range(len(inputs))]
    specs = [tf.TensorSpec(t.shape, t.dtype, n) for t, n in zip(inputs, names, strict=True)]

    @tf.function(autograph=False)
    def call(*tensors):
        return flatten(model(pack(structure, tensors), training=False))

    graph = call.get_concrete_function(*specs).graph
    outputs = flatten(graph.structured_outputs)
    keys = getattr(model, "output_names", None) or [f"output_{i}" for i in range(len(outputs))]
    graph_def, values = _separate_captures(graph)
    return build_model(
        graph_def,
        [_port(key.name, t) for key, t in zip(inputs, graph.inputs, strict=False)],
        [_port(key, t) for key, t in zip(keys, outputs, strict=True)],
        lambda node: values[node.name].numpy(),
        producer,
        path,
    )


def _of_tensorflow() -> tuple[Callable, Callable]:
    """Keras 2 nests as TensorFlow does."""
    return tf.nest.flatten, lambda structure, tensors: tf.nest.pack_sequence_as(structure, tensors)


def _port(key: str, tensor) -> Port:
    shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    return Port(key, tensor.name, tensor.dtype, shape)


def _separate_captures(graph):
    """The GraphDef with a VarHandleOp for each captured variable, and the values by node name."""
    graph_def = graph.as_graph_def()
    nodes = {node.name: node for node in graph_def.node}
    variables = {id(variable.handle): variable for variable in graph.variables}
    values = {}
    for captured, placeholder in graph.captures:
        node = nodes[placeholder.op.name]
        value = variables.get(id(captured), captured)
        values[node.name] = value
        node.op = "VarHandleOp" if value is not captured else "Variable"
        node.attr["dtype"].type = value.dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(value.shape.as_proto())
    return graph_def, values
