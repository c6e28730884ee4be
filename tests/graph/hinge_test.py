"""Hinges against what TensorFlow's own ops do with values on either side."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.graphs import to_model

from tfinv.graph.hinge import measure_hinge
from tfinv.graph.interpret import Program

RNG = np.random.default_rng(0)
GAMMA = RNG.normal(size=6).astype(np.float32)  # of both signs
BETA = RNG.normal(size=6).astype(np.float32)


def norm(x, training=False):
    moments = ([], []) if training else (BETA, GAMMA**2 + 0.1)
    return tf.compat.v1.nn.fused_batch_norm(x, GAMMA, BETA, *moments, is_training=training)[0]


def second_half(x):
    return tf.reduce_sum(tf.nn.relu(x) ** 2, [1, 2])


BEHIND = {
    "at once": second_half,
    "bias": lambda x: second_half(tf.nn.bias_add(x, BETA)),
    "scale and shift": lambda x: second_half(BETA - GAMMA * x),
    "batch norm": lambda x: second_half(norm(x)),
    "reshaped": lambda x: second_half(tf.reshape(x * GAMMA + BETA, [-1, 2, 6, 1])),
    "two ReLUs": lambda x: second_half(x) + tf.reduce_sum(tf.nn.relu(x), [1, 2]),
}
WITHOUT = {
    "a shortcut": lambda x: second_half(x) + tf.reduce_sum(x, [1, 2]),
    "a leaky ReLU": lambda x: tf.reduce_sum(tf.nn.leaky_relu(x), [1, 2]),
    "units mixed": lambda x: second_half(tf.matmul(x, np.ones([1, 2, 6, 6], np.float32))),
    "units transposed": lambda x: second_half(tf.transpose(x, [0, 2, 1, 3])),
    "statistics of the batch": lambda x: second_half(norm(x, training=True)),
    "a product with itself": lambda x: second_half(x * x),
    "a constant that is broadcast": lambda x: second_half(x * np.ones([1, 3, 1, 1], np.float32)),
}


def make(behind, shape=(1, 2, 6)):
    """A model whose first half triples z, its program from there, and what a hinge is made of."""
    graph = tf.Graph()
    with graph.as_default():
        z = tf.compat.v1.placeholder(tf.float32, [None, *shape], "z")
        cut = tf.multiply(z, 3.0, name="cut")
        out = tf.identity(behind(cut), name="out")
    model = to_model(graph, {"z": z}, out)
    program = Program(model, ["out:0"], live=["cut:0"])
    tensor = program.rectified_tensor("cut:0")
    if tensor is None:
        return program, None
    seen = Program(model, [tensor], live=["cut:0"])
    codes = 3.0 * RNG.normal(size=[50, *shape]).astype(np.float32)
    return program, measure_hinge(lambda x: seen.run([x])[0], tf.constant(codes))


def gradient(program, value):
    x = tf.constant(value)
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = tf.reduce_sum(program.run([x])[0])
    return tape.gradient(out, x).numpy().reshape(-1)


@pytest.mark.parametrize("behind", BEHIND)
def test_beyond_its_hinge_a_unit_changes_nothing(behind):
    program, hinge = make(BEHIND[behind])
    assert hinge.at.shape == hinge.gain.shape == (12,)
    away = np.sign(hinge.gain) * RNG.uniform(0.01, 5.0, 12)
    open_, closed = [(hinge.at + way * away).astype(np.float32) for way in (1, -1)]
    assert (gradient(program, open_.reshape(1, 1, 2, 6)) != 0).all()
    assert (gradient(program, closed.reshape(1, 1, 2, 6)) == 0).all()
    drawn = [program.run([v.reshape(1, 1, 2, 6)])[0] for v in (closed, hinge.at)]
    np.testing.assert_allclose(drawn[0], drawn[1], atol=1e-5)


@pytest.mark.parametrize("mean", [1.0, 30.0, 100.0, 1000.0])
def test_a_hair_beyond_its_hinge_every_unit_is_open_however_far_that_is(mean):
    """Where values are large, float32 rounds the place of the hinge."""
    means, scales = (mean * RNG.normal(size=6)).astype(np.float32), np.float32(RNG.random(6) + 0.3)

    def shifted(x):
        norm = tf.compat.v1.nn.fused_batch_norm(x, GAMMA, BETA, means, scales, is_training=False)
        return second_half(norm[0])

    program, hinge = make(shifted)
    opened = (hinge.at + hinge.hair).reshape(1, 1, 2, 6)
    assert (gradient(program, opened) != 0).all()
    closed = (hinge.at - hinge.hair).reshape(1, 1, 2, 6)
    drawn = [program.run([value])[0] for value in (opened, closed)]
    np.testing.assert_allclose(*drawn, atol=1e-4)


@pytest.mark.parametrize("behind", WITHOUT)
def test_tensors_without_a_hinge(behind):
    assert make(WITHOUT[behind])[1] is None


def test_an_output_has_no_hinge():
    program, _ = make(lambda x: x)
    assert program.rectified_tensor("cut:0") is None


def test_the_open_code_is_as_far_open_as_open_units_are():
    _, hinge = make(BEHIND["scale and shift"])
    seen = hinge.gain * (hinge.open - hinge.at)
    np.testing.assert_allclose(seen, hinge.level, rtol=1e-5)
    np.testing.assert_allclose(np.tile(-GAMMA, 2), hinge.gain, rtol=1e-4)
    # Half of a normal distribution of deviation s has its mean at s * sqrt(2 / pi); this one is
    # shifted by BETA, so the truth is drawn.
    values = BETA - GAMMA * 3.0 * np.random.default_rng(1).normal(size=(20_000, 6))
    np.testing.assert_allclose(hinge.level, values[values > 0].mean(), rtol=0.1)


def test_a_unit_that_the_relu_does_not_see_is_left_alone():
    gains = np.float32([1, 0, -2, 0, 1, 1])
    _, hinge = make(lambda x: second_half(x * gains + BETA))
    dead = np.tile(gains == 0, 2)
    assert (hinge.gain[dead] == 0).all() and (hinge.gain[~dead] != 0).all()
    assert (hinge.open[dead] == hinge.at[dead]).all() and np.isfinite(hinge.open).all()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
