"""Graphs for N pictures: rewritten, they draw any number, and N as they always did."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import model_of
from graph import graphs

from tfinv.errors import UserError
from tfinv.generators.generator import Generator

F = tf.float32
v1 = tf.compat.v1


def dcgan(z, batch: int):
    """With every way of writing the batch out that compare_gan and the DCGAN tutorials have."""
    w = graphs.Weights()
    h = tf.reshape(z @ w(8, 4 * 4 * 6, scale=0.4), [batch, 4, 4, 6])
    start = tf.tile(w(1, 4, 4, 6, scale=0.1), [batch, 1, 1, 1])
    h = tf.nn.relu(h + start + tf.broadcast_to(w(6, scale=0.1), [batch, 4, 4, 6]))
    h = tf.nn.conv2d_transpose(h, w(5, 5, 4, 6, scale=0.2), [batch, 8, 8, 4], 2)
    rows = tf.reshape(h, [batch * 8 * 8, 4]) @ w(4, 4, scale=0.5)
    h = tf.reshape(rows, [batch, 8, 8, 4]) + tf.fill([batch, 1, 1, 4], 0.1)
    h = tf.nn.conv2d_transpose(tf.nn.relu(h), w(5, 5, 3, 4, scale=0.2), [batch, 16, 16, 3], 2)
    return tf.sigmoid(h)


def truth(draw, feeds: dict[str, np.ndarray], inputs) -> np.ndarray:
    with tf.Graph().as_default() as graph:
        given = {key: v1.placeholder(dtype, shape, key) for key, (dtype, shape) in inputs.items()}
        image = draw(**given)
        with v1.Session(graph=graph) as session:
            return session.run(image, {given[key]: value for key, value in feeds.items()})


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_any_number_of_pictures(batch):
    inputs = {"z": (F, [batch, 8])}
    generator = Generator(model_of(inputs, lambda z: dcgan(z, batch)))
    z = generator.sample_latents(batch)
    expected = truth(lambda z: dcgan(z, batch), {"z": z}, inputs)
    np.testing.assert_allclose(generator(z), expected, atol=1e-5)
    for count in (1, 3, 5):
        few = np.concatenate([z] * 5)[:count]
        np.testing.assert_allclose(
            generator(few), np.tile(expected, (5, 1, 1, 1))[:count], atol=1e-5
        )
    for layer in generator.layers():
        split = generator.split(layer.name)
        np.testing.assert_allclose(split.g2(split.g1(z[:1])), expected[:1], atol=1e-5)
    assert any("batches of" in note for note in generator.notes) == (batch > 1)


def computed(z):
    """With shapes that are computed from the batch: TensorFlow writes it as a constant."""
    w = graphs.Weights()
    count = tf.shape(z)[0]
    start = w(1, 4, 4, 6, scale=0.1)
    h = tf.reshape(z @ w(8, 4 * 4 * 6, scale=0.4), [count, *start.shape[1:]])
    h = tf.nn.relu(h + tf.tile(start, [count, 1, 1, 1]))
    h = tf.repeat(tf.repeat(h, 2, axis=1), 2, axis=2)  # as UpSampling2D does
    rows = tf.reshape(h, [count * tf.shape(h)[1] * 8, 6]) @ w(6, 4, scale=0.5)
    h = tf.reshape(rows, tf.concat([tf.shape(h)[:3], [4]], 0))
    shape = tf.stack([count, 16, 16, 3])
    return tf.sigmoid(tf.nn.conv2d_transpose(h, w(5, 5, 3, 4, scale=0.2), shape, 2))


@pytest.mark.parametrize("batch", [1, 3])
def test_shapes_that_are_computed_from_the_batch(batch):
    inputs = {"z": (F, [batch, 8])}
    model = model_of(inputs, computed)
    assert {"Pack", "StridedSlice", "ConcatV2"} <= {node.op for node in model.nodes.values()}
    generator = Generator(model)
    z = generator.sample_latents(5)
    expected = truth(computed, {"z": z}, {"z": (F, [None, 8])})
    np.testing.assert_allclose(generator(z), expected, atol=1e-5)


def test_labels_too():
    gains = graphs.Weights(3)(10, 8)

    def draw(z, y):
        return dcgan(z * tf.gather(gains, y), 4)

    inputs = {"z": (F, [4, 8]), "y": (tf.int32, [4])}
    generator = Generator(model_of(inputs, draw))
    z, labels = generator.sample_latents(4), np.array([0, 9, 3, 3], np.int32)
    expected = truth(draw, {"z": z, "y": labels}, inputs)
    np.testing.assert_allclose(generator(z[1:3], labels[1:3]), expected[1:3], atol=1e-5)


def test_a_batch_that_cannot_be_told_from_the_rest_is_named():
    noise = graphs.Weights()(4, 16, 16, 3)
    model = model_of({"z": (F, [4, 8])}, lambda z: tf.tanh(dcgan(z, 4) + noise))
    with pytest.raises(UserError, match="fixed batch size: export it with batch None"):
        Generator(model)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
