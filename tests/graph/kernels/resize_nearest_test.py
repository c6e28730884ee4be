"""ResizeNearestNeighbor in all its conventions."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for
from tfinv.graph.kernels.resize_nearest import nearest_sources

# The op has no convention that is both at once.
CONVENTIONS = [(False, False), (True, False), (False, True)]


@st.composite
def resizes(draw, integer_factor=None):
    size = [draw(st.integers(1, 6)), draw(st.integers(1, 6))]
    if integer_factor is None:
        integer_factor = draw(st.booleans())
    if integer_factor:
        new = [draw(st.integers(1, 3)) * n for n in size]
    else:
        new = [draw(st.integers(1, 13)), draw(st.integers(1, 13))]
    align_corners, half_pixel_centers = draw(st.sampled_from(CONVENTIONS))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.normal(size=[draw(st.integers(1, 3)), *size, 2]).astype(np.float32)
    return {
        "op": "ResizeNearestNeighbor",
        "inputs": [x, np.array(new, np.int32)],
        "constant": [1],
        "align_corners": align_corners,
        "half_pixel_centers": half_pixel_centers,
    }


@settings(max_examples=40)
@given(resizes())
def test_value_and_gradient_are_those_of_the_op(arguments):
    truth.check(**arguments)


@pytest.mark.parametrize("integer_factor", [False, True])
@settings(max_examples=6)
@given(st.data())
def test_compiled_in_a_loop(integer_factor, data):
    truth.check(**data.draw(resizes(integer_factor)), ways=truth.COMPILED)


def test_size_worked_out_from_the_input():
    """As Keras writes UpSampling2D."""
    x = np.random.default_rng(0).normal(size=[2, 3, 4, 2]).astype(np.float32)
    truth.check(
        "ResizeNearestNeighbor",
        [x, lambda x: tf.shape(x)[1:3] * tf.constant([2, 3])],
        half_pixel_centers=True,
        ways=truth.UNCOMPILED + truth.COMPILED,
    )


@pytest.mark.parametrize(("align_corners", "half_pixel_centers"), CONVENTIONS)
@pytest.mark.parametrize("outputs", [1, 7, 64, 100, 255, 600])
def test_rounding_is_tensorflows(outputs, align_corners, half_pixel_centers):
    for inputs in (1, 5, 31, 64, 100, 299):
        rows = tf.reshape(tf.range(inputs, dtype=tf.float32), [1, inputs, 1, 1])
        expected = tf.raw_ops.ResizeNearestNeighbor(
            images=rows,
            size=[outputs, 1],
            align_corners=align_corners,
            half_pixel_centers=half_pixel_centers,
        )
        sources = nearest_sources(inputs, outputs, align_corners, half_pixel_centers)
        np.testing.assert_array_equal(sources, np.ravel(expected))


def test_no_gradient_op_of_its_own_is_left():
    x, size = np.ones([2, 4, 4, 3], np.float32), np.array([8, 8], np.int32)
    kernel = kernel_for(truth.make_node("ResizeNearestNeighbor", [x, size]), [None, size])
    assert not {op for op in truth.gradient_ops(kernel, [x, size]) if op.startswith("Resize")}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
