"""The number of classes is that of the table that the label indexes."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from graph import graphs

from tfinv.generators.inputs.classes import count_classes
from tfinv.generators.load import load_generator

TABLE = np.ones((6, 4), np.float32)


@pytest.mark.parametrize(
    ("use", "classes"),
    [
        (lambda y: tf.gather(TABLE, y), 6),
        (lambda y: tf.gather(TABLE, tf.cast(tf.reshape(y, [-1]), tf.int64)), 6),
        (lambda y: tf.transpose(tf.gather(TABLE.T.copy(), y, axis=1)), 6),
        (lambda y: tf.one_hot(y, 9) @ np.ones((9, 4), np.float32), 9),
        (lambda y: tf.gather(TABLE, y) + tf.gather(TABLE[:5], y), 5),  # both must hold it
        (lambda y: tf.cast(y, tf.float32)[:, None] * TABLE[0], None),
    ],
)
def test_classes(use, classes):
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 4], "z")
        y = tf.compat.v1.placeholder(tf.int32, [None], "y")
        model = graphs.to_model(graph, {"z": z, "y": y}, tf.tanh(z * use(y)))
    assert count_classes(model, "y:0") == classes


def test_a_keras_embedding(tmp_path):
    z, y = keras.Input((4,), name="z"), keras.Input((1,), name="y", dtype="int32")
    h = keras.layers.Flatten()(keras.layers.Embedding(7, 4)(y)) * z
    image = keras.layers.Reshape((4, 4, 3))(keras.layers.Dense(48, activation="tanh")(h))
    keras.Model({"z": z, "y": y}, image).export(tmp_path / "m", verbose=False)
    generator = load_generator(tmp_path / "m")
    assert generator.conditional and generator.classes == 7
    assert generator(generator.sample_latents(2), [0, 6]).shape == (2, 4, 4, 3)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
