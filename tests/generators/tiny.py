"""Generators small enough that XLA compiles an inversion of one in a second or two."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from graph import exports, graphs

LATENT, SIDE, CLASSES = 8, 8, 5


class Dcgan(tf.Module):
    """z of 8, dense to 4x4x16, ReLU, one transposed convolution to 8x8x3, tanh.

    The weights are random, but of the sizes that training leaves: pictures are smooth, neither
    flat nor saturated, and differ from each other.
    """

    def __init__(self, seed: int = 0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.w = tf.Variable(rng.normal(size=(LATENT, 256)) / 3, dtype=tf.float32)
        self.b = tf.Variable(rng.normal(size=256) / 3, dtype=tf.float32)
        self.gains = tf.Variable(1 + rng.normal(size=(CLASSES, 16)) / 3, dtype=tf.float32)
        self.filters = tf.Variable(rng.normal(size=(4, 4, 3, 16)) / 6, dtype=tf.float32)

    def draw(self, z, gains=None):
        h = tf.reshape(tf.matmul(z, self.w) + self.b, [-1, 4, 4, 16], name="dense")
        h = tf.nn.relu(h if gains is None else h * gains, name="open")
        shape = tf.stack([tf.shape(z)[0], SIDE, SIDE, 3])
        return tf.tanh(tf.nn.conv2d_transpose(h, self.filters, shape, 2))

    @tf.function(input_signature=[tf.TensorSpec([None, LATENT], tf.float32, "z")])
    def plain(self, z):
        return {"image": self.draw(z)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, LATENT], tf.float32, "z"),
            tf.TensorSpec([None], tf.int32, "label"),
        ]
    )
    def labelled(self, z, label):
        return {"image": self.draw(z, tf.gather(self.gains, label)[:, None, None, :])}


def dcgan(path, seed: int = 0) -> str:
    """Saves an unconditional generator."""
    made = Dcgan(seed)
    tf.saved_model.save(made, str(path), signatures={"serving_default": made.plain})
    return str(path)


def labelled(path) -> str:
    """Saves one that takes integer labels and reads them behind the dense layer."""
    made = Dcgan()
    tf.saved_model.save(made, str(path), signatures={"serving_default": made.labelled})
    return str(path)


def two_signatures(path) -> str:
    """Saves one with two signatures, none of which is the default."""
    made = Dcgan()
    signatures = {"plain": made.plain, "labelled": made.labelled}
    tf.saved_model.save(made, str(path), signatures=signatures)
    return str(path)


def without_dense(path) -> str:
    """Saves one that never multiplies its latent by a matrix."""

    @tf.function(input_signature=[tf.TensorSpec([None, 48], tf.float32, "z")])
    def draw(z):
        return {"image": tf.tanh(tf.reshape(tf.sin(z), [-1, 4, 4, 3]))}

    tf.saved_model.save(tf.Module(), str(path), signatures={"serving_default": draw})
    return str(path)


@dataclass(frozen=True)
class Truth:
    """A saved generator, what it was fed, and the pictures that TensorFlow made of that."""

    path: str
    z: np.ndarray
    labels: np.ndarray | None
    raw: np.ndarray
    constants: dict[str, float]


def session(path, name: str, hub: bool = False) -> Truth:
    """Saves a generator of `graph.graphs` as a TF1 SavedModel or as a TF1-Hub module."""
    case = graphs.case(name)
    v1 = tf.compat.v1
    raw = case.truth(case.output)
    with v1.Session(graph=case.graph) as opened, case.graph.as_default():
        opened.run(v1.global_variables_initializer())
        signature = "default" if hub else "serving_default"
        exports.save_session(
            path,
            opened,
            {signature: (case.inputs, {"default": case.output})},
            tags=() if hub else ("serve",),
        )
    if hub:
        with open(os.path.join(str(path), "tfhub_module.pb"), "wb") as file:
            file.write(b"\x08\x03")
    labels = [case.feeds[key] for key in case.others]
    if labels and labels[0].ndim == 2:
        labels = [labels[0].argmax(1)]
    keys = {tensor.name: key for key, tensor in case.inputs.items()}
    constants = {keys[name]: value for name, value in case.constants.items()}
    z = case.feeds[case.latent]
    return Truth(str(path), z, labels[0] if labels else None, raw, constants)


def keras(path, module) -> Truth:
    """Saves a generator of Keras 3 or tf_keras; the path's suffix chooses the format."""
    export = exports.keras_export(path, module)
    return Truth(export.path, export.feeds["z0"], None, export.outputs["image"], {})


def of_module(path, conditional: bool) -> Truth:
    """Saves a tf.Module, with integer labels or without."""
    made = Dcgan()
    z = np.random.default_rng(1).standard_normal((3, LATENT)).astype(np.float32)
    labels = np.array([4, 0, 2]) if conditional else None
    if conditional:
        raw = made.labelled(z, labels.astype(np.int32))["image"].numpy()
        return Truth(labelled(path), z, labels, raw, {})
    return Truth(dcgan(path), z, None, made.plain(z)["image"].numpy(), {})


@functools.cache
def loaded(conditional: bool = False):
    """The tiny generator, loaded once a process."""
    import tempfile

    from tfinv.generators.load import load_generator

    with tempfile.TemporaryDirectory() as folder:
        save = labelled if conditional else dcgan
        return load_generator(save(os.path.join(folder, "tiny")))
