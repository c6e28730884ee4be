"""What the configuration in a Keras file may name. It is vetted before Keras sees it.

Keras makes a model by looking up classes and functions by the names in the file, and by calling
them with the values in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tfinv.errors import UserError
from tfinv.graph.reading.allowed_ops import ALLOWED

__all__ = ["drop_training", "parse_config", "vet_config"]

_MAX_CONFIG = 64 << 20  # bytes

# Where Keras keeps what a model is made of; keras.utils and others hold functions that do more.
_FUNCTION_ROOMS = (
    "activations|constraints|initializers|layers|losses|metrics|ops|random|regularizers"
)
_CLASS_ROOMS = f"{_FUNCTION_ROOMS}|dtype_policies|models|optimizers|quantizers"
_FUNCTIONS = re.compile(rf"None|builtins|keras|(tf_)?keras(\.src)?\.({_FUNCTION_ROOMS})(\.\w+)*")
_CLASSES = re.compile(
    rf"None|builtins|keras|(tf_)?keras(\.src)?\.(backend|{_CLASS_ROOMS})(\.\w+)*|"
    r"(tf_)?keras\.src\.engine\.(functional|sequential|training|input_layer)"
)
_OPERATIONS = re.compile(r"keras(\.src)?\.ops(\.\w+)*")  # classes that have no public name
_HELPERS = ("deserialize", "get", "serialize")

# What a file names that no room of Keras shows.
_UNLISTED = {
    *("Functional", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"),
    *("DTypePolicy", "Policy", "TensorShape"),
    *("__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__"),
    *("__tensor__", "__tuple__"),
}

# Layers that run code from the file, or read other files while they are built.
_REFUSED = {
    "Lambda": "runs Python code from the file",
    "__lambda__": "runs Python code from the file",
    "TorchModuleWrapper": "runs Python code from the file",
    "JaxLayer": "runs Python code from the file",
    "FlaxLayer": "runs Python code from the file",
    "TFSMLayer": "loads another model",
    "DenseFeatures": "reads other files",
    "IndexLookup": "reads other files",
    "IntegerLookup": "reads other files",
    "SequenceFeatures": "reads other files",
    "StringLookup": "reads other files",
    "TextVectorization": "reads other files",
    "ClassMethod": "calls what the file names",
    "InstanceMethod": "calls what the file names",
    "InstanceProperty": "reads what the file names",
}

# Functions of TensorFlow that Keras 2 calls by name: x * 2 becomes a layer of "math.multiply".
_PURE = re.compile(
    r"(compat\.v1\.)?(__operators__|linalg|math|nn|signal)\.\w+"
    r"|(compat\.v1\.)?image\.(adjust|central|crop|flip|pad|per|resize|rgb|rot|transpose)\w*"
    r"|(compat\.v1\.)?(abs|acos|add|argmax|argmin|asin|atan|broadcast_to|cast|clip_by_\w+|concat"
    r"|cos|cosh|cumsum|depth_to_space|divide|einsum|equal|exp|expand_dims|eye|fill|floor|gather"
    r"|gather_nd|greater|greater_equal|identity|less|less_equal|logical_\w+|matmul|maximum|minimum"
    r"|multiply|negative|norm|not_equal|one_hot|ones|ones_like|pad|pow|range|rank|realdiv|reduce_\w+"
    r"|repeat|reshape|reverse|roll|round|scalar_mul|shape|sigmoid|sign|sin|sinh|size|slice|sort"
    r"|space_to_depth|split|sqrt|square|squeeze|stack|stop_gradient|strided_slice|subtract|tan|tanh"
    r"|tensordot|tile|transpose|truediv|unstack|where|zeros|zeros_like)"
)


def parse_config(text: str | bytes, path: str) -> dict:
    """Parses the JSON in a file; raises UserError where it is none, or too long."""
    if len(text) > _MAX_CONFIG:
        raise UserError(f"{path}: its configuration is over {_MAX_CONFIG} bytes; refused")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: its configuration is not JSON; the file is damaged") from error


def drop_training(config) -> bool:
    """Drops how a model was trained: a loss of the trainer's own is no part of what it draws.

    Args:
      config: parsed JSON, which is changed.

    Returns:
      Whether a model inside of the model had been compiled; Keras leaves out only the outer one's.
    """
    inside = False
    for part in _dicts(config):
        if "class_name" in part and part.pop("compile_config", None) is not None:
            inside |= part is not config
    return inside


def vet_config(config, keras, path: str) -> None:
    """Refuses a configuration that names what is neither Keras's nor registered by the caller.

    Args:
      config: parsed JSON.
      keras: the module that will load it, keras or tf_keras.
      path: the file, for messages.

    Raises:
      UserError: names the class or function.
    """
    for part in _dicts(config):
        if isinstance(part.get("vocabulary"), str):
            raise UserError(
                f"{path}: refused, because a layer would read its vocabulary from "
                f"{part['vocabulary']!r}; save the generator without it"
            )
        if "class_name" in part:
            _vet_class(part, keras, path)


def _dicts(config) -> Iterator[dict]:
    """Every dictionary in a configuration, however deep."""
    stack = [config]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            yield part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _vet_class(entry: dict, keras, path: str) -> None:
    name, module = entry["class_name"], entry.get("module")
    registered = entry.get("registered_name")
    if not isinstance(name, str) or not isinstance(registered, str | None):
        raise UserError(f"{path}: {name!r} is not the name of a class; the file is damaged")
    if name in _REFUSED:
        raise UserError(
            f"{path}: refused, because a layer of class {name} {_REFUSED[name]}; "
            "save the generator without it"
        )
    if name in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        _vet_operation(entry, path)
    if keras.saving.get_registered_object(registered or name) is not None:
        return
    if name == "function":
        name = entry.get("config")
        known = _FUNCTIONS.fullmatch(str(module)) and _is_function(name, keras)
    else:
        known = _CLASSES.fullmatch(str(module)) and _is_class(name, str(module), keras)
        # A class of the writer's own has no module, even if one of Keras has its name.
        known = known and (name in _UNLISTED or entry.get("module", "") is not None)
    if not known or (registered and ">" in registered):
        of = "" if module is None else f" of {module!r}"
        raise UserError(
            f"{path}: class {name!r}{of} is not part of Keras, or does more than compute; import "
            "the module that registers it first, or export the model as a SavedModel with "
            "model.export()"
        )


def _is_function(name, keras) -> bool:
    """Whether Keras shows a function of this name among those that layers take."""
    if not isinstance(name, str) or name in _HELPERS:
        return False
    rooms = (getattr(keras, room, None) for room in _FUNCTION_ROOMS.split("|") if room != "layers")
    return any(callable(getattr(room, name, None)) for room in rooms)


def _is_class(name: str, module: str, keras) -> bool:
    """Whether Keras shows a class of this name, which is none of the refused under another."""
    if name in _UNLISTED or _OPERATIONS.fullmatch(module):
        return True
    rooms = (getattr(keras, room, None) for room in _CLASS_ROOMS.split("|"))
    found = [getattr(room, name, None) for room in rooms]
    classes = [each for each in found if isinstance(each, type)]
    bases = {base.__name__ for each in classes for base in each.__mro__}
    return bool(classes) and not bases & set(_REFUSED)


def _vet_operation(entry: dict, path: str) -> None:
    """Vets a layer that Keras 2 made of a TensorFlow function or op."""
    config = entry.get("config")
    config = config if isinstance(config, dict) else {}
    if entry["class_name"] == "TensorFlowOpLayer":
        try:
            called = json.loads(config["node_def"])["op"]
        except (KeyError, TypeError, ValueError, RecursionError):
            called = None
        pure = isinstance(called, str) and called in ALLOWED
    else:
        called = config.get("function")
        pure = isinstance(called, str) and bool(_PURE.fullmatch(called))
    if not pure:
        raise UserError(
            f"{path}: refused, because a layer calls {called!r} of TensorFlow, which is not known "
            "to compute and do nothing else; export the model as a SavedModel with model.export()"
        )
