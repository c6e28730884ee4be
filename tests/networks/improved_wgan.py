"""Generators with the names, shapes and operations of improved_wgan_training, in a TF1 graph.

Nothing here is tfinv's: upsampling is the original's four copies and depth_to_space, batch norm
uses the statistics of the batch, and variables get their names the way they got them there.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1

LATENT, CLASSES = 8, 4
KINDS = ("cifar", "mnist", "mnist_wgan", "dcgan64", "good", "resnet", "resnet_labelled")
SIDES = {"mnist": 28, "mnist_wgan": 28, "dcgan64": 64, "good": 64}


@dataclass
class Original:
    """One generator.

    Attributes:
      kind: one of `KINDS`.
      dim: its width.
      latents: float32 [N, LATENT] to draw from.
      statistics: mean and variance by batch norm to use instead of the batch's.
      weight_norm: whether every layer has a norm of its own, `.g`.
      blocks: residual blocks, of which each doubles the side; the original's number if None.
      scope: a scope around all of it.
      graph, images: what was built; NCHW pictures.
      variables: by short name.
      measured: tensors of the batch's mean and variance, by batch norm, in order.
    """

    kind: str
    latents: np.ndarray
    labels: np.ndarray
    dim: int = 2
    statistics: dict | None = None
    weight_norm: bool = False
    blocks: int | None = None
    scope: str = ""
    variables: dict = field(default_factory=dict)
    measured: dict = field(default_factory=dict)

    def __post_init__(self):
        self._rng = np.random.default_rng(7)
        build = getattr(self, "_" + self.kind.split("_")[0])
        scope = tf.name_scope(self.scope) if self.scope else contextlib.nullcontext()
        with tf.Graph().as_default() as self.graph, scope:
            self.images = build(tf.constant(self.latents), tf.constant(self.labels))

    def run(self, fetches=None):
        with v1.Session(graph=self.graph) as session, self.graph.as_default():
            session.run(v1.global_variables_initializer())
            return session.run(self.images if fetches is None else fetches)

    def arrays(self) -> dict[str, np.ndarray]:
        return self.run(self.variables)

    def save(self, prefix, *, short: bool = False, extras: bool = False, old: bool = False) -> str:
        """Saves it with tf.train.Saver; `extras` are a discriminator, slots and an average."""
        with self.graph.as_default(), v1.Session() as session:
            mine = list(self.variables.values())
            saved = dict(self.variables) if short else mine
            if extras:
                with tf.name_scope("Discriminator.Output"):
                    score = v1.Variable(np.ones((3, 1), "f"), name="Discriminator.Output.W")
                adam = v1.train.AdamOptimizer(1e-4, beta1=0.0, beta2=0.9)
                trained = [v for v in mine if v.trainable]
                adam.minimize(tf.reduce_sum(self.images), var_list=trained)
                v1.train.ExponentialMovingAverage(0.9).apply(trained)
                saved = None
                assert score is not None
            version = v1.train.SaverDef.V1 if old else v1.train.SaverDef.V2
            saver = v1.train.Saver(saved, write_version=version)
            everything = v1.global_variables_initializer()
            session.run(v1.variables_initializer(mine))  # an average begins with their values
            session.run(everything)
            os.makedirs(os.path.dirname(str(prefix)), exist_ok=True)
            return saver.save(session, str(prefix), write_meta_graph=extras)

    def _param(self, name: str, value, trainable: bool = True):
        value = np.asarray(value, np.float32)
        variable = v1.Variable(value, name=name, trainable=trainable, use_resource=False)
        self.variables[name] = variable
        return variable

    def _normal(self, *shape, fan):
        return self._rng.normal(size=shape) * np.sqrt(2.0 / fan)

    def _weight(self, name, value, axes, spread):
        weight = self._param(name, value)
        if self.weight_norm:
            target = self._rng.uniform(0.5, 1.5, np.sqrt((value**2).sum(axes)).shape)
            norm = tf.sqrt(tf.reduce_sum(weight**2, axes))
            factor = self._param(name.rpartition(".")[0] + ".g", target) / norm
            weight *= tf.expand_dims(factor, 1) if spread else factor
        return weight

    def _linear(self, name, x, outputs):
        with tf.name_scope(name):
            inputs = x.shape[1]
            weight = self._weight(name + ".W", self._normal(inputs, outputs, fan=inputs), 0, False)
            return x @ weight + self._param(name + ".b", 0.1 * self._rng.normal(size=outputs))

    def _conv(self, name, x, outputs, taps, biases=True):
        with tf.name_scope(name):
            inputs = x.shape[1]
            filters = self._normal(taps, taps, inputs, outputs, fan=inputs * taps**2)
            filters = self._weight(name + ".Filters", filters, (0, 1, 2), False)
            x = tf.nn.conv2d(tf.transpose(x, [0, 2, 3, 1]), filters, 1, "SAME")
            if biases:
                x += self._param(name + ".Biases", 0.1 * self._rng.normal(size=outputs))
            return tf.transpose(x, [0, 3, 1, 2])

    def _up(self, name, x, outputs, taps, biases=True):
        x = tf.transpose(tf.concat([x] * 4, 1), [0, 2, 3, 1])
        x = tf.transpose(v1.depth_to_space(x, 2), [0, 3, 1, 2])
        return self._conv(name, x, outputs, taps, biases)

    def _deconv(self, name, x, outputs):
        with tf.name_scope(name):
            inputs, side = x.shape[1], x.shape[2]
            filters = self._normal(5, 5, outputs, inputs, fan=6 * inputs)
            filters = self._weight(name + ".Filters", filters, (0, 1, 3), True)
            shape = tf.stack([tf.shape(x)[0], 2 * side, 2 * side, outputs])
            x = tf.nn.conv2d_transpose(tf.transpose(x, [0, 2, 3, 1]), filters, shape, 2)
            x += self._param(name + ".Biases", 0.1 * self._rng.normal(size=outputs))
            return tf.transpose(x, [0, 3, 1, 2])

    def _norm(self, name, x, labels=None):
        axes = [a for a in range(x.shape.rank) if a != 1]
        units = x.shape[1]
        mean, variance = tf.nn.moments(x, axes, keepdims=True)
        self.measured[name] = mean, variance
        if self.statistics is not None:
            mean, variance = self.statistics[name]
        shape = (1, units) if axes == [0] else (units,) if labels is None else (CLASSES, units)
        offset = self._param(name + ".offset", 0.3 * self._rng.normal(size=shape))
        scale = self._param(name + ".scale", self._rng.uniform(0.5, 1.5, shape))
        if axes != [0] and labels is None:  # made there, and never updated
            self._param(name + ".moving_mean", np.zeros(units), trainable=False)
            self._param(name + ".moving_variance", np.ones(units), trainable=False)
        if labels is not None:
            offset, scale = (tf.nn.embedding_lookup(t, labels) for t in (offset, scale))
        if axes != [0]:
            offset, scale = (tf.reshape(t, [-1, units, 1, 1]) for t in (offset, scale))
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-5)

    def _cifar(self, z, labels):
        h = tf.nn.relu(
            self._norm("Generator.BN1", self._linear("Generator.Input", z, 64 * self.dim))
        )
        h = tf.reshape(h, [-1, 4 * self.dim, 4, 4])
        for k, width in ((2, 2 * self.dim), (3, self.dim)):
            h = self._deconv(f"Generator.{k}", h, width)
            h = tf.nn.relu(self._norm(f"Generator.BN{k}", h))
        return tf.tanh(self._deconv("Generator.5", h, 3))

    def _mnist(self, z, labels):
        norm = self._norm if self.kind == "mnist_wgan" else lambda name, x: x
        h = tf.nn.relu(norm("Generator.BN1", self._linear("Generator.Input", z, 64 * self.dim)))
        h = tf.reshape(h, [-1, 4 * self.dim, 4, 4])
        h = tf.nn.relu(norm("Generator.BN2", self._deconv("Generator.2", h, 2 * self.dim)))
        h = h[:, :, :7, :7]
        h = tf.nn.relu(norm("Generator.BN3", self._deconv("Generator.3", h, self.dim)))
        return tf.sigmoid(self._deconv("Generator.5", h, 1))

    def _dcgan64(self, z, labels):
        h = self._linear("Generator.Input", z, 4 * 4 * 8 * self.dim)
        h = tf.nn.relu(self._norm("Generator.BN1", tf.reshape(h, [-1, 8 * self.dim, 4, 4])))
        for k, width in ((2, 4), (3, 2), (4, 1)):
            h = self._deconv(f"Generator.{k}", h, width * self.dim)
            h = tf.nn.relu(self._norm(f"Generator.BN{k}", h))
        return tf.tanh(self._deconv("Generator.5", h, 3))

    def _block(self, name, x, outputs, norms, labels=None, biases=True):
        shortcut = self._up(name + ".Shortcut", x, outputs, 1)
        h = tf.nn.relu(self._norm(f"{name}.{norms}1", x, labels))
        h = self._up(name + ".Conv1", h, outputs, 3, biases)
        h = tf.nn.relu(self._norm(f"{name}.{norms}2", h, labels))
        return shortcut + self._conv(name + ".Conv2", h, outputs, 3)

    def _good(self, z, labels):
        h = self._linear("Generator.Input", z, 4 * 4 * 8 * self.dim)
        h = tf.reshape(h, [-1, 8 * self.dim, 4, 4])
        for k, width in enumerate((8, 4, 2, 1)[-(self.blocks or 4) :], 1):
            h = self._block(f"Generator.Res{k}", h, width * self.dim, "BN", biases=False)
        h = tf.nn.relu(self._norm("Generator.OutputN", h))
        return tf.tanh(self._conv("Generator.Output", h, 3, 3))

    def _resnet(self, z, labels):
        labels = labels if self.kind == "resnet_labelled" else None
        h = self._linear("Generator.Input", z, 4 * 4 * self.dim)
        h = tf.reshape(h, [-1, self.dim, 4, 4])
        for k in range(1, 1 + (self.blocks or 3)):
            h = self._block(f"Generator.{k}", h, self.dim, "N", labels)
        h = tf.nn.relu(self._norm("Generator.OutputN", h))
        return tf.tanh(self._conv("Generator.Output", h, 3, 3))


def make(kind: str, count: int = 6, seed: int = 0, **options) -> Original:
    """One generator with `count` latents and labels; weights depend on kind and width alone."""
    rng = np.random.default_rng(seed)
    latents = rng.standard_normal((count, LATENT), np.float32)
    labels = rng.integers(CLASSES, size=count).astype(np.int32)
    return Original(kind, latents, labels, **options)
