"""The compact form against the two-loop recursion, written out in float64."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.inversion.solvers.curvature import forget, newton_direction, nothing_known, remember


def two_loop(pairs, gradient, first):
    """Nocedal and Wright (2006), algorithm 7.4; pairs from the oldest to the newest."""
    q, alphas = gradient.astype(np.float64), []
    for s, y in reversed(pairs):
        alphas.append(s @ q / (s @ y))
        q = q - alphas[-1] * y
    scale = first
    if pairs:
        s, y = pairs[-1]
        scale = (s @ y) / (y @ y)
    r = scale * q
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        r = r + s * (alpha - y @ r / (s @ y))
    return -r


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("memory", "size", "rounds"), [(1, 3, 4), (4, 7, 3), (5, 12, 9)])
def test_direction_is_that_of_the_two_loop_recursion(memory, size, rounds, jit):
    rng = np.random.default_rng(memory)
    half = rng.standard_normal((size, size))
    hessian = half @ half.T + np.eye(size)
    batch = 3
    first = np.array([0.5, 1.0, 2.0])
    known = nothing_known(tf.zeros([batch, size]), memory)
    pairs = [[] for _ in range(batch)]
    for k in range(rounds):
        steps = rng.standard_normal((batch, size)).astype(np.float32)
        changes = (steps @ hessian).astype(np.float32)
        rows = np.array([True, k % 2 == 0, False])  # each image has a memory of its own
        known = remember(known, tf.constant(steps), tf.constant(changes), tf.constant(rows))
        for b in np.flatnonzero(rows):
            pairs[b].append((steps[b].astype(np.float64), changes[b].astype(np.float64)))
    gradient = rng.standard_normal((batch, size)).astype(np.float32)
    direction = tf.function(newton_direction, jit_compile=jit)(
        known, tf.constant(gradient), tf.constant(first, tf.float32)
    ).numpy()
    for b in range(batch):
        expected = two_loop(pairs[b][-memory:], gradient[b], first[b])
        np.testing.assert_allclose(direction[b], expected, atol=2e-4 * np.abs(expected).max())


def test_forgetting_one_image_leaves_the_others():
    rng = np.random.default_rng(0)
    known = nothing_known(tf.zeros([2, 4]), 3)
    step = tf.constant(rng.standard_normal((2, 4)), tf.float32)
    known = remember(known, step, 2.0 * step, tf.constant([True, True]))
    known = forget(known, tf.constant([True, False]))
    gradient = tf.constant(rng.standard_normal((2, 4)), tf.float32)
    direction = newton_direction(known, gradient, tf.constant([3.0, 3.0])).numpy()
    np.testing.assert_allclose(direction[0], -3.0 * gradient[0], rtol=1e-6)
    np.testing.assert_allclose(direction[1], -0.5 * gradient[1], rtol=1e-5)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
