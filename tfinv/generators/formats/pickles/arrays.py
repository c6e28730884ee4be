"""NumPy arrays out of pickles, made of bytes that the file holds and never of a size it claims."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.formats.pickles import pickles
from tfinv.generators.formats.pickles.machine import Made, Name, shown

__all__ = ["to_array", "to_number"]

_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")  # objects would be pickles in the pickle
_MAX_RANK, _MAX_SIDE = 32, 1 << 40


def to_array(value: Any, what: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Returns an array, a NumPy scalar or a Python number of a pickle as an array.

    Args:
      value: what `read_pickle` returned in its place.
      what: the file and what this is in it, for messages.
      shape: the shape that it must have; None for any.

    Returns:
      Booleans, integers or floats of the file's own width and shape, in this machine's byte order;
      read-only where it shares the file's bytes.

    Raises:
      UserError: it is no array of numbers, or its shape does not fit the bytes that it has.
    """
    try:
        if isinstance(value, bool | int | float):
            return np.asarray(value, np.float64).reshape(() if shape is None else shape)
        if not isinstance(value, Made):
            raise ValueError(f"it is of type {type(value).__name__}")
        claimed, dtype, contents, order = _parts(value)
        if shape is not None and claimed != shape:
            raise ValueError(f"its shape is {list(claimed)} where {list(shape)} is needed")
        size = math.prod(claimed) * dtype.itemsize
        if size != len(contents):
            raise ValueError(f"it claims {size} bytes and holds {len(contents)}")
        array = np.frombuffer(_bytes(contents), dtype).reshape(claimed, order=order)
        return array.astype(dtype.newbyteorder("="), copy=False)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        line = " ".join(str(error).split())[:120]
        raise UserError(f"{what} is no array of numbers ({line}); the file is damaged") from error


def to_number(value: Any, what: str) -> float:
    """Returns a single number, however it was pickled; raises UserError as `to_array` does."""
    array = to_array(value, what)
    if array.size != 1:
        raise UserError(f"{what} has shape {list(array.shape)} where one number is needed")
    return float(array.reshape(()))


_Contents = str | bytes | bytearray


def _parts(made: Made) -> tuple[tuple[int, ...], np.dtype, _Contents, str]:
    """Shape, dtype, elements, and "C" or "F" for the order of the elements."""
    if made.maker == pickles.SCALAR:
        dtype, contents = made.args
        return (), _dtype(dtype), _contents(contents), "C"
    if made.maker == pickles.BUFFER:
        contents, dtype, shape, order = made.args
        return _shape(shape), _dtype(dtype), _contents(contents), _order(order)
    if made.maker != pickles.ARRAY:
        raise ValueError(f"it is made by {made.maker}")
    subclass, _, _ = made.args
    if not isinstance(subclass, Name) or subclass.text != pickles.NDARRAY:
        raise ValueError("it is of another class than numpy.ndarray")
    _, shape, dtype, fortran, contents = made.state
    return _shape(shape), _dtype(dtype), _contents(contents), "F" if fortran else "C"


def _shape(shape: Any) -> tuple[int, ...]:
    whole = isinstance(shape, tuple) and all(
        type(side) is int and 0 <= side < 1 << 40 for side in shape
    )
    if not whole or len(shape) > _MAX_RANK:
        raise ValueError("its shape is none")
    return shape


def _dtype(made: Any) -> np.dtype:
    if not isinstance(made, Made) or made.maker != pickles.DTYPE:
        raise ValueError("its dtype is none")
    code = made.args[0]
    if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
        raise ValueError(f"its dtype is {shown(code)}, no number")
    if made.state is None:
        return np.dtype(code)
    _, byte_order, *structure = made.state
    if byte_order not in ("<", ">", "|", "=") or any(part is not None for part in structure[:3]):
        raise ValueError("its dtype is a structure")
    return np.dtype(code).newbyteorder(byte_order)


def _contents(contents: Any) -> _Contents:
    if isinstance(contents, Made) and contents.maker == pickles.ENCODE:
        contents, encoding = contents.args
        if encoding not in ("latin1", "latin-1"):
            raise ValueError("its elements are encoded")
    if not isinstance(contents, _Contents):
        raise ValueError("its elements are no bytes")
    return contents


def _bytes(contents: _Contents) -> bytes:
    return contents.encode("latin1") if isinstance(contents, str) else bytes(contents)


def _order(order: Any) -> str:
    if order not in ("C", "F"):
        raise ValueError("the order of its elements is neither C nor F")
    return order
