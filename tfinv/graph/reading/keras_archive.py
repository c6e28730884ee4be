"""Reads `.keras` files, of Keras 3 and of tf_keras."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import types
import zipfile
import zlib
from collections.abc import Iterator

import h5py

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel
from tfinv.graph.reading.hdf5 import UNREADABLE, stored_numbers
from tfinv.graph.reading.keras_config import drop_training, parse_config, vet_config
from tfinv.graph.reading.keras_trace import check_weights, load, trace
from tfinv.graph.reading.regular import check_regular
from tfinv.graph.reading.select import with_output

__all__ = ["keras_of", "read_keras"]

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MAX_RATIO = 100  # Keras stores members uncompressed, so a high ratio is a decompression bomb
_NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError)


def read_keras(path: str | os.PathLike, output: str | None = None) -> GraphModel:
    """Reads a `.keras` file as a flat, frozen graph of its call in inference mode.

    The configuration is vetted before Keras sees it: built-in classes only, besides those that the
    caller registered in this process, and no layer that runs code or reads other files.

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
    text = json.dumps(config) if drop_training(config) else None  # Keras changes what it is given
    vet_config(config, keras, path)
    if not path.endswith(".keras"):
        raise UserError(f"{path}: Keras opens only files whose name ends in .keras; rename it")
    check_weights(lambda: keras.saving.deserialize_keras_object(config), stored, path)
    with _file_to_load(path, text) as file:
        model = load(lambda: keras.models.load_model(file, compile=False, safe_mode=True), path)
    read = trace(model, keras, f"Keras {version.split('.')[0]} file", path)
    return read if output is None else with_output(read, output)


@contextlib.contextmanager
def _file_to_load(path: str, config: str | None) -> Iterator[str]:
    """The file itself; or, to give Keras another configuration than it holds, a copy of it."""
    if config is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tfinv-") as folder:
        copy = os.path.join(folder, "model.keras")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
            for member in old.infolist():
                if member.filename == _CONFIG:
                    new.writestr(_CONFIG, config)
                elif not member.is_dir():
                    with old.open(member) as source, new.open(member.filename, "w") as target:
                        shutil.copyfileobj(source, target)
        yield copy


def keras_of(version: str, path: str) -> types.ModuleType:
    """The module that loads what this version of Keras wrote: keras, or tf_keras for Keras 2."""
    if version.split(".")[0] in ("1", "2"):
        import tf_keras  # slow to import, and needed for old files only

        return tf_keras
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"{path}: Keras runs on {keras.backend.backend()!r}; set KERAS_BACKEND=tensorflow"
        )
    return keras


def _vet(path: str) -> tuple[dict, str, int]:
    """The configuration, the version of Keras, and how many numbers the weights are."""
    check_regular(path, "a .keras file")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            missing = [n for n in (_CONFIG, _METADATA, _WEIGHTS) if n not in members]
            if missing:
                raise UserError(f"{path}: is not a .keras file; {', '.join(missing)} is not in it")
            for member in members.values():
                _vet_member(member, path)
            config, metadata = (
                parse_config(archive.read(name), f"{path}/{name}") for name in (_CONFIG, _METADATA)
            )
            stored = _vet_weights(archive, path)
    except _NO_ARCHIVE as error:
        raise UserError(f"{path}: is not a .keras file or is truncated ({error})") from error
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return config, str(version or "3"), stored


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


def _vet_weights(archive: zipfile.ZipFile, path: str) -> int:
    try:
        with archive.open(_WEIGHTS) as stream, h5py.File(stream, "r") as file:
            return stored_numbers(file, path)
    except UNREADABLE as error:
        line = " ".join(str(error).split())[:150]
        raise UserError(f"{path}: {_WEIGHTS} in it is damaged ({line})") from error
