"""Freezing batch normalisation: statistics over many latents, layer by layer."""

from __future__ import annotations

import tensorflow as tf

from tfinv.networks.dcgan import DCGANGenerator

__all__ = ["calibrate"]


def calibrate(
    generator: DCGANGenerator, *, samples: int = 10_000, batch_size: int = 500, seed: int = 0
) -> None:
    """Sets every batch norm's frozen mean and variance from the same `samples` latents.

    Layer k is measured with the layers before it already frozen, so each statistic is the one
    that the frozen generator really sees.

    Args:
      generator: changed in place.
      samples: how many latents; rounded up to whole batches.
      batch_size: latents at a time.
      seed: of the latents.
    """
    for k, norm in enumerate(generator.norms):
        sums, squares, count = 0.0, 0.0, 0

        @tf.function(jit_compile=False)
        def moments(z: tf.Tensor, k: int = k) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            seen = {}
            generator(z, training=k, tap=seen.__setitem__)
            x = tf.cast(tf.reshape(seen[k], [-1, seen[k].shape[-1]]), tf.float64)
            return tf.reduce_sum(x, 0), tf.reduce_sum(tf.square(x), 0), tf.shape(x)[0]

        for start in range(0, samples, batch_size):
            z = tf.random.stateless_normal([batch_size, generator.latent_size], (seed, start))
            total, square, rows = moments(z)
            sums, squares, count = sums + total, squares + square, count + int(rows)
        mean = sums / count
        norm.mean.assign(tf.cast(mean, tf.float32))
        norm.variance.assign(tf.cast(squares / count - tf.square(mean), tf.float32))
