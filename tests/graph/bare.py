"""TF1 graphs as training leaves them: variables, a switch for training, a discriminator, a loss."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from graph import exports

v1 = tf.compat.v1


@dataclass(frozen=True)
class Trained:
    """What was written, and what the graph makes of `z` in inference."""

    path: str
    z: np.ndarray
    image: np.ndarray


def draw(z: tf.Tensor, training: tf.Tensor | None, partitions: int = 0) -> tf.Tensor:
    """z of 6 to a picture 4x4x3, through a `cond` on `training` if there is one."""
    partitioner = v1.fixed_size_partitioner(partitions) if partitions else None
    with v1.variable_scope("G", partitioner=partitioner):
        w = v1.get_variable("w", [6, 48], initializer=v1.random_normal_initializer(seed=1))
        h = tf.reshape(tf.matmul(z, w, name="MatMul"), [-1, 4, 4, 3], name="Reshape")
        if training is not None:
            h = tf.cond(training, lambda: tf.nn.dropout(h, rate=0.5), lambda: tf.identity(h))
        return tf.tanh(h, name="image")


def train(image: tf.Tensor) -> None:
    """A discriminator, its loss, gradients, a step and summaries."""
    logits = tf.matmul(tf.reshape(image, [-1, 48]), exports.variable("D/w", np.ones((48, 1))))
    loss = tf.reduce_mean(tf.nn.softplus(-logits), name="loss")
    v1.train.GradientDescentOptimizer(0.1).minimize(loss)
    v1.summary.scalar("loss", loss)
    v1.summary.image("image", image)
    v1.summary.merge_all()


def checkpoint(prefix, *, resource=False, default=False, partitions=0, more=lambda image: None):
    """Saves a training graph with tf.train.Saver; `more` adds to it."""
    z_value = np.random.default_rng(1).standard_normal((3, 6)).astype(np.float32)
    with tf.Graph().as_default(), v1.Session() as session, exports.tf1_control_flow():
        with v1.variable_scope("", use_resource=resource):
            z = v1.placeholder(tf.float32, [None, 6], "z")
            if default:
                training = v1.placeholder_with_default(False, [], "training")
            else:
                training = v1.placeholder(tf.bool, [], "training")
            image = draw(z, training, partitions)
            train(image)
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(prefix), global_step=10)
        truth = session.run(image, {z: z_value, training: False})
        more(image)  # what no run was made with is in the graph alone
        v1.train.export_meta_graph(f"{prefix}-10.meta", saver_def=None)
    return Trained(f"{prefix}-10", z_value, truth)


def frozen(path, *, outputs=("G/image",), training=False) -> Trained:
    """Saves a frozen graph; as text if the path ends in "txt"."""
    z_value = np.random.default_rng(1).standard_normal((3, 6)).astype(np.float32)
    with tf.Graph().as_default() as graph, v1.Session() as session, exports.tf1_control_flow():
        z = v1.placeholder(tf.float32, [None, 6], "z")
        switch = v1.placeholder(tf.bool, [], "training") if training else None
        image = draw(z, switch)
        tf.reduce_mean(image, name="mean")
        tf.multiply(image, 2.0, name="twice")
        tf.multiply(image, 0.5, name="half")
        session.run(v1.global_variables_initializer())
        truth = session.run(image, {z: z_value, **({switch: False} if training else {})})
        graph_def = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), list(outputs)
        )
    folder, name = os.path.split(str(path))
    tf.io.write_graph(graph_def, folder, name, as_text=name.endswith("txt"))
    return Trained(str(path), z_value, truth)
