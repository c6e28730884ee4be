"""Eager TensorFlow: a tape around the generator's own operations, and Keras's Adam."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from bench.contestants import LEAK, LEARNING_RATE, Problem
from bench.plain import Plain
from tfinv.generators.load import load_generator

__all__ = ["EagerLoop"]


class EagerLoop:
    """What one writes first: a variable, a tape, an optimiser, a Python loop."""

    def __init__(self, problem: Problem):
        generator = load_generator(problem.generator)
        self._plain = Plain(generator, generator.split(problem.layer))
        self._held = self._plain.held(problem.latents, problem.labels)
        self._targets = tf.constant(problem.targets)
        self._start = problem.codes
        self._code = tf.Variable(problem.codes)
        self._adam = tf.keras.optimizers.Adam(LEARNING_RATE)
        self._matrix: Any = None

    def check(self) -> tuple[float, float]:
        """See `Contestant`."""
        self._code.assign(self._start)
        loss, gradient = self._evaluate()
        return float(loss), float(tf.norm(gradient))

    def run(self, steps: int) -> tuple[int, float]:
        """See `Contestant`."""
        begun = time.perf_counter()
        for _ in range(steps):
            _, gradient = self._evaluate()
            self._adam.apply_gradients([(gradient, self._code)])
        self._code.numpy()
        return steps, time.perf_counter() - begun

    def _evaluate(self) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            code = tf.convert_to_tensor(self._code)
            tape.watch(code)
            images = self._plain.images(code, self._held, LEAK)
            errors = tf.square(images - self._targets)
            loss = tf.reduce_sum(tf.reduce_mean(errors, [1, 2, 3]))
        return loss, tape.gradient(loss, code)

    def multiply(self, size: int) -> None:
        """See `Contestant`."""
        if self._matrix is None:
            self._matrix = tf.random.normal([size, size])
        tf.linalg.matmul(self._matrix, self._matrix).numpy()
