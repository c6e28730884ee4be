"""Networks small enough to test features with, and what TensorFlow itself makes of them."""

from __future__ import annotations

import functools
import os
import tempfile

import numpy as np
import tensorflow as tf
from graph import exports

SIDE, MAPS = 8, 6
v1 = tf.compat.v1


class Critic:
    """Two 3x3 convolutions with leaky ReLUs, minibatch statistics, a score: a small ProGAN critic.

    Args:
      layout: of the graph that is saved; the truth is always computed in NHWC, which every CPU can.
    """

    def __init__(self, layout: str = "NCHW"):
        rng = np.random.default_rng(0)
        self.layout = layout
        self.filters = [
            (rng.standard_normal((3, 3, a, b)) / 3).astype(np.float32)
            for a, b in ((3, 4), (4, MAPS))
        ]
        self.biases = [rng.standard_normal(n).astype(np.float32) for n in (4, MAPS)]
        self.score = rng.standard_normal((4 * 4 * (MAPS + 1), 1)).astype(np.float32)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """The second activation, NHWC, by plain TensorFlow; images NHWC in the critic's range."""
        x = images
        for filters, bias, stride in zip(self.filters, self.biases, (1, 2), strict=True):
            x = tf.nn.leaky_relu(tf.nn.conv2d(x, filters, stride, "SAME") + bias, 0.2)
        return x

    def build(self, images: tf.Tensor) -> tf.Tensor:
        """The graph that is saved, with the scopes of ProGAN's discriminator."""
        first = self.layout == "NCHW"
        x = images
        for name, k in (("Conv0", 0), ("Conv1", 1)):
            with tf.name_scope(f"D_paper/8x8/{name}/"):
                stride = [1, 1, k + 1, k + 1] if first else [1, k + 1, k + 1, 1]
                x = tf.nn.conv2d(x, self.filters[k], stride, "SAME", data_format=self.layout)
                bias = self.biases[k]
                x = x + (bias.reshape([-1, 1, 1]) if first else bias)
                with tf.name_scope("LeakyRelu"):
                    x = tf.maximum(x * 0.2, x)
        with tf.name_scope("D_paper/4x4/MinibatchStddev/"):
            spread = tf.reduce_mean(tf.math.reduce_std(x, 0))
            shape = tf.shape(x)
            axis = 1 if first else 3
            size = [shape[0], 1, 4, 4] if first else [shape[0], 4, 4, 1]
            x = tf.concat([x, tf.fill(size, spread)], axis)
        with tf.name_scope("D_paper/4x4/Dense/"):
            return tf.matmul(tf.reshape(x, [-1, self.score.shape[0]]), self.score)

    def save(self, path, size: int | None = SIDE, batch: int | None = None) -> str:
        """Saves it as a TF1 SavedModel with the input `images_in`."""
        shape = [batch, 3, size, size] if self.layout == "NCHW" else [batch, size, size, 3]
        return saved(path, {"images_in": (tf.float32, shape)}, self.build)


def saved(path, inputs: dict, build, hub: bool = False) -> str:
    """Saves a TF1 graph without variables; `inputs` are dtype and shape by key."""
    with tf.Graph().as_default():
        given = {key: v1.placeholder(*spec, name=key) for key, spec in inputs.items()}
        made = build(*given.values())
        made = made if isinstance(made, dict) else {"scores": made}
        with v1.Session() as session:
            name, tags = ("default", ()) if hub else ("serving_default", ("serve",))
            exports.save_session(path, session, {name: (given, made)}, tags)
    if hub:
        with open(os.path.join(str(path), "tfhub_module.pb"), "wb") as file:
            file.write(b"\x08\x03")
    return str(path)


@functools.cache
def critic_path(layout: str = "NCHW") -> str:
    """Where a critic is saved, once a process."""
    folder = tempfile.mkdtemp(dir=_folder().name)
    return Critic(layout).save(os.path.join(folder, "critic"))


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()
