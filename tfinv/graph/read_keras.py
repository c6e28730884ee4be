"""Reads `.keras` files."""

from __future__ import annotations

import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.freeze import build_model
from tfinv.graph.model import GraphModel, Port

__all__ = ["read_keras"]

_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
_MAX_CONFIG = 64 << 20  # bytes
_MAX_RATIO = 100  # Keras stores members uncompressed, so a high ratio is a decompression bomb

# Where Keras keeps what a model is made of; keras.utils and others hold functions that do more.
_MODULES = re.compile(
    r"None|builtins|keras|keras(\.src)?\.(activations|backend|constraints|dtype_policies|initializers|"
    r"layers|losses|metrics|models|ops|optimizers|quantizers|random|regularizers)(\.\w+)*"
)

# Layers that run code from the file, or read other files while they are built.
_REFUSED = {
    "Lambda": "runs Python code from the file",
    "__lambda__": "runs Python code from the file",
    "TorchModuleWrapper": "runs Python code from the file",
    "JaxLayer": "runs Python code from the file",
    "FlaxLayer": "runs Python code from the file",
    "TFSMLayer": "loads another model",
    "IntegerLookup": "reads other files",
    "StringLookup": "reads other files",
    "TextVectorization": "reads other files",
}


def read_keras(path: str | os.PathLike) -> GraphModel:
    """Reads a `.keras` file (Keras 3) as a flat, frozen graph of its call in inference mode.

    The configuration is vetted before Keras sees it: built-in classes only, besides those that the
    caller registered in this process, and no layer that runs code or reads other files.

    Args:
        path: the file.

    Returns:
        The model; inputs and outputs keep the model's order and names.

    Raises:
        UserError: anything that is wrong with the file, in one line.
    """
    path = os.fspath(path)
    _vet(path)
    model = _load(path)
    inputs = list(getattr(model, "inputs", None) or ())
    if not inputs:
        raise UserError(f"{path}: does not say its inputs; save it with model.export() instead")
    graph, outputs = _trace(model, inputs)
    keys = getattr(model, "output_names", None) or [f"output_{i}" for i in range(len(outputs))]
    graph_def, values = _separate_captures(graph)
    return build_model(
        graph_def,
        [_port(key.name, t) for key, t in zip(inputs, graph.inputs, strict=False)],
        [_port(key, t) for key, t in zip(keys, outputs, strict=True)],
        lambda node: values[node.name].numpy(),
        "Keras 3 file",
        path,
    )


def _vet(path: str) -> None:
    if not os.path.exists(path):
        raise UserError(f"{path}: no such file")
    if not os.path.isfile(path):
        raise UserError(f"{path}: is a folder, not a .keras file; if it is a SavedModel, rename it")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            missing = [name for name in _MEMBERS if name not in members]
            if missing:
                raise UserError(f"{path}: is not a .keras file; {', '.join(missing)} is not in it")
            for member in members.values():
                _vet_member(member, path)
            if members["config.json"].file_size > _MAX_CONFIG:
                raise UserError(f"{path}: config.json is over {_MAX_CONFIG} bytes; refused")
            config = json.loads(archive.read("config.json"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: config.json in it is not JSON; the file is damaged") from error
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        raise UserError(f"{path}: is not a .keras file or is truncated ({error})") from error
    for entry in _classes(config):
        _vet_class(entry, path)


def _vet_member(member: zipfile.ZipInfo, path: str) -> None:
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or ":" in name:
        raise UserError(
            f"{path}: refused, because it holds {member.filename!r}, a path outside itself"
        )
    if member.file_size > _MAX_RATIO * max(member.compress_size, 1024):
        raise UserError(
            f"{path}: refused, because {member.filename!r} would grow from {member.compress_size} "
            f"to {member.file_size} bytes"
        )


def _classes(config) -> Iterator[dict]:
    """Every part of a Keras configuration that names a class or a function."""
    stack = [config]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                yield part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _vet_class(entry: dict, path: str) -> None:
    import keras

    name, module = entry["class_name"], entry.get("module")
    registered = entry.get("registered_name")
    if not isinstance(name, str) or not isinstance(registered, str | None):
        raise UserError(f"{path}: {name!r} is not the name of a class; the file is damaged")
    if name in _REFUSED:
        raise UserError(
            f"{path}: refused, because a layer of class {name} {_REFUSED[name]}; "
            "save the generator without it"
        )
    if keras.saving.get_registered_object(registered or name) is not None:
        return
    if not _MODULES.fullmatch(str(module)) or (registered and ">" in registered):
        raise UserError(
            f"{path}: class {name!r} of {module!r} is not part of Keras; import the module that "
            "registers it first, or export the model as a SavedModel with model.export()"
        )


def _load(path: str):
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"{path}: Keras runs on {keras.backend.backend()!r}; set KERAS_BACKEND=tensorflow"
        )
    if not path.endswith(".keras"):
        raise UserError(f"{path}: Keras opens only files whose name ends in .keras; rename it")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # the file decides which layer, h5py or numpy call it is that fails
        line = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: Keras cannot load it ({line})") from error


def _trace(model, inputs):
    """The graph of the model's call, and its output tensors there."""
    import keras

    # The structure that the model was made with; a Sequential model has none but its one input.
    structure = getattr(model, "input", inputs[0])
    names = [f"input_{i}" for i in range(len(inputs))]
    specs = [tf.TensorSpec(t.shape, t.dtype, n) for t, n in zip(inputs, names, strict=True)]

    @tf.function(autograph=False)
    def call(*tensors):
        given = keras.tree.pack_sequence_as(structure, tensors)
        return keras.tree.flatten(model(given, training=False))

    graph = call.get_concrete_function(*specs).graph
    return graph, keras.tree.flatten(graph.structured_outputs)


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
