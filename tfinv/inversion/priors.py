"""Terms that keep a code where the generator was trained to draw well."""

from __future__ import annotations

import tensorflow as tf

from tfinv.inversion.trial import Trial

__all__ = ["delta", "likelihood"]


def likelihood(trial: Trial) -> tf.Tensor:
    """Gaussian log-likelihood prior on z: |z|^2 / 2 (thesis, section 6.2.2).

    The negative log-likelihood of z under N(0, I), shifted so that its least value is 0.

    Returns:
      float32 [B] in [0, inf); about latent_size / 2 for a z drawn from the prior.
    """
    return 0.5 * tf.reduce_sum(tf.square(trial.latent), 1)


def delta(trial: Trial) -> tf.Tensor:
    """L1 norm of delta = h - g1(z*), which favours few changed units (thesis, section 6.3.1).

    Returns:
      float32 [B] in [0, inf); 0 where z reaches.
    """
    return tf.reduce_sum(tf.abs(trial.code - trial.anchor), 1)
