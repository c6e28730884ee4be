"""The thesis's loop as it was: a TensorFlow 1 Session that steps Adam from Python.

The graph of the whole generator is imported with a variable in the place of the cut tensor; its
ReLUs have the modified gradient, whose leak is fed at every step beside z and the labels; Adam's
learning rate is a staircase. One `Session.run` is one step.
"""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from bench.contestants import LEAK, LEARNING_RATE, Problem
from tfinv.generators.generator import Generator
from tfinv.generators.load import load_generator
from tfinv.graph.model import GraphModel
from tfinv.graph.walk import canonical

__all__ = ["SessionLoop"]

_STEPS, _DECAYS = 30_000, 3  # the thesis's budget, and how often its learning rate falls
_GRADIENT = "LeakingRelu"  # the name that the graph knows the modified gradient by
_leak: list[tf.Tensor] = []  # the placeholder that this gradient reads: it is registered globally


@tf.RegisterGradient(_GRADIENT)
def _leaking_relu(operation: tf.Operation, dy: tf.Tensor) -> tf.Tensor:
    return tf.where(operation.inputs[0] > 0, dy, _leak[-1] * tf.minimum(dy, 0.0))


class SessionLoop:
    """Steps of `tf.compat.v1.train.AdamOptimizer`."""

    def __init__(self, problem: Problem):
        v1 = tf.compat.v1
        generator = load_generator(problem.generator)
        split = generator.split(problem.layer)
        cut = canonical(generator.inputs.latent if split.is_latent else split.layer.name)
        values = generator.inputs.feeds(problem.latents, problem.labels)
        feeds = {
            name: value.numpy()
            for name, value in zip(generator.inputs.names, values, strict=True)
            if canonical(name) != cut
        }
        with tf.Graph().as_default() as graph:
            _leak.append(v1.placeholder(tf.float32, []))
            code = v1.Variable(problem.codes)
            held = {name: v1.placeholder(value.dtype, value.shape) for name, value in feeds.items()}
            output = _import(generator, {cut: code, **held})
            images = generator.border.to_images(output)
            errors = tf.square(images - tf.constant(problem.targets))
            self._loss = tf.reduce_sum(tf.reduce_mean(errors, [1, 2, 3]))
            step = v1.train.get_or_create_global_step()
            rate = v1.train.exponential_decay(
                LEARNING_RATE, step, _STEPS // (_DECAYS + 1), 0.1, staircase=True
            )
            adam = v1.train.AdamOptimizer(rate)
            self._train = adam.minimize(self._loss, global_step=step, var_list=[code])
            self._norm = tf.norm(tf.gradients(self._loss, code)[0])
            self._begin = v1.global_variables_initializer()
            matrix = v1.Variable(v1.random_normal([2048, 2048]))
            self._product = tf.reduce_max(tf.linalg.matmul(matrix, matrix))
            fill = v1.variables_initializer([matrix])
        self._session = v1.Session(graph=graph)
        self._session.run(fill)
        self._feeds = {placeholder: feeds[name] for name, placeholder in held.items()}
        self._feeds[_leak[-1]] = np.float32(LEAK)

    def check(self) -> tuple[float, float]:
        """See `Contestant`."""
        self._session.run(self._begin)
        loss, norm = self._session.run([self._loss, self._norm], self._feeds)
        return float(loss), float(norm)

    def run(self, steps: int) -> tuple[int, float]:
        """See `Contestant`."""
        begun = time.perf_counter()
        for _ in range(steps):
            self._session.run([self._train, self._loss], self._feeds)
        return steps, time.perf_counter() - begun

    def multiply(self, size: int) -> None:
        """See `Contestant`; the size is that of the graph."""
        del size
        self._session.run(self._product)


def _import(generator: Generator, replaced: dict[str, tf.Tensor]) -> tf.Tensor:
    """Imports a generator's graph; returns its raw output."""
    definition = _graph_def(generator.model)
    [output] = tf.graph_util.import_graph_def(
        definition, input_map=replaced, return_elements=[generator.output], name="generator"
    )
    return output


def _graph_def(model: GraphModel) -> tf.compat.v1.GraphDef:
    """A GraphDef with the weights in it and the modified gradient on its ReLUs."""
    definition = tf.compat.v1.GraphDef()
    definition.versions.producer = tf.version.GRAPH_DEF_VERSION
    for name, node in model.nodes.items():
        copy = definition.node.add()
        copy.CopyFrom(node)
        if name in model.weights:
            value = np.asarray(model.weights[name])
            copy.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        if node.op == "Relu":
            copy.attr["_gradient_op_type"].s = _GRADIENT.encode()
    return definition
