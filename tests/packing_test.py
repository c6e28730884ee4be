"""Packing: what goes in comes out, and a folder's name is a whole one."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from tfinv.packing import below, pack_json, under, unpack_json


def test_a_folder_gives_back_what_was_put_under_it():
    one, other = {"a": np.arange(3), "b/c": np.ones(2)}, {"a": np.zeros(1)}
    both = {**under("1", one), **under("10", other)}
    assert sorted(both) == ["1/a", "1/b/c", "10/a"]
    assert below("1", both) == one and below("10", both) == other
    assert below("1/b", both) == {"c": one["b/c"]} and below("2", both) == {}


def test_values_are_json_that_anybody_can_read():
    packed = pack_json({"é": [np.int64(3), None, 0.5]})
    assert packed.dtype == np.uint8 and packed.ndim == 1
    assert json.loads(packed.tobytes()) == unpack_json(packed) == {"é": [3, None, 0.5]}
    with pytest.raises(ValueError):
        unpack_json(packed[:-1])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
