"""Rewritten inputs: whatever the file wants, z is [N, d], and the pictures are TensorFlow's own."""

from __future__ import annotations

import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import model_of
from graph import graphs

from tfinv.errors import UserError
from tfinv.generators.generator import Generator

F = tf.float32
W = graphs.Weights()(8, 4 * 4 * 3, scale=0.3)
GAINS = graphs.Weights(1)(10, 8)
Z = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)


def drawn(z, bias=0.0):
    """What the graphs below compute, in NumPy, from z [N, 8], as pictures in [0, 1]."""
    return (np.tanh((z @ W).reshape(-1, 4, 4, 3) + bias) + 1) / 2


def draw(z):
    return tf.tanh(tf.reshape(tf.reshape(z, [-1, 8]) @ W, [-1, 4, 4, 3]))


SHAPES = [[8], [1, 8], [8, 1], [1, 1, 8], [8, 1, 1], [1, 8, 1], [1, 1, 1, 8]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("batch", [None, 1])
def test_latents_of_every_shape(shape, batch):
    generator = Generator(model_of({"z": (F, [batch, *shape])}, draw))
    np.testing.assert_allclose(generator(Z), drawn(Z), atol=1e-5)
    assert generator.latent_size == 8
    for layer in ("latent", "dense"):
        split = generator.split(layer)
        np.testing.assert_allclose(split.g2(split.g1(Z)), drawn(Z), atol=1e-5)
    assert generator.split("latent").code_shape == (8,)


@pytest.mark.parametrize("shape", [[10], [1, 10], [1, 1, 10], [10, 1, 1]], ids=str)
@pytest.mark.parametrize("dtype", [tf.float32, tf.int32, tf.float16])
def test_one_hot_labels_of_every_shape(shape, dtype):
    def conditional(z, y):
        return draw(z * (tf.reshape(tf.cast(y, F), [-1, 10]) @ GAINS))

    model = model_of({"z": (F, [None, 8]), "y": (dtype, [None, *shape])}, conditional)
    generator = Generator(model)
    labels = [0, 9, 4]
    assert generator.classes == 10
    np.testing.assert_allclose(generator(Z, labels), drawn(Z * GAINS[labels]), atol=1e-5)
    assert generator.inputs.one_hot == dtype.is_floating


@pytest.mark.parametrize("shape", [[], [1], [1, 1]], ids=str)
@pytest.mark.parametrize("dtype", [tf.float32, tf.int32, tf.int64])
def test_labels_by_number_of_every_shape(shape, dtype):
    def conditional(z, y):
        return draw(z * tf.gather(GAINS, tf.cast(tf.reshape(y, [-1]), tf.int32)))

    model = model_of({"z": (F, [None, 8]), "y": (dtype, [None, *shape])}, conditional)
    generator = Generator(model)
    assert generator.classes == 10
    np.testing.assert_allclose(generator(Z, [0, 9, 4]), drawn(Z * GAINS[[0, 9, 4]]), atol=1e-5)


@hypothesis.given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.sampled_from([None, 3.0]))
def test_grids_that_the_user_calls_the_latent(shape, value):
    size = int(np.prod(shape))
    weights = graphs.Weights()(size, 12)

    def grid(z):
        return tf.tanh(tf.reshape(tf.reshape(z, [-1, size]) @ weights, [-1, 2, 2, 3]))

    generator = Generator(model_of({"z": (F, [None, *shape])}, grid), latent_input="z")
    z = generator.sample_latents(2)
    truth = (np.tanh(z @ weights) + 1) / 2
    np.testing.assert_allclose(np.reshape(generator(z), [2, -1]), truth, atol=1e-5)


def noisy(z, noise):
    return tf.tanh(tf.reshape(z @ W, [-1, 4, 4, 3]) + noise)


@pytest.mark.parametrize("batch", [None, 1])
@pytest.mark.parametrize("value", [None, 0.7])
def test_a_noise_for_each_pixel_is_held(batch, value):
    model = model_of({"z": (F, [None, 8]), "noise": (F, [batch, 4, 4, 1])}, noisy)
    constants = {} if value is None else {"noise": value}
    generator = Generator(model, constants=constants)
    np.testing.assert_allclose(generator(Z), drawn(Z, value or 0.0), atol=1e-5)
    split = generator.split("dense")
    np.testing.assert_allclose(split.g2(split.g1(Z)), drawn(Z, value or 0.0), atol=1e-5)


@pytest.mark.parametrize("pick", ["random", "normal/RandomStandardNormal"])
def test_what_a_graph_draws_itself_can_be_held(pick):
    def draws(z):
        noise = tf.random.normal([tf.shape(z)[0], 4, 4, 1], name="normal")
        return noisy(z, noise)

    model = model_of({"z": (F, [None, 8])}, draws)
    with pytest.raises(UserError, match="--constants=random=0"):
        Generator(model)
    generator = Generator(model, constants={pick: 0.25})
    np.testing.assert_allclose(generator(Z), drawn(Z, 0.25), atol=1e-5)
    with pytest.raises(UserError, match="draws no random numbers"):
        Generator(model_of({"z": (F, [None, 8])}, draw), constants={"random": 0})


def test_a_switch_for_training_is_off_unless_the_user_says_otherwise():
    def trained(z, training):
        return tf.cond(training, lambda: draw(2 * z), lambda: draw(z))

    with graphs.old_control_flow():
        model = model_of({"z": (F, [None, 8]), "training": (tf.bool, [])}, trained)
    np.testing.assert_allclose(Generator(model)(Z), drawn(Z), atol=1e-5)
    generator = Generator(model, constants={"training": True})
    np.testing.assert_allclose(generator(Z), drawn(2 * Z), atol=1e-5)


def test_an_input_that_is_not_read_needs_no_value():
    model = model_of({"z": (F, [None, 8]), "image": (F, [None, 4, 4, 3])}, lambda z, image: draw(z))
    generator = Generator(model)
    np.testing.assert_allclose(generator(Z), drawn(Z), atol=1e-5)
    assert [row["role"] for row in generator.inputs.table()] == ["latent", "unused"]


def test_the_table_says_what_each_input_is_for():
    ports = {"z": (F, [None, 8]), "y": (F, [None, 10]), "psi": (F, [])}
    model = model_of(ports, lambda z, y, psi: draw(z * (y @ GAINS) * psi))
    rows = list(Generator(model, constants={"truncation": 0.5}).inputs.table())
    assert [(row["key"], row["role"]) for row in rows] == [
        ("z", "latent"),
        ("y", "labels"),
        ("psi", "constant"),
    ]
    assert rows[1]["value"] == "one-hot, 10 classes" and rows[2]["value"] == "0.5"
    assert rows[0]["shape"] == [None, 8] and "N(0, 1)" in rows[0]["value"]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
