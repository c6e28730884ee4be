"""Pickles read as inert data: nothing that a file names is imported, and nothing is called.

A pickle is a program. It names functions of any module and has them called with arguments of its
own, and Python's `pickle.Unpickler` obeys. A list of admitted names is not enough to hold it: what
is admitted is still called (an empty array of a terabyte), and may have its attributes set for the
rest of the process. So the opcodes are followed here, by a machine that knows lists, texts and
numbers. What the file would have made by a call is put down as a `Made`: who was to be called, and
with what. `to_array` then makes arrays of those that are arrays, out of bytes that the file holds.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection
from typing import Any

from tfinv.errors import UserError
from tfinv.generators.formats.pickles.machine import DICT, Machine
from tfinv.graph.reading.regular import check_regular

__all__ = ["ARRAY", "BUFFER", "DTYPE", "ENCODE", "NDARRAY", "SCALAR", "read_pickle"]

ARRAY, NDARRAY, DTYPE = "numpy._reconstruct", "numpy.ndarray", "numpy.dtype"
SCALAR, BUFFER = "numpy.scalar", "numpy._frombuffer"
ENCODE = "_codecs.encode"

MAX_BYTES = 1 << 31  # seven times the pickle of the 1024x1024 networks

_CORES = ("numpy.core", "numpy._core")  # before NumPy 2, and since
_ADMITTED = {
    NDARRAY: NDARRAY,
    DTYPE: DTYPE,
    DICT: DICT,
    ENCODE: ENCODE,  # how Python 3 writes bytes where it is asked for protocol 2
    **{f"{core}.multiarray._reconstruct": ARRAY for core in _CORES},
    **{f"{core}.multiarray.scalar": SCALAR for core in _CORES},
    **{f"{core}.numeric._frombuffer": BUFFER for core in _CORES},
}
_CALLED = (ARRAY, DTYPE, SCALAR, BUFFER, ENCODE)


def read_pickle(path: str | os.PathLike, classes: Collection[str] = ()) -> Any:
    """Reads a pickle of any protocol without executing anything of it.

    Args:
      path: the file.
      classes: full names of classes whose objects may be in it, such as "tfutil.Network"; an
        object is read as a `Made` with its state. Admitted besides: what NumPy's arrays, scalars
        and dtypes are pickled with, and OrderedDict, which is read as a dict.

    Returns:
      Lists, tuples, dicts with keys of text, texts, bytes, numbers, None; and `Made`. Bytes of
      Python 2 are texts of one character a byte (latin1).

    Raises:
      UserError: it cannot be read, is no pickle, is damaged, or names anything else.
    """
    path = os.fspath(path)
    admitted = {**_ADMITTED, **{name: name for name in classes}}
    check_regular(path, "a pickle")
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise UserError(f"{path}: is empty; download it again")
            if size > MAX_BYTES:
                raise UserError(
                    f"{path}: refused, because it has {size} bytes, over the {MAX_BYTES} that a "
                    "pickle of networks may have"
                )
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
                machine = Machine(path, admitted, _CALLED, classes)
                return machine.run(contents)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
