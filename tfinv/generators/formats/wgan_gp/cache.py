"""What was measured on a generator once, kept for the next time it is read."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

__all__ = ["FOLDER_VARIABLE", "load", "store"]

FOLDER_VARIABLE = "TFINV_CACHE_DIR"
"""Environment variable that names the folder; ~/.cache/tfinv without it."""

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def load(key: str) -> dict[str, np.ndarray] | None:
    """The arrays that were stored under a key, or None: never stored, or the file is damaged."""
    try:
        with open(_path(key), "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except _UNREADABLE:
        return None


def store(key: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Stores arrays under a key; where the folder cannot be written, nothing happens."""
    path, temporary = _path(key), None
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=os.path.dirname(path), suffix=".npz", delete=False
        ) as file:
            temporary = file.name
            np.savez(file, **arrays)
        os.replace(temporary, path)  # another process sees all of it or nothing
    except OSError:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def _path(key: str) -> str:
    default = os.path.join("~", ".cache", "tfinv")
    folder = os.path.expanduser(os.environ.get(FOLDER_VARIABLE) or default)
    return os.path.join(folder, f"{key}.npz")
