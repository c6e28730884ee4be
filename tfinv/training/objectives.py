"""What critic and generator minimise: WGAN-GP, or hinge loss with spectral normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

__all__ = ["OBJECTIVES", "Objective", "gradient_penalty"]

Critic = Callable[[tf.Tensor], tf.Tensor]


def gradient_penalty(critic: Critic, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor) -> tf.Tensor:
    """How far the critic's slope is from 1 (Gulrajani et al., 2017, equation 3).

    Args:
      critic: float32 [N, H, W, C] to float32 [N].
      real: float32 [N, H, W, C].
      fake: float32 [N, H, W, C].
      mix: float32 [N, 1, 1, 1] in [0, 1], where between the two the slope is taken.

    Returns:
      float32 scalar, the mean of (|gradient| - 1)^2.
    """
    between = real + mix * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = critic(between)
    gradient = tape.gradient(scores, between)
    # The tiny constant keeps the square root differentiable where the gradient vanishes.
    slope = tf.sqrt(tf.reduce_sum(tf.square(gradient), [1, 2, 3]) + 1e-12)
    return tf.reduce_mean(tf.square(slope - 1.0))


@dataclass(frozen=True)
class Objective:
    """One way to train.

    Attributes:
      critic_loss: (scores of real float32 [N], scores of fake float32 [N]) to a scalar.
      penalty: weight of the gradient penalty; 0 for none.
      spectral_norm: whether the critic's weights are spectrally normalised.
      critic_steps: critic steps for each generator step.
      learning_rate, critic_learning_rate: of Adam, for the generator and for the critic.
      beta_1, beta_2: of Adam, for both.
    """

    critic_loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    penalty: float
    spectral_norm: bool
    critic_steps: int
    learning_rate: float
    critic_learning_rate: float
    beta_1: float
    beta_2: float


def _wasserstein(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(fake) - tf.reduce_mean(real)


def _hinge(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))


# wgan_gp: Gulrajani et al. (2017), algorithm 1, with the betas of the thesis's chapter 5 generator.
# hinge: Miyato et al. (2018), section 4, one critic step and the learning rate of their setting C.
OBJECTIVES = {
    "wgan_gp": Objective(_wasserstein, 10.0, False, 5, 1e-4, 1e-4, 0.0, 0.9),
    "hinge": Objective(_hinge, 0.0, True, 1, 2e-4, 2e-4, 0.5, 0.999),
}
