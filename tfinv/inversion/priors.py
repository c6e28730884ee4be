"""Terms that keep a code where the generator was trained to draw well."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfinv.generators.split import Split
from tfinv.inversion.trial import Trial

__all__ = ["chi_square", "delta", "likelihood"]

_LEAST = 1e-12  # squared norm below which a chunk counts as 0, whose logarithm is -inf


def likelihood(trial: Trial) -> tf.Tensor:
    """Gaussian log-likelihood prior on z: |z|^2 / 2 (thesis, section 6.2.2).

    The negative log-likelihood of z under N(0, I), shifted so that its least value is 0.

    Returns:
      float32 [B] in [0, inf); about latent_size / 2 for a z drawn from the prior.
    """
    return 0.5 * tf.reduce_sum(tf.square(trial.latent), 1)


def chi_square(split: Split) -> Callable[[Trial], tf.Tensor]:
    """Prior on how long z is: |z|^2 is chi-square distributed (thesis, section 6.2.2, L_norm).

    In high dimensions nearly every z of N(0, I) is about as long as every other, and none is near
    0, where `likelihood` pulls. With q = |z|^2 of one chunk of d numbers, the negative
    log-likelihood of q, shifted so that its least value, at q = d - 2, is 0:

        (q - (d - 2)) / 2 - (d - 2) / 2 * log(q / (d - 2))

    A chunk of one or two numbers has its mode at q = 0 (the density of one even has a pole there,
    and its negative log-likelihood no least value): it has q / 2, which is the formula for d = 2.

    Args:
      split: whose chunks of z each have a length of their own: BigGAN's blocks each read one.

    Returns:
      A Trial to float32 [B] in [0, inf) up to rounding, the sum over the chunks; about half the
      number of chunks for a z drawn from the prior. Finite at z = 0.
    """
    sizes = [stop - start for start, stop in split.chunks]
    modes = [max(size - 2.0, 0.0) for size in sizes]

    def value(trial: Trial) -> tf.Tensor:
        parts = []
        for part, mode in zip(tf.split(trial.latent, sizes, 1), modes, strict=True):
            q = tf.reduce_sum(tf.square(part), 1)
            if mode:
                ratio = tf.maximum(q, _LEAST) / mode
                parts.append(0.5 * (q - mode) - 0.5 * mode * tf.math.log(ratio))
            else:
                parts.append(0.5 * q)
        return tf.add_n(parts)

    return value


def delta(trial: Trial) -> tf.Tensor:
    """L1 norm of delta = h - g1(z*), which favours few changed units (thesis, section 6.3.1).

    Returns:
      float32 [B] in [0, inf); 0 where z reaches.
    """
    return tf.reduce_sum(tf.abs(trial.code - trial.anchor), 1)
