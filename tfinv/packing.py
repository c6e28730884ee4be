"""Values and groups of arrays as arrays by name, as an .npz file holds them.

Names are paths: `under` puts arrays into a folder, `below` takes them out of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["Arrays", "below", "pack_json", "under", "unpack_json"]

Arrays = Mapping[str, np.ndarray]


def under(folder: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """The same arrays, their names behind this and a slash."""
    return {f"{folder}/{name}": value for name, value in arrays.items()}


def below(folder: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays whose names begin with this and a slash, without it."""
    prefix = f"{folder}/"
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def pack_json(value: Any) -> np.ndarray:
    """A value as an array of bytes; uint8 [length]."""
    # numpy's integers are no JSON numbers of their own.
    return np.frombuffer(json.dumps(value, default=int).encode(), np.uint8)


def unpack_json(array: np.ndarray) -> Any:
    """The value that was packed.

    Raises:
      ValueError: if it is none.
    """
    return json.loads(array.tobytes())
