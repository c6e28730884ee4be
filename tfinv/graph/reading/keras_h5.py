"""Reads whole models that Keras kept as HDF5: `.h5`, `.hdf5`."""

from __future__ import annotations

import os

import h5py

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel
from tfinv.graph.reading.hdf5 import UNREADABLE, stored_numbers
from tfinv.graph.reading.keras_archive import keras_of
from tfinv.graph.reading.keras_config import parse_config, vet_config
from tfinv.graph.reading.keras_trace import check_weights, load, trace
from tfinv.graph.reading.regular import check_regular
from tfinv.graph.reading.select import with_output

__all__ = ["read_h5"]

_CONFIG, _VERSION = "model_config", "keras_version"
_MAX_CONFIG = 64 << 20  # bytes


def read_h5(path: str | os.PathLike, output: str | None = None) -> GraphModel:
    """Reads an HDF5 file of `model.save`, of Keras 1 to 3, as a graph of its call in inference.

    As with `.keras` files, the configuration is vetted before Keras sees it.

    Args:
        path: the file.
        output: the only output that is wanted, by its name, or any tensor of the flat graph.

    Returns:
        The model; inputs and outputs keep the model's order and names.

    Raises:
        UserError: anything that is wrong with the file, in one line.
    """
    path = os.fspath(path)
    config, version, stored = _vet(path)
    keras = keras_of(version, path)
    vet_config(config, keras, path)
    known = {"Sequential": keras.Sequential, "Model": keras.Model, "Functional": keras.Model}
    made_of = known.get(config["class_name"])
    if made_of is not None:
        check_weights(lambda: made_of.from_config(config["config"]), stored, path)
    model = load(lambda: keras.models.load_model(path, compile=False), path)
    read = trace(model, keras, f"Keras {version.split('.')[0]} HDF5 file", path)
    return read if output is None else with_output(read, output)


def _vet(path: str) -> tuple[dict, str, int]:
    """The configuration, the version of Keras, and how many numbers the weights are."""
    check_regular(path, "an HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            stored = stored_numbers(file, path)
            text = _attribute(file, _CONFIG, path)
            version = _attribute(file, _VERSION, path)
            if version is None and "model_weights" in file:
                version = _attribute(file["model_weights"], _VERSION, path)
            if text is None:
                raise UserError(f"{path}: {_without_model(file)}")
    except UNREADABLE as error:
        line = " ".join(str(error).split())[:150]
        raise UserError(f"{path}: is no HDF5 file or is damaged ({line})") from error
    config = parse_config(text, path)
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise UserError(f"{path}: its configuration is that of no model; the file is damaged")
    return config, version or "2", stored


def _attribute(group: h5py.Group, name: str, path: str) -> str | None:
    if name not in group.attrs:
        return None
    if group.attrs.get_id(name).get_storage_size() > _MAX_CONFIG:
        raise UserError(f"{path}: its {name} is over {_MAX_CONFIG} bytes; refused")
    value = group.attrs[name]
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    if not isinstance(value, str):
        raise UserError(f"{path}: its {name} is no text; the file is damaged")
    return value


def _without_model(file: h5py.File) -> str:
    if "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint_dependencies" in file:
        return (
            "holds weights and no architecture: save the whole model with model.save(), or load "
            "the weights into the model that you have and save that"
        )
    return f"is an HDF5 file, and no model of Keras; it holds {', '.join(file) or 'nothing'}"
