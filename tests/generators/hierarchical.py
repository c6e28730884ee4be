"""A small generator whose latent is hierarchical and whose labels are one-hot, as in BigGAN."""

from __future__ import annotations

import functools
import os
import tempfile

import numpy as np
import tensorflow as tf

CHUNK, CLASSES, SIDE = 3, 4, 16
LATENT = 3 * CHUNK
CHANNELS = 6


class Hierarchical(tf.Module):
    """The first chunk of z makes a 4x4 map; each other one, with y, the gains of an up block.

    The map has far fewer numbers than the picture, so that no map draws a picture that was drawn
    with other gains.
    """

    def __init__(self, seed: int = 0):
        super().__init__()
        rng = np.random.default_rng(seed)

        def weights(*shape: int, scale: float) -> tf.Variable:
            return tf.Variable(scale * rng.standard_normal(shape), dtype=tf.float32)

        self.embedding = weights(CLASSES, CHUNK, scale=1.0)
        self.dense = weights(CHUNK, 16 * CHANNELS, scale=0.6)
        self.gains = [weights(2 * CHUNK, CHANNELS, scale=0.4) for _ in range(2)]
        self.shifts = [weights(2 * CHUNK, CHANNELS, scale=0.3) for _ in range(2)]
        self.up = [weights(4, 4, CHANNELS, CHANNELS, scale=0.2) for _ in range(2)]
        self.picture = weights(3, 3, CHANNELS, 3, scale=0.15)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, LATENT], tf.float32, "z"),
            tf.TensorSpec([None, CLASSES], tf.float32, "y"),
        ]
    )
    def draw(self, z, y):
        chunks, shared = tf.split(z, 3, axis=1), tf.matmul(y, self.embedding)
        h = tf.reshape(tf.matmul(chunks[0], self.dense), [-1, 4, 4, CHANNELS], name="map")
        for level, chunk in enumerate(chunks[1:]):
            condition = tf.concat([chunk, shared], 1)
            gain, shift = (
                tf.matmul(condition, kind[level])[:, None, None]
                for kind in (self.gains, self.shifts)
            )
            size = 8 * 2**level
            # The batch size is read off z, as many exports do.
            shape = tf.stack([tf.shape(z)[0], size, size, CHANNELS])
            h = tf.nn.conv2d_transpose(tf.nn.relu(h * (1 + gain) + shift), self.up[level], shape, 2)
            h = tf.identity(h, name=f"block_{level}")
        return {"image": tf.tanh(tf.nn.conv2d(h, self.picture, 1, "SAME"))}


def hierarchical(path) -> str:
    """Saves the generator."""
    made = Hierarchical()
    tf.saved_model.save(made, str(path), signatures={"serving_default": made.draw})
    return str(path)


@functools.cache
def loaded():
    """The generator, loaded once a process."""
    from tfinv.generators.load import load_generator

    with tempfile.TemporaryDirectory() as folder:
        return load_generator(hierarchical(os.path.join(folder, "hierarchical")))
