"""Keras files that a stranger could have written; see `hostile`."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
from generators.hostile import Maker
from graph import exports


def keras_file(name: str, change: Callable) -> Maker:
    """A `.keras` or `.h5` file; `change` gets the configuration of its first layer."""

    def make(folder: Path, marker: str) -> str:
        path = exports.keras_export(folder / f"whole{Path(name).suffix}", keras).path
        target = folder / name
        if name.endswith(".h5"):
            os.rename(path, target)
            with h5py.File(target, "r+") as file:
                config = json.loads(file.attrs["model_config"])
                change(config["config"]["layers"][1])
                file.attrs["model_config"] = json.dumps(config)
            return str(target)
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
            for member in old.namelist():
                content = old.read(member)
                if member == "config.json":
                    config = json.loads(content)
                    change(config["config"]["layers"][1])
                    content = json.dumps(config).encode()
                new.writestr(member, content)
        os.remove(path)
        return str(target)

    return make


def lookup(name: str) -> Callable:
    """Makes a layer one that, as `name` has it, reads its vocabulary from a file."""

    def change(layer: dict) -> None:
        module = "keras.src.layers.preprocessing.index_lookup"
        config = {
            "name": "first",
            "vocabulary": "/etc/passwd",
            "max_tokens": None,
            "num_oov_indices": 1,
            "mask_token": None,
            "oov_token": "?",
            "vocabulary_dtype": "string",
        }
        layer.update(class_name=name, module=module, registered_name=name, config=config)

    return change


def linked_weights(inside: bool) -> Maker:
    """A Keras file whose weights are a link to another HDF5 file."""

    def make(folder: Path, marker: str) -> str:
        with h5py.File(folder / "other.h5", "w") as other:
            other["secret"] = np.ones(3)
        path = exports.keras_export(folder / ("m.keras" if inside else "m.h5"), keras).path
        if not inside:
            with h5py.File(path, "r+") as file:
                file["model_weights/more"] = h5py.ExternalLink(str(folder / "other.h5"), "secret")
            return path
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        weights = io.BytesIO(members["model.weights.h5"])
        with h5py.File(weights, "r+") as file:
            file["more"] = h5py.ExternalLink(str(folder / "other.h5"), "secret")
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**members, "model.weights.h5": weights.getvalue()}.items():
                archive.writestr(name, content)
        return path

    return make
