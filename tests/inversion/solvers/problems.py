"""Problems with a known answer, each a batch whose rows differ; every solver meets them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.graph.kernels.relu import relu

ROWS = 4


@dataclass(frozen=True)
class Problem:
    """A batch of minimisations.

    Attributes:
      start: float32 [ROWS, D].
      loss: (codes [ROWS, D], leaks [ROWS]) to losses [ROWS].
      reaches: the loss that each row must get below; +inf for rows that cannot end well.
    """

    start: np.ndarray
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    reaches: np.ndarray

    def evaluate(self, code, leak):
        """What a solver is given."""
        with tf.GradientTape() as tape:
            tape.watch(code)
            loss = self.loss(code, leak)
        return loss, tape.gradient(loss, code)


def _start(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((ROWS, size)).astype(np.float32)


def convex(size: int) -> Problem:
    """A quadratic whose curvatures span two orders of magnitude."""
    weights = tf.constant(np.logspace(-1, 1, size), tf.float32)
    return Problem(
        _start(size),
        lambda x, leak: tf.reduce_mean(weights * tf.square(x - 0.5), 1),
        np.full(ROWS, 1e-3),
    )


def curved() -> Problem:
    """Rosenbrock's valley; a tenth of the loss at the start is asked for, since a method without
    curvature crawls along its floor.
    """
    start = np.array([[-1.2, 1.0], [0.0, 0.0], [1.5, 2.0], [-0.5, 0.5]], np.float32)
    at_start = 100 * (start[:, 1] - start[:, 0] ** 2) ** 2 + (1 - start[:, 0]) ** 2
    return Problem(
        start,
        lambda x, leak: 100 * (x[:, 1] - x[:, 0] ** 2) ** 2 + (1 - x[:, 0]) ** 2,
        0.1 * at_start,
    )


def dead_relu() -> Problem:
    """Every unit is closed and must open: the true gradient is 0 (thesis, figure 4.2)."""
    return Problem(
        -np.abs(_start(6)) - 0.1,
        lambda x, leak: tf.reduce_mean(tf.square(relu(x, leak) - 1.0), 1),
        np.full(ROWS, 1e-2),
    )


def flat() -> Problem:
    """Nothing to gain: the loss is the same everywhere."""
    return Problem(_start(5), lambda x, leak: 0.25 + 0.0 * tf.reduce_sum(x, 1), np.full(ROWS, 0.26))


def one_bad_row() -> Problem:
    """A quadratic, but row 1 is NaN everywhere and row 2 infinite near its minimum."""
    bad = tf.constant([0.0, np.nan, 0.0, 0.0])

    def loss(x, leak):
        value = tf.reduce_mean(tf.square(x - 0.5), 1) + bad
        return tf.where((tf.range(ROWS) == 2) & (value < 0.2), np.inf, value)

    return Problem(_start(5, 3), loss, np.array([1e-3, np.inf, np.inf, 1e-3]))


def scaled(factor: float) -> Problem:
    """The same quadratic with losses of another order of magnitude."""
    return Problem(
        _start(8),
        lambda x, leak: factor * tf.reduce_mean(tf.square(x - 0.5), 1),
        np.full(ROWS, 1e-3 * factor),
    )


PROBLEMS = {
    "convex": convex(20),
    "convex in one dimension": convex(1),
    "convex, large": convex(5_000),
    "curved": curved(),
    "dead ReLU": dead_relu(),
    "flat": flat(),
    "one bad row": one_bad_row(),
    "huge loss": scaled(1e6),
    "tiny loss": scaled(1e-6),
}
