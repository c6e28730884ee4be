"""Frames that are solved together: the coupled loss, its gradient, and what it does."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import hierarchical, tiny

from tfinv.inversion.coupled import CoupledStage, smooth_l1
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import SOLVERS
from tfinv.inversion.solvers.base import Status
from tfinv.inversion.stages import Batch, Stage
from tfinv.inversion.unknowns import take_apart

FRAMES = 4


def made(generator, layer, solver="lbfgs", budget=60, loss="mse", **more):
    stage = Stage(layer, Loss.parse(loss), SOLVERS[solver](max_evaluations=budget, **more))
    return CoupledStage(stage, generator.split(layer, ("latent",)))


def frames_of(generator, labels=None, count=FRAMES):
    """Pictures of latents in a row, and those latents."""
    ends = np.random.default_rng(5).standard_normal((2, generator.latent_size))
    share = np.linspace(0, 1, count)[:, None]
    z = ((1 - share) * ends[0] + share * ends[1]).astype(np.float32)
    return generator(z, labels), z


def batch_of(stage, targets, z, labels=None):
    split = stage.split
    code = split.g1(z, labels)
    return Batch(targets, tf.constant(z), labels, code, code, stage.references(targets))


def rows_and_loss(stage, batch, points, last, there, weight):
    """What the objective makes of points [k, R], and the gradient that TensorFlow takes of it."""
    together, each = stage.objective, stage.objective.each
    references = dict(batch.references)
    references |= {
        "coupled:last": tf.constant(last),
        "coupled:there": tf.constant(np.asarray(there, np.float32)),
        "coupled:weight": tf.constant(weight, tf.float32),
    }
    frontier = stage.frontier(batch)
    evaluate = together.evaluate(batch.targets, references, batch.anchors, frontier)
    found = evaluate(tf.reshape(tf.constant(points), [1, -1]), tf.zeros(1))
    losses = each.evaluate(batch.targets, {}, batch.anchors, frontier)
    own, gradients = losses(tf.constant(points), tf.zeros(FRAMES))
    return found, own.numpy(), gradients.numpy()


@pytest.mark.parametrize("there", [(True,) * 4, (True, True, False, False)])
def test_the_loss_of_a_row_is_the_sum_over_frames_and_steps(there):
    generator = hierarchical.loaded()
    stage = made(generator, "map:0")
    labels = tf.constant([0, 1, 2, 3])
    targets, z = frames_of(generator, labels)
    batch = batch_of(stage, targets, z, labels)
    rng = np.random.default_rng(0)
    size = int(np.prod(stage.split.code_shape)) + generator.latent_size
    points = rng.standard_normal((FRAMES, size)).astype(np.float32)
    last = rng.standard_normal(size).astype(np.float32)
    (loss, gradient), own, gradients = rows_and_loss(stage, batch, points, last, there, 0.3)

    counts = np.concatenate([np.ones(size - generator.latent_size, bool), stage.split.latent_read])
    assert 0 < stage.split.latent_read.sum() < generator.latent_size
    steps = np.diff(np.concatenate([last[None], points]), axis=0)[:, counts]
    steps = steps[np.asarray(there)]
    kinked = np.sqrt(steps.astype(np.float64) ** 2 + stage.kink**2) - stage.kink
    assert float(loss[0]) == pytest.approx(
        own[np.asarray(there)].sum() + 0.3 * kinked.sum(), rel=1e-5
    )

    expected = gradients * np.asarray(there)[:, None]
    slopes = 0.3 * steps / np.sqrt(steps.astype(np.float64) ** 2 + stage.kink**2)
    for j, slope in enumerate(slopes):
        expected[j, counts] += slope
        if j:
            expected[j - 1, counts] -= slope
    np.testing.assert_allclose(gradient.numpy().reshape(FRAMES, -1), expected, atol=1e-5)


def test_the_norm_is_nearly_that_of_l1_and_its_slope_is_taken_by_tensorflow():
    steps = tf.constant([-3.0, -1e-3, 0.0, 1e-4, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(steps)
        values, slopes = smooth_l1(steps, 1e-3)
    np.testing.assert_allclose(values, np.abs(steps), atol=1e-3)
    np.testing.assert_allclose(tape.gradient(values, steps), slopes, atol=1e-6)
    assert float(values[2]) == float(slopes[2]) == 0.0


@pytest.mark.parametrize("layer", ["latent", "dense"])
def test_a_heavier_weight_makes_smaller_steps(layer):
    generator = tiny.loaded()
    stage = made(generator, layer, budget=80)
    targets, z = frames_of(generator)
    start = np.repeat(z[:1], FRAMES, 0)
    batch = batch_of(stage, targets, start)
    last = stage.split.g1(z[:1]).numpy().reshape(-1)
    sizes = []
    for weight in (0.0, 1e-4, 1e3):
        solved = stage.solve(batch, last, [True] * FRAMES, weight)
        assert solved.status is not Status.RUNNING and 0 < solved.evaluations <= 80
        sizes.append(np.abs(np.diff(solved.rows, axis=0)).sum())
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[2] < 1e-2 * sizes[0]
    # They keep to the frame before too; its units beyond where they close count as resting there.
    hinge = stage.split.hinge
    if hinge is not None:
        last = np.where(hinge.gain * (last - hinge.at) < 0, hinge.at, last)
    np.testing.assert_allclose(solved.rows[0], last, atol=0.02)


@pytest.mark.parametrize("solver", SOLVERS)
def test_frames_that_are_not_there_change_nothing(solver):
    generator = tiny.loaded()
    stage = made(generator, "dense", solver, budget=30)
    targets, z = frames_of(generator)
    last = stage.split.g1(z[:1]).numpy().reshape(-1)
    found = []
    for filler in (0.0, np.nan):
        padded = tf.concat([targets[:3], tf.fill(targets[3:].shape, np.float32(filler))], 0)
        batch = batch_of(stage, padded, np.repeat(z[:1], FRAMES, 0))
        solved = stage.solve(batch, last, [True, True, True, False], 1e-5)
        found.append(solved.rows[:3])
    np.testing.assert_array_equal(*found)


def test_without_the_term_frames_know_nothing_of_each_other_but_share_their_steps():
    generator = tiny.loaded()
    stage = made(generator, "dense", budget=200, tolerance=1e-6)
    targets, z = frames_of(generator)
    batch = batch_of(stage, targets, np.repeat(z[:1], FRAMES, 0))
    last = stage.split.g1(z[:1]).numpy().reshape(-1)
    rows = stage.solve(batch, last, [True] * FRAMES, 0.0).rows
    codes = tf.reshape(
        take_apart(stage.split, tf.constant(rows))["code"], [FRAMES, *stage.split.code_shape]
    )
    errors = np.sqrt(np.mean((stage.split.g2(codes).numpy() - targets.numpy()) ** 2, (1, 2, 3)))
    assert errors.max() < 0.02


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
