"""Freezing a trained generator's batch normalisation."""

from __future__ import annotations

import tensorflow as tf

from tfinv.networks.calibration import pooled
from tfinv.networks.dcgan import DCGANGenerator

__all__ = ["calibrate"]


def calibrate(
    generator: DCGANGenerator, *, samples: int = 10_000, batch_size: int = 500, seed: int = 0
) -> None:
    """Sets every batch norm's frozen mean and variance from `samples` latents.

    Args:
      generator: changed in place.
      samples: how many latents; rounded up to whole batches.
      batch_size: latents at a time.
      seed: of the latents.
    """

    @tf.function(jit_compile=False)
    def moments(z: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        seen = {}
        generator(z, training=True, tap=seen.__setitem__)
        inputs = (tf.cast(seen[k], tf.float64) for k in range(len(generator.norms)))
        return [tf.nn.moments(x, list(range(x.shape.rank - 1))) for x in inputs]

    statistics = pooled(
        moments(tf.random.stateless_normal([batch_size, generator.latent_size], (seed, start)))
        for start in range(0, samples, batch_size)
    )
    for norm, (mean, variance) in zip(generator.norms, statistics, strict=True):
        norm.mean.assign(mean)
        norm.variance.assign(variance)
