"""ResizeBilinear in all its conventions."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

# The op has no convention that is both at once.
CONVENTIONS = [(False, False), (True, False), (False, True)]


@st.composite
def resizes(draw):
    size = [draw(st.integers(1, 6)), draw(st.integers(1, 6))]
    if draw(st.booleans()):
        new = [draw(st.integers(1, 4)) * n for n in size]
    else:
        new = [draw(st.integers(1, 13)), draw(st.integers(1, 13))]
    align_corners, half_pixel_centers = draw(st.sampled_from(CONVENTIONS))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.normal(size=[draw(st.integers(1, 3)), *size, 2]).astype(np.float32)
    return {
        "op": "ResizeBilinear",
        "inputs": [x, np.array(new, np.int32)],
        "constant": [1],
        "align_corners": align_corners,
        "half_pixel_centers": half_pixel_centers,
    }


@settings(max_examples=40)
@given(resizes())
def test_value_and_gradient_are_those_of_the_op(arguments):
    truth.check(**arguments)


@settings(max_examples=8)
@given(resizes())
def test_compiled_in_a_loop(arguments):
    truth.check(**arguments, ways=truth.COMPILED)


def test_compiled_to_sizes_that_xla_itself_gets_wrong():
    x = np.random.default_rng(0).normal(size=[2, 6, 5, 3]).astype(np.float32)
    size = np.array([18, 15], np.int32)
    truth.check("ResizeBilinear", [x, size], half_pixel_centers=True, ways=truth.COMPILED)


def test_size_worked_out_from_the_input():
    x = np.random.default_rng(0).normal(size=[2, 3, 4, 2]).astype(np.float32)
    truth.check(
        "ResizeBilinear",
        [x, lambda x: tf.shape(x)[1:3] * 2],
        half_pixel_centers=True,
        ways=truth.UNCOMPILED + truth.COMPILED,
    )


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
