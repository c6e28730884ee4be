"""Training: the objectives in closed form, resuming, calibration, and what is exported."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.load import load_generator
from tfinv.networks.dcgan import DCGANCritic, DCGANGenerator
from tfinv.training.calibration import calibrate
from tfinv.training.export import export
from tfinv.training.objectives import OBJECTIVES, gradient_penalty
from tfinv.training.run import TrainingRun
from tfinv.training.trainer import Trainer

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)


def small_trainer(objective="hinge", steps=8):
    chosen = OBJECTIVES[objective]
    critic = DCGANCritic(image_size=16, width=4, spectral_norm=chosen.spectral_norm)
    generator = DCGANGenerator(latent_size=6, maps=(4, 4))
    return Trainer(generator, critic, chosen, IMAGES, batch_size=4, steps=steps)


def test_gradient_penalty_of_a_linear_critic():
    w = np.random.default_rng(1).standard_normal((2, 2, 3)).astype(np.float32)
    rng = np.random.default_rng(2)
    real, fake = (tf.constant(rng.standard_normal((5, 2, 2, 3)), tf.float32) for _ in range(2))
    penalty = gradient_penalty(
        lambda x: tf.reduce_sum(x * w, [1, 2, 3]), real, fake, tf.fill([5, 1, 1, 1], 0.3)
    )
    np.testing.assert_allclose(penalty, (np.linalg.norm(w) - 1) ** 2, rtol=1e-4)


def test_gradient_penalty_is_taken_between_real_and_fake():
    seen = []
    real, fake = tf.zeros([1, 1, 1, 1]), tf.fill([1, 1, 1, 1], 8.0)
    gradient_penalty(
        lambda x: seen.append(x.numpy()) or tf.reduce_sum(x, [1, 2, 3]),
        real,
        fake,
        tf.fill([1, 1, 1, 1], 0.25),
    )
    np.testing.assert_allclose(np.ravel(seen[0]), [2.0])


def test_critic_losses_in_closed_form():
    real, fake = tf.constant([2.0, 0.0]), tf.constant([-3.0, 1.0])
    assert float(OBJECTIVES["hinge"].critic_loss(real, fake)) == 0.5 + 1.0
    assert float(OBJECTIVES["wgan_gp"].critic_loss(real, fake)) == -1.0 - 1.0


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_a_resumed_training_is_the_uninterrupted_one(objective, tmp_path):
    whole = small_trainer(objective)
    for _ in range(4):
        losses = whole.train_step()
    assert all(np.isfinite(float(value)) for value in losses.values())
    assert (float(losses["penalty"]) > 0) == (objective == "wgan_gp")

    first = small_trainer(objective)
    first.train_step()
    first.train_step()
    path = tf.train.Checkpoint(trainer=first).save(str(tmp_path / "c"))
    second = small_trainer(objective)
    tf.train.Checkpoint(trainer=second).restore(path).assert_consumed()
    second.train_step()
    second.train_step()
    for a, b in zip(whole.generator.variables, second.generator.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.name)


def test_the_learning_rate_falls_over_the_last_quarter():
    trainer = small_trainer(steps=100)
    factors = [float(trainer.schedule(tf.constant(s, tf.int64))) for s in (0, 75, 90, 100)]
    np.testing.assert_allclose(factors, [1.0, 1.0, 0.4, 0.0], rtol=1e-5)
    trainer.step.assign(90)
    trainer.train_step()
    base = OBJECTIVES["hinge"]
    np.testing.assert_allclose(
        [trainer.generator_optimizer.learning_rate, trainer.critic_optimizer.learning_rate],
        [0.4 * base.learning_rate, 0.4 * base.critic_learning_rate],
        rtol=1e-5,
    )


def test_training_moves_scores_the_right_way():
    trainer = small_trainer(steps=10_000)
    z = tf.random.stateless_normal([8, 6], (5, 5))
    for _ in range(30):
        trainer.train_step()
    real = tf.cast(IMAGES, tf.float32) / 127.5 - 1.0
    critic = trainer.critic
    gap = tf.reduce_mean(critic(real)) - tf.reduce_mean(critic(trainer.generator(z, training=True)))
    fresh = small_trainer()
    first = tf.reduce_mean(fresh.critic(real)) - tf.reduce_mean(
        fresh.critic(fresh.generator(z, training=True))
    )
    assert float(gap) > float(first) + 0.05


def test_calibration_freezes_what_one_large_batch_would_use():
    generator = DCGANGenerator(latent_size=6, maps=(4, 5), seed=3)
    calibrate(generator, samples=40, batch_size=40, seed=7)
    z = tf.random.stateless_normal([40, 6], (7, 0))  # the very latents it was calibrated on
    np.testing.assert_allclose(generator(z), generator(z, training=True), atol=1e-4)


def test_calibration_in_batches_is_calibration_at_once():
    """Statistics add up: two batches give what their union gives, layer by layer."""
    generator = DCGANGenerator(latent_size=6, maps=(4, 5), seed=3)
    calibrate(generator, samples=60, batch_size=30, seed=1)
    z = tf.concat([tf.random.stateless_normal([30, 6], (1, start)) for start in (0, 30)], 0)
    dense = tf.matmul(z, generator.dense).numpy()
    np.testing.assert_allclose(generator.norms[0].mean, dense.mean(0), atol=1e-5)
    np.testing.assert_allclose(generator.norms[0].variance, dense.var(0), rtol=1e-3)


def test_an_exported_generator_reads_back_as_itself(tmp_path):
    generator = DCGANGenerator(latent_size=6, maps=(4, 5), seed=3)
    calibrate(generator, samples=40, batch_size=40)
    export(generator, tmp_path / "g")
    read = load_generator(tmp_path / "g")
    z = read.sample_latents(3)
    np.testing.assert_allclose(2 * read(z) - 1, generator(tf.constant(z)), atol=1e-5)
    assert read.split("dense").code_shape == (16 * 4,)


def test_a_run_stops_goes_on_and_leaves_a_generator(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)

    def sitting(**options):
        return TrainingRun(
            tmp_path / "run", images, critic_width=2, steps=3, batch_size=2, sheet_steps=2
        ).train(**options)

    said = []
    assert not sitting(seconds=0.0, say=said.append)
    assert "0 of 3 steps" in said[0] and "same command" in said[0]
    assert sitting(say=said.append)
    assert (tmp_path / "run/samples/step-0000002.png").exists()
    run = TrainingRun(tmp_path / "run", images, critic_width=2, steps=3, batch_size=2)
    assert run.step == 3
    assert load_generator(run.export()).image_shape == (32, 32, 3)

    with pytest.raises(UserError, match="--critic_width=2, not 3"):
        TrainingRun(tmp_path / "run", images, critic_width=3, steps=3, batch_size=2)


def test_a_run_cannot_live_in_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="choose another --output_dir"):
        TrainingRun(tmp_path / "file", np.zeros((1, 32, 32, 3), np.uint8), critic_width=2)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
