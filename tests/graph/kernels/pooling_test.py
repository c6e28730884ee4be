"""MaxPool, its windows side by side or overlapping."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for


@st.composite
def pools(draw):
    window = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    size = [k + draw(st.integers(0, 5)) for k in window]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shape = [draw(st.integers(1, 3)), *size, draw(st.integers(1, 3))]
    # Whole numbers between -1 and 1, so that most windows have ties.
    x = rng.integers(-1, 2, shape) if draw(st.booleans()) else rng.normal(size=shape)
    return {
        "op": "MaxPool",
        "inputs": [x.astype(np.float32)],
        "ksize": [1, *window, 1],
        "strides": [1, *window, 1],
        "padding": padding,
    }


@settings(max_examples=40)
@given(pools(), st.booleans())
def test_value_and_gradient_are_those_of_the_op(arguments, nchw):
    truth.check(**arguments, nchw=nchw)


@settings(max_examples=8)
@given(pools(), st.booleans())
def test_compiled_in_a_loop(arguments, nchw):
    truth.check(**arguments, nchw=nchw, ways=truth.COMPILED)


def test_overlapping_windows_are_left_to_the_op():
    x = np.random.default_rng(0).normal(size=[2, 7, 6, 3]).astype(np.float32)
    attributes = {"ksize": [1, 3, 3, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
    assert kernel_for(truth.make_node("MaxPool", [x], **attributes), [None]) is None
    truth.check("MaxPool", [x], nchw=True, **attributes)


def test_a_tie_goes_to_the_first_of_the_window():
    x = tf.zeros([1, 2, 2, 1])
    attributes = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}
    kernel = kernel_for(truth.make_node("MaxPool", [x], **attributes), [None])
    _, dx = truth.value_and_gradient(lambda x: kernel([x], truth.NO_LEAK)[0], x, None)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 0], [0, 0]])


def test_no_pooling_op_is_left():
    x = np.ones([2, 4, 4, 3], np.float32)
    attributes = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}
    kernel = kernel_for(truth.make_node("MaxPool", [x], **attributes), [None])
    assert not {op for op in truth.gradient_ops(kernel, [x]) if "Pool" in op}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
