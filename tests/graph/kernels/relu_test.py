"""The modified gradient, against the thesis's formula written out in NumPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for
from tfinv.graph.kernels.relu import relu


def formula(x, dy, leak):
    """Thesis, section 4.7, one element at a time."""
    dx = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        share = leak[place[0] * len(leak) // len(x)] if np.ndim(leak) else leak
        if x[place] > 0:
            dx[place] = dy[place]
        elif dy[place] < 0:
            dx[place] = share * dy[place]
    return dx


@st.composite
def problems(draw):
    shape = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(1, 4)))]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    # Whole numbers, so that exact zeros are among them.
    x, dy = (rng.integers(-2, 3, shape).astype(np.float32) for _ in range(2))
    images = draw(st.sampled_from([n for n in range(1, 5) if shape[0] % n == 0]))
    leak = rng.uniform(0, 1, [images] if draw(st.booleans()) else []).astype(np.float32)
    return x, dy, leak


@settings(max_examples=40)
@given(problems())
def test_value_and_gradient_are_the_formula(problem):
    x, dy, leak = problem
    for way in truth.UNCOMPILED:
        y, dx = way(lambda x: relu(x, leak))(tf.constant(x), tf.constant(dy))
        np.testing.assert_array_equal(y, np.maximum(x, 0))
        np.testing.assert_allclose(dx, formula(x, dy, leak), rtol=1e-6)


@settings(max_examples=8)
@given(problems())
def test_compiled_in_a_loop(problem):
    x, dy, leak = problem
    way = truth.in_compiled_loop(lambda x: relu(x, tf.constant(leak)))
    y, dx = way(tf.constant(x), tf.constant(dy))
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_allclose(dx, formula(x, dy, leak), rtol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("known", [True, False])
def test_positions_folded_into_the_batch(compiled, known):
    """A dense layer on each of 2 x 3 positions of 4 images, in a graph of unknown sizes or not."""
    rng = np.random.default_rng(0)
    h, dy = (rng.normal(size=[4, 2, 3, 5]).astype(np.float32) for _ in range(2))
    leak = np.array([0, 0.25, 0.5, 1], np.float32)

    @tf.function(
        jit_compile=compiled,
        input_signature=[
            tf.TensorSpec([4, 2, 3, 5] if known else None),
            tf.TensorSpec([4] if known else [None]),
        ],
    )
    def gradient(h, leak):
        with tf.GradientTape() as tape:
            tape.watch(h)
            y = tf.reshape(relu(tf.reshape(h, [-1, 5]), leak), tf.shape(h))
        return tape.gradient(y, h, output_gradients=dy)

    np.testing.assert_allclose(gradient(h, leak), formula(h, dy, leak), rtol=1e-6)


def test_rows_that_belong_to_no_one_image_get_what_every_image_allows():
    x = tf.constant([[-1.0, 2.0], [-3.0, -4.0], [1.0, -1.0]])
    _, dx = truth.value_and_gradient(lambda x: relu(x, [0.5, 0.25]), x, -tf.ones_like(x))
    np.testing.assert_array_equal(dx, [[-0.25, -1.0], [-0.25, -0.25], [-1.0, -0.25]])
    x = tf.constant(-1.0)
    _, dx = truth.value_and_gradient(lambda x: relu(x, [0.5, 0.25]), x, -tf.ones_like(x))
    assert dx == -0.25


def test_without_leak_the_gradient_is_that_of_relu():
    rng = np.random.default_rng(0)
    x = rng.normal(size=[3, 4, 5]).astype(np.float32)
    truth.check("Relu", [x], ways=truth.UNCOMPILED + truth.COMPILED)


def test_leak_reaches_the_kernel_and_gets_no_gradient():
    x, leak = tf.constant([[-1.0, 2.0], [-3.0, -4.0]]), tf.constant([0.5, 0.25])
    kernel = kernel_for(truth.make_node("Relu", [x]), [None])
    with tf.GradientTape() as tape:
        tape.watch([x, leak])
        loss = -tf.reduce_sum(kernel([x], leak)[0])
    dx, dleak = tape.gradient(loss, [x, leak])
    np.testing.assert_array_equal(dx, [[-0.5, -1.0], [-0.25, -0.25]])
    assert dleak is None


@pytest.mark.parametrize("compiled", [False, True])
def test_a_leak_that_the_loop_decays(compiled):
    """Gradient descent on -x with a leak that halves: x moves by leak until it opens."""

    @tf.function(jit_compile=compiled, autograph=False)
    def descend(x):
        def body(i, x, leak):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = -tf.reduce_sum(relu(x, leak))
            return i + 1, x - tape.gradient(loss, x), leak / 2

        return tf.while_loop(lambda i, *_: i < 3, body, [0, x, tf.constant([0.5, 0.125])])[1]

    # First image: -0.6 +0.5 +0.25 opens, +1; -9 stays closed. Second: its leak is a quarter.
    x = tf.constant([[-0.6, -9.0], [-0.6, 1.0]])
    expected = [[-0.6 + 0.5 + 0.25 + 1, -9 + 0.875], [-0.6 + 0.21875, 4.0]]
    np.testing.assert_allclose(descend(x), expected, rtol=1e-6)


def test_half_precision_stays_half():
    x = tf.constant([[-1.0, 1.0]], tf.float16)
    y, dx = truth.value_and_gradient(lambda x: relu(x, 0.5), x, tf.constant([[-1.0, 1.0]], x.dtype))
    assert y.dtype == dx.dtype == tf.float16
    np.testing.assert_array_equal(dx, [[-0.5, 1.0]])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
