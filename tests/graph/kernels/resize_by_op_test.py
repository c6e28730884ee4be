"""ResizeBicubic and ResizeArea in all their conventions."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for

BICUBIC = [(False, False), (True, False), (False, True)]


@st.composite
def images_and_sizes(draw):
    size = [draw(st.integers(1, 6)), draw(st.integers(1, 6))]
    new = [draw(st.integers(1, 13)), draw(st.integers(1, 13))]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.normal(size=[draw(st.integers(1, 3)), *size, 2]).astype(np.float32)
    return x, np.array(new, np.int32)


def check_bicubic(problem, conventions, ways) -> None:
    align_corners, half_pixel_centers = conventions
    truth.check(
        "ResizeBicubic",
        list(problem),
        [1],
        ways=ways,
        align_corners=align_corners,
        half_pixel_centers=half_pixel_centers,
    )


@settings(max_examples=30, deadline=None)
@given(images_and_sizes(), st.sampled_from(BICUBIC))
def test_bicubic_has_the_value_and_the_gradient_of_the_op(problem, conventions):
    check_bicubic(problem, conventions, truth.UNCOMPILED)


@pytest.mark.parametrize("conventions", BICUBIC)
def test_bicubic_compiled_in_a_loop(conventions):
    x = np.random.default_rng(0).normal(size=[2, 4, 5, 3]).astype(np.float32)
    check_bicubic((x, np.array([8, 15], np.int32)), conventions, truth.COMPILED)


def area(x: np.ndarray, size, align_corners: bool) -> np.ndarray:
    return tf.raw_ops.ResizeArea(images=x, size=size, align_corners=align_corners).numpy()


@settings(max_examples=20, deadline=None)
@given(images_and_sizes(), st.booleans())
def test_area_has_the_value_of_the_op_and_its_transpose_for_a_gradient(problem, align_corners):
    """The op has no gradient: as it is linear, its inner product with dy is the truth."""
    x, size = problem
    rng = np.random.default_rng(1)
    dy = rng.normal(size=[len(x), *size, 2]).astype(np.float32)
    other = rng.normal(size=x.shape).astype(np.float32)
    node = truth.make_node("ResizeArea", [x, size], align_corners=align_corners)
    kernel = kernel_for(node, [None, tf.constant(size)])
    for way in truth.UNCOMPILED:
        y, dx = way(lambda x: kernel([x, tf.constant(size)], truth.NO_LEAK)[0])(
            tf.constant(x), tf.constant(dy)
        )
        truth.assert_close(y, area(x, size, align_corners))
        expected = np.sum(dy * area(other, size, align_corners))
        scale = np.linalg.norm(dy) * np.linalg.norm(other)
        np.testing.assert_allclose(np.sum(dx * other), expected, rtol=0, atol=1e-5 * scale)


def test_area_compiled_in_a_loop():
    """Halving is the mean of blocks of two by two."""
    x = np.random.default_rng(0).normal(size=[2, 4, 6, 3]).astype(np.float32)
    size = np.array([2, 3], np.int32)
    truth.check(
        "ResizeArea",
        [x, size],
        [1],
        ways=truth.COMPILED,
        truth=lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"),
    )


@pytest.mark.parametrize("op", ["ResizeBicubic", "ResizeArea"])
def test_bytes_become_floats(op):
    x = np.arange(32, dtype=np.uint8).reshape(1, 4, 4, 2)
    size = np.array([7, 3], np.int32)
    kernel = kernel_for(truth.make_node(op, [x, size]), [None, tf.constant(size)])
    [y] = kernel([tf.constant(x), tf.constant(size)], truth.NO_LEAK)
    truth.assert_close(y, getattr(tf.raw_ops, op)(images=x, size=size))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
