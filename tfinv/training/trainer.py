"""The adversarial training step, as one compiled function of the step number."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfinv.networks.dcgan import DCGANCritic, DCGANGenerator
from tfinv.training.objectives import Objective, gradient_penalty

__all__ = ["Trainer"]


class Trainer(tf.Module):
    """Trains a generator against a critic; everything random comes from (seed, step).

    So a training that was stopped and resumed from its checkpoint draws the batches that the
    uninterrupted one would have drawn. One step is one generator step, after the objective's
    number of critic steps.

    Args:
      generator: the network that is kept.
      critic: the network that teaches it.
      objective: what both minimise.
      images: uint8 [M, H, W, C], all training pictures; half of each batch is mirrored.
      batch_size: pictures a step, real and drawn alike.
      steps: when training ends; the learning rate falls linearly to 0 over the last quarter.
      seed: of batches and latents.
    """

    def __init__(
        self,
        generator: DCGANGenerator,
        critic: DCGANCritic,
        objective: Objective,
        images: np.ndarray,
        *,
        batch_size: int = 64,
        steps: int = 100_000,
        seed: int = 0,
    ):
        super().__init__(name="trainer")
        self.generator, self.critic, self.objective = generator, critic, objective
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._images = tf.constant(images)
        self._batch_size, self._steps, self._seed = batch_size, steps, seed

        def adam(rate: float) -> tf.keras.optimizers.Optimizer:
            return tf.keras.optimizers.Adam(rate, objective.beta_1, objective.beta_2)

        self.generator_optimizer = adam(objective.learning_rate)
        self.critic_optimizer = adam(objective.critic_learning_rate)
        self.generator_optimizer.build(generator.trainable_variables)
        self.critic_optimizer.build(critic.trainable_variables)

    def schedule(self, step: tf.Tensor) -> tf.Tensor:
        """Factor of both learning rates: 1 for three quarters, then linear to 0; float32 scalar."""
        left = 1.0 - tf.cast(step, tf.float32) / float(self._steps)
        return tf.clip_by_value(4.0 * left, 0.0, 1.0)

    @tf.function(jit_compile=False)  # oneDNN's weight gradients are several times faster than XLA's
    def train_step(self) -> dict[str, tf.Tensor]:
        """Takes one step; returns float32 scalars `critic_loss`, `generator_loss`, `penalty`."""
        factor = self.schedule(self.step)
        self.generator_optimizer.learning_rate.assign(factor * self.objective.learning_rate)
        self.critic_optimizer.learning_rate.assign(factor * self.objective.critic_learning_rate)
        for k in range(self.objective.critic_steps):
            critic_loss, penalty = self._critic_step(k)
        generator_loss = self._generator_step()
        self.step.assign_add(1)
        return {"critic_loss": critic_loss, "generator_loss": generator_loss, "penalty": penalty}

    def _seeds(self, purpose: int) -> tf.Tensor:
        return tf.stack([tf.constant(self._seed, tf.int64), self.step * 64 + purpose])

    def _latents(self, purpose: int) -> tf.Tensor:
        shape = [self._batch_size, self.generator.latent_size]
        return tf.random.stateless_normal(shape, self._seeds(purpose))

    def _real(self, purpose: int) -> tf.Tensor:
        seeds, count = self._seeds(purpose), self._images.shape[0]
        picks = tf.random.stateless_uniform([self._batch_size], seeds, 0, count, tf.int32)
        real = tf.cast(tf.gather(self._images, picks), tf.float32) / 127.5 - 1.0
        half = self._batch_size // 2
        return tf.concat([real[:half], tf.reverse(real[half:], [2])], 0)

    def _critic_step(self, k: int) -> tuple[tf.Tensor, tf.Tensor]:
        real = self._real(4 * k)
        fake = self.generator(self._latents(4 * k + 1), training=True)
        with tf.GradientTape() as tape:
            scores = self.critic(tf.concat([real, fake], 0), update=True)
            loss = self.objective.critic_loss(*tf.split(scores, 2))
            penalty = tf.constant(0.0)
            if self.objective.penalty:
                mix = tf.random.stateless_uniform([len(real), 1, 1, 1], self._seeds(4 * k + 2))
                penalty = gradient_penalty(self.critic, real, fake, mix)
                loss += self.objective.penalty * penalty
        _apply(self.critic_optimizer, tape, loss, self.critic.trainable_variables)
        return loss, penalty

    def _generator_step(self) -> tf.Tensor:
        with tf.GradientTape() as tape:
            fake = self.generator(self._latents(63), training=True)
            loss = -tf.reduce_mean(self.critic(fake))
        _apply(self.generator_optimizer, tape, loss, self.generator.trainable_variables)
        return loss


def _apply(optimizer, tape: tf.GradientTape, loss: tf.Tensor, variables) -> None:
    optimizer.apply(tape.gradient(loss, variables), variables)
