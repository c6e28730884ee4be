"""Where stages begin, and the engine's restarts: on the tiny generator, against what is drawn."""

from __future__ import annotations

import functools
import itertools
import sys
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from generators import tiny
from results import fakes

import tfinv
from tfinv.inversion import begin as subject
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.result import StageResult
from tfinv.inversion.solvers import Adam
from tfinv.inversion.stages import Stage
from tfinv.inversion.starts import STARTS, find_start, nth_seed

COUNT = 4
PHOTOS = np.stack([fakes.smooth(np.random.default_rng(k), tiny.SIDE) for k in range(COUNT)])


@functools.cache
def stage(layer: str, conditional: bool = False) -> CompiledStage:
    plan = Stage(layer, Loss.of("mse"), Adam(max_evaluations=10))
    return CompiledStage(plan, tiny.loaded(conditional).split(layer))


def standing(conditional: bool = False, **found) -> subject.Standing:
    labels = np.arange(COUNT, dtype=np.int32) if conditional else None
    targets = tf.constant(PHOTOS)
    return subject.Standing(targets, {}, list(range(COUNT)), [3] * COUNT, labels, **found)


def mse(images) -> np.ndarray:
    return ((np.asarray(images) - PHOTOS) ** 2).mean((1, 2, 3))


def behind_latent(conditional: bool = False) -> subject.Standing:
    """After a latent stage that has found the latents of the prior with seed 8."""
    split = stage("latent", conditional).split
    latents = tf.constant(STARTS["prior"].latents(split, range(COUNT), 8))
    return standing(conditional, split=split, latents=latents, codes=latents)


@pytest.mark.parametrize(
    ("name", "conditional"),
    # Where each class closes units elsewhere, there is no hinge, and so no start open.
    [("open", False), *itertools.product(["before", *sorted({*STARTS} - {"open"})], [False, True])],
)
def test_a_later_stage(name, conditional):
    at, made = behind_latent(conditional), stage("dense", conditional)
    batch, spent = subject.begin(made, find_start(name), at)
    assert spent == 0
    fresh = STARTS["small" if name == "small" else "prior"].latents(made.split, range(COUNT), 3)
    keeps = name in ("before", "positive", "open", "generated")
    np.testing.assert_array_equal(batch.latents, at.latents if keeps else fresh)
    anchor = made.split.g1(batch.latents, at.labels)
    np.testing.assert_allclose(batch.anchor, anchor, atol=1e-5)
    if name in ("positive", "open"):
        expected = STARTS[name].codes(made.split, range(COUNT), 3)
        assert np.all(tf.nn.relu(expected) > 0)
    else:
        expected = made.split.g1(at.latents if name == "before" else fresh, at.labels)
    np.testing.assert_allclose(batch.start, expected, atol=1e-5)


def test_open_units_are_for_pictures_that_are_not_recovered_yet():
    before = stage("latent").split
    latents = STARTS["prior"].latents(before, range(COUNT), 8)
    rmse = np.array([0.3, 0.001, np.nan, 0.02])
    found = StageResult(
        "latent", latents, latents, PHOTOS, rmse, rmse, np.zeros(COUNT), ("",) * COUNT
    )
    made = stage("dense")
    batch, _ = subject.begin(made, find_start("open"), standing().after(before, found))
    opened = made.split.hinge.open.reshape(made.split.code_shape)
    np.testing.assert_array_equal(batch.start.numpy()[[0, 2, 3]], [opened] * 3)
    np.testing.assert_allclose(batch.start[1], made.split.g1(latents)[1], atol=1e-6)


@pytest.mark.parametrize("conditional", [False, True])
def test_the_best_of_several_has_the_least_loss_of_each_image(conditional):
    at, made = standing(conditional), stage("latent", conditional)
    batch, spent = subject.begin(made, find_start("best:6"), at)
    generator = tiny.loaded(conditional)
    seeds = [nth_seed(3, k, 1) for k in range(6)]
    tried = [STARTS["prior"].latents(made.split, range(COUNT), seed) for seed in seeds]
    losses = np.array([mse(generator(z, at.labels)) for z in tried])
    best = losses.argmin(0)
    assert spent == 6 and len(set(best)) > 1  # or the images could as well be tied together
    np.testing.assert_array_equal(batch.start, [tried[k][row] for row, k in enumerate(best)])
    np.testing.assert_allclose(made.objective.losses(batch), losses.min(0), rtol=1e-4)


def test_rows_tried_again_have_streams_of_their_own():
    tries = [nth_seed(3, attempt) for attempt in (1, 2, 1)]
    at = replace(standing(), indices=[2, 2, 0], seeds=tries)
    batch, _ = subject.begin(stage("latent"), STARTS["prior"], at)
    for row, (index, attempt) in enumerate(zip([2, 2, 0], [1, 2, 1], strict=True)):
        own = STARTS["prior"].latents(stage("latent").split, [index], nth_seed(3, attempt))
        np.testing.assert_array_equal(batch.start[row], own[0])
    assert len(np.unique(batch.keys)) == 3


def test_no_candidate_of_one_attempt_is_one_of_another():
    seen = {nth_seed(nth_seed(3, k), n, 1) for k in range(8) for n in range(8)}
    assert len(seen) == 64


def samples(count: int) -> np.ndarray:
    generator = tiny.loaded()
    return generator(generator.sample_latents(count, 11)).numpy()


@functools.cache
def recovered(restarts: int, size: int) -> tfinv.InversionResult:
    """Samples at the latent with too few evaluations for one attempt to be enough."""
    return tfinv.Inverter(
        tiny.loaded(),
        "latent",
        restarts=restarts,
        max_evaluations=11,
        batch_size=size,
    ).run(samples(8))


def test_restarts_recover_what_one_attempt_did_not():
    once, more = recovered(0, 8), recovered(3, 8)
    good = once.rmse < 0.02
    assert 0 < good.sum() < 8  # there are both kinds
    np.testing.assert_array_equal(more.codes[good], once.codes[good])
    np.testing.assert_array_equal(more.evaluations[good], once.evaluations[good])
    assert (more.rmse < 0.02).sum() > good.sum() and np.all(more.rmse <= once.rmse)
    assert np.all(more.evaluations[~good] > once.evaluations[~good])
    truth = np.sqrt(((more.images - samples(8)) ** 2).mean((1, 2, 3)))
    np.testing.assert_allclose(more.rmse, truth, atol=1e-6)
    np.testing.assert_allclose(more.stages[0].losses, truth**2, atol=1e-5)


def test_neither_batch_size_nor_neighbours_decide_a_restart():
    whole, parts = recovered(3, 8), recovered(3, 3)
    np.testing.assert_allclose(parts.rmse, whole.rmse, atol=2e-3)
    np.testing.assert_array_equal(parts.evaluations, whole.evaluations)


def test_the_best_of_several_is_tried_again_too():
    few = {"solver": "adam", "max_evaluations": 5, "batch_size": 4}
    inverter = tfinv.Inverter(tiny.loaded(), "latent", start="best:3", restarts=2, **few)
    assert list(inverter.run(samples(4)).evaluations) == [3 * (5 + 3)] * 4  # too few for any


def test_later_stages_go_on_from_what_restarts_found():
    few = {"solver": "adam", "max_evaluations": 5, "batch_size": 3}
    latent, dense = tfinv.Inverter(tiny.loaded(), restarts=2, **few).run(samples(4)).stages
    assert list(latent.evaluations) == [15] * 4 and list(dense.evaluations) == [5] * 4
    assert np.all(dense.rmse <= latent.rmse + 1e-6)  # the first point is where latent ended
    np.testing.assert_array_equal(dense.latents, latent.codes)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
