"""Arrays in an .npz file that numpy alone can read, each with a digest that is checked.

The member `sha256` (JSON) has the digest of every other one, so that one array can be read, and
trusted, without the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfinv.errors import UserError
from tfinv.packing import Arrays, pack_json, unpack_json

__all__ = ["CheckedArrays", "checked_arrays", "write_arrays"]

_DIGESTS = "sha256"


def write_arrays(file: BinaryIO, arrays: Arrays) -> None:
    """Writes arrays, and their digests.

    Raises:
      OSError: if the file system refuses.
    """
    digests = {key: _digest(key, value) for key, value in arrays.items()}
    np.savez(file, **arrays, **{_DIGESTS: pack_json(digests)})


class CheckedArrays:
    """The arrays of an open file, each read once, when it is asked for.

    Attributes:
      names: of all of them.
    """

    def __init__(self, file: Mapping[str, np.ndarray], digests: Mapping[str, str]):
        self._file, self._digests = file, digests
        self._cache: dict[str, np.ndarray] = {}
        self.names = tuple(digests)

    def __call__(self, name: str) -> np.ndarray:
        """An array; raises ValueError if its digest is wrong, KeyError if there is none."""
        if name not in self._cache:
            value = self._file[name]
            if self._digests[name] != _digest(name, value):
                raise ValueError(f"the checksum of {name} is wrong")
            self._cache[name] = value
        return self._cache[name]


@contextmanager
def checked_arrays(
    path: Path, damaged: Callable[[Path, str], UserError]
) -> Iterator[CheckedArrays]:
    """Opens a file whose arrays are checked as they are read.

    Every fault of the file, and whatever goes wrong in the block because of what it holds, is one
    clear line.

    Args:
      path: the file.
      damaged: makes that line of the path and what is wrong.

    Raises:
      UserError: if the file, or an array that was asked for, is damaged.
    """
    # zipfile, zlib, numpy's header parser and json each have their own errors for a torn file.
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            yield CheckedArrays(file, unpack_json(file[_DIGESTS]))
    except UserError:
        raise
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise damaged(path, why) from error


def _digest(key: str, value: np.ndarray) -> str:
    digest = hashlib.sha256(f"{key} {value.dtype.str} {value.shape}".encode())
    digest.update(np.ascontiguousarray(value).data)
    return digest.hexdigest()
