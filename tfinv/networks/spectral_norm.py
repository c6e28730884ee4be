"""Spectral normalisation of a weight by power iteration (Miyato et al., 2018, algorithm 1)."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["SpectralNorm"]


class SpectralNorm(tf.Module):
    """Divides a weight by an estimate of its largest singular value.

    The weight is read as a matrix [everything but the last axis, outputs]. One power iteration a
    call of `update` is enough, since the weight moves little between two steps of training.

    Attributes:
      u: float32 [1, outputs], the running estimate of the right singular vector.
    """

    def __init__(self, outputs: int, *, seed: tuple[int, int], name: str | None = None):
        super().__init__(name=name)
        start = tf.random.stateless_normal([1, outputs], seed=seed)
        self.u = tf.Variable(tf.math.l2_normalize(start), trainable=False, name="u")

    def __call__(self, weight: tf.Tensor, *, update: bool) -> tf.Tensor:
        """Returns weight / sigma; sigma is differentiated, the singular vectors are constants."""
        matrix = tf.reshape(weight, [-1, weight.shape[-1]])
        fixed = tf.stop_gradient(matrix)
        v = tf.math.l2_normalize(tf.matmul(self.u, fixed, transpose_b=True))
        u = tf.math.l2_normalize(tf.matmul(v, fixed))
        if update:
            self.u.assign(u)
        sigma = tf.matmul(tf.matmul(v, matrix), u, transpose_b=True)
        return weight / tf.reshape(sigma, [])
