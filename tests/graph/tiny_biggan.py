"""A BigGAN small enough for a test, with everything that makes BigGAN hard to cut."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from graph.graphs import Case, Weights, old_control_flow

v1 = tf.compat.v1


def biggan(stateful: bool = False) -> Case:
    """A small BigGAN in the style of the TF-Hub modules, in reference variables.

    z in chunks, a shared label embedding, spectral norm in the graph, batch norm statistics looked
    up by truncation, conditional batch norm, shortcuts, attention. `stateful`: the truncation goes
    through a TF1 condition that assigns a variable, as in the first modules.
    """
    with tf.Graph().as_default() as graph, old_control_flow(), v1.variable_scope("Generator_2"):
        return _BigGan().build(graph, stateful)


class _BigGan:
    channels, levels, classes = 4, 5, 7

    def __init__(self):
        self.w = Weights()

    def build(self, graph: tf.Graph, stateful: bool) -> Case:
        with tf.name_scope(""):
            z = v1.placeholder(tf.float32, [None, 15], "z")
            y = v1.placeholder(tf.float32, [None, self.classes], "y")
            truncation = v1.placeholder(tf.float32, [], "truncation")
        self.truncation = self.remembered(truncation) if stateful else truncation
        embedding = self.linear(y, 6, "linear", bias=False)
        chunks = tf.split(z, 3, axis=1)
        with v1.variable_scope("G_Z"):
            h = self.linear(chunks[0], 4 * 4 * 4 * self.channels, "G_linear")
            h = tf.reshape(h, [-1, 4, 4, 4 * self.channels])
            dense = h.name
        for block, outputs in enumerate((2, 1)):
            condition = tf.concat([chunks[block + 1], embedding], 1)
            h = self.block(h, outputs * self.channels, condition, f"GBlock_{block}")
            if block == 0:
                h = self.attention(h)
        h = tf.nn.relu(self.norm(h, None, "BatchNorm"))
        image = tf.tanh(self.conv(h, 3, 3, "conv_2d"))
        feeds = {"z:0": self.w(2, 15), "y:0": np.eye(self.classes, dtype=np.float32)[[1, 4]]}
        inputs = {"z": z, "y": y, "truncation": truncation}
        return Case(graph, inputs, image, feeds, dense, {"truncation:0": 0.55})

    def remembered(self, truncation: tf.Tensor) -> tf.Tensor:
        previous = variable("previous", np.float32(-1))
        return v1.cond(
            tf.not_equal(truncation, previous),
            lambda: tf.identity(v1.assign(previous, truncation)),
            lambda: tf.identity(truncation),
        )

    def normed(self, value: np.ndarray) -> tf.Tensor:
        """A weight divided by its spectral norm, from one power iteration in the graph."""
        weight, u = variable("w", value), variable("u0", self.w(1, value.shape[-1]))
        flat = tf.reshape(weight, [-1, value.shape[-1]])
        v = tf.stop_gradient(tf.nn.l2_normalize(tf.matmul(u, flat, transpose_b=True)))
        u = tf.stop_gradient(tf.nn.l2_normalize(tf.matmul(v, flat)))
        return weight / tf.reshape(tf.matmul(v @ flat, u, transpose_b=True), [])

    def linear(self, x: tf.Tensor, outputs: int, scope: str, bias: bool = True) -> tf.Tensor:
        with v1.variable_scope(scope):
            y = tf.matmul(x, 2 * self.normed(self.w(x.shape[1], outputs)))
            return y + variable("b", self.w(outputs, scale=0.1)) if bias else y

    def conv(self, x, outputs: int, size: int, scope: str, bias: bool = True) -> tf.Tensor:
        with v1.variable_scope(scope):
            weight = self.normed(self.w(size, size, x.shape[-1], outputs))
            y = tf.nn.conv2d(x, weight, 1, "SAME")
            return tf.nn.bias_add(y, variable("b", self.w(outputs, scale=0.1))) if bias else y

    def statistics(self, channels: int) -> list[tf.Tensor]:
        stacks = [
            tf.stack([variable(f"{name}_{k}", self.w(channels, scale=0.1, shift=shift))
                      for k in range(self.levels)])
            for name, shift in (("mean", 0.0), ("var", 1.0))
        ]  # fmt: skip
        position = self.truncation * (self.levels - 1)
        low = tf.cast(tf.floor(position), tf.int32)
        high, share = tf.minimum(low + 1, self.levels - 1), position - tf.floor(position)
        return [tf.gather(s, low) * (1 - share) + tf.gather(s, high) * share for s in stacks]

    def norm(self, x: tf.Tensor, condition: tf.Tensor | None, scope: str) -> tf.Tensor:
        with v1.variable_scope(scope):
            c = x.shape[-1]
            mean, variance = self.statistics(c)
            if condition is None:
                gain, bias = self.w(c, scale=0.1, shift=1), self.w(c, scale=0.1)
                return tf.nn.batch_normalization(x, mean, variance, bias, gain, 1e-4)
            gain = 1 + 0.3 * self.linear(condition, c, "gamma", bias=False)
            bias = self.linear(condition, c, "beta", bias=False)
            x = (x - mean) * tf.math.rsqrt(variance + 1e-4)
            return x * gain[:, None, None, :] + bias[:, None, None, :]

    def block(self, x, outputs: int, condition: tf.Tensor, scope: str) -> tf.Tensor:
        with v1.variable_scope(scope):
            h = self.upsample(tf.nn.relu(self.norm(x, condition, "HyperBN")))
            h = self.conv(h, outputs, 3, "conv0")
            h = tf.nn.relu(self.norm(h, condition, "HyperBN_1"))
            h = self.conv(h, outputs, 3, "conv1")
            return h + self.conv(self.upsample(x), outputs, 1, "conv_sc")

    def upsample(self, x: tf.Tensor) -> tf.Tensor:
        return v1.image.resize_nearest_neighbor(x, [2 * x.shape[1], 2 * x.shape[2]])

    def attention(self, x: tf.Tensor) -> tf.Tensor:
        _, rows, columns, c = x.shape
        with v1.variable_scope("attention"):
            theta = self.conv(x, c // 4, 1, "theta", bias=False)
            phi = tf.nn.max_pool2d(self.conv(x, c // 4, 1, "phi", bias=False), 2, 2, "VALID")
            g = tf.nn.max_pool2d(self.conv(x, c // 2, 1, "g", bias=False), 2, 2, "VALID")
            theta, phi, g = (
                tf.reshape(t, [-1, t.shape[1] * t.shape[2], t.shape[3]]) for t in (theta, phi, g)
            )
            o = tf.matmul(tf.nn.softmax(tf.matmul(theta, phi, transpose_b=True)), g)
            o = tf.reshape(o, [tf.shape(x)[0], rows, columns, c // 2])
            return x + variable("gamma", np.float32(0.3)) * self.conv(o, c, 1, "o_conv", False)


def variable(name: str, value: np.ndarray) -> tf.Variable:
    """A TF1 reference variable, as TF-Hub modules hold them."""
    return v1.get_variable(
        name, initializer=tf.constant(value), use_resource=False, trainable=False
    )
