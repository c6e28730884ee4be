"""Batch normalisation that is frozen by measuring, not by a moving average."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["EPSILON", "BatchNorm"]

EPSILON = 1e-5


class BatchNorm(tf.Module):
    """Normalises the last axis; the statistics come from the batch, or are frozen ones.

    improved_wgan_training runs its generator on batch statistics always and never fills the moving
    averages, so the frozen statistics here are plain variables that `training.calibration` sets
    once, from many latents, when training is over.

    Attributes:
      gamma, beta: float32 [units], trainable scale and offset.
      mean, variance: float32 [units], frozen statistics; not trainable.
    """

    def __init__(self, units: int, name: str | None = None):
        super().__init__(name=name)
        with self.name_scope:
            self.gamma = tf.Variable(tf.ones([units]), name="gamma")
            self.beta = tf.Variable(tf.zeros([units]), name="beta")
            self.mean = tf.Variable(tf.zeros([units]), trainable=False, name="mean")
            self.variance = tf.Variable(tf.ones([units]), trainable=False, name="variance")

    def __call__(self, x: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Normalises float32 [N, units] or [N, H, W, units]; same shape and dtype out."""
        if x.shape.rank == 4:
            statistics = {} if training else {"mean": self.mean, "variance": self.variance}
            return tf.compat.v1.nn.fused_batch_norm(
                x, self.gamma, self.beta, epsilon=EPSILON, is_training=training, **statistics
            )[0]
        mean, variance = tf.nn.moments(x, [0]) if training else (self.mean, self.variance)
        return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, EPSILON)
