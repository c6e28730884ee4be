"""Constraints: the box holds, draws are each image's own, and the best inside is found."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import hierarchical, tiny

import tfinv
from tfinv.errors import UserError
from tfinv.inversion.constraints import (
    CONSTRAINTS,
    Constraint,
    constrained,
    find_constraint,
    streams,
)
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import LBFGS, SOLVERS
from tfinv.inversion.stages import Stage

COUNT, BOUND = 4, 0.7


def hold(name: str, points: np.ndarray, draw: int, seed: int = 0, first: int = 0) -> np.ndarray:
    """Points at the latent of the tiny generator, after the constraint."""
    keys = tf.constant(streams(range(first, first + len(points)), seed))
    apply = constrained(Constraint(name, BOUND), tiny.loaded().split("latent"), keys)
    return apply(tf.constant(points), tf.fill([len(points)], draw)).numpy()


def points(rows: int = 500, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return scale * rng.standard_normal((rows, tiny.LATENT)).astype(np.float32)


def test_clipping_is_that_of_numpy():
    np.testing.assert_array_equal(hold("clip", points(), 3), np.clip(points(), -BOUND, BOUND))


def test_what_is_outside_is_drawn_uniformly_and_what_is_inside_stays():
    from scipy.stats import kstest

    z = points()
    held, inside = hold("stochastic_clip", z, 3), np.abs(z) <= BOUND
    np.testing.assert_array_equal(held[inside], z[inside])
    assert kstest(held[~inside], "uniform", [-BOUND, 2 * BOUND]).pvalue > 0.01
    assert np.abs(held).max() <= BOUND
    np.testing.assert_array_equal(hold("stochastic_clip", z, 0), np.clip(z, -BOUND, BOUND))


def test_draws_of_rows_columns_and_points_have_nothing_in_common():
    far = np.full((400, tiny.LATENT), 9.0, np.float32)
    draws = np.stack([hold("stochastic_clip", far, k) for k in (1, 2, 3)])
    table = draws.transpose(0, 2, 1).reshape(-1, 400)  # each draw and column, over the images
    correlations = np.corrcoef(table) - np.eye(len(table))
    assert np.abs(correlations).max() < 5 / np.sqrt(400)
    neighbours = np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(draws.size)
    assert len(np.unique(draws)) > 0.999 * draws.size


def test_a_draw_is_the_images_own_and_that_of_its_seed():
    far = np.full((6, tiny.LATENT), 9.0, np.float32)
    whole = hold("stochastic_clip", far, 5)
    np.testing.assert_array_equal(hold("stochastic_clip", far[:2], 5, first=3), whole[3:5])
    assert not np.any(hold("stochastic_clip", far, 5, seed=1) == whole)


def test_a_number_that_is_not_finite_is_not_mended():
    z = np.array([[np.nan, np.inf, -np.inf, 9, -9, 0, 0, 0]], np.float32)
    for name in CONSTRAINTS:
        held = hold(name, z, 1)[0]
        np.testing.assert_array_equal(held[:3], z[0, :3])
        assert np.abs(held[3:]).max() <= BOUND


@functools.cache
def planted() -> np.ndarray:
    """Pictures of latents of which many numbers are outside."""
    return tiny.loaded()(tiny.loaded().sample_latents(COUNT, 7)).numpy()


@functools.cache
def found(name: str, solver: str, batch_size: int = COUNT) -> tfinv.InversionResult:
    inverter = tfinv.Inverter(
        tiny.loaded(),
        "latent",
        constraint=f"{name}:{BOUND}",
        solver=solver,
        batch_size=batch_size,
        max_evaluations=200,
    )
    return inverter.run(planted())


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_what_is_found_is_inside_from_any_start(name, solver):
    assert np.abs(found(name, solver).latents).max() <= BOUND
    assert np.abs(tiny.loaded().sample_latents(COUNT, 7)).max() > 2 * BOUND


def test_a_code_behind_the_latent_is_not_constrained():
    options = {"solver": "adam", "max_evaluations": 30, "batch_size": COUNT}
    result = tfinv.Inverter(tiny.loaded(), constraint="clip:0.1", **options).run(planted())
    latent, dense = result.stages
    assert np.abs(latent.latents).max() <= np.float32(0.1) and np.abs(dense.codes).max() > 1
    assert (dense.rmse < latent.rmse).all()


@functools.cache
def best_inside() -> np.ndarray:
    """The least RMSE in the box, by SciPy's solver for boxes, from two starts; float [COUNT]."""
    from scipy.optimize import minimize

    split, best = tiny.loaded().split("latent"), []
    for image in planted():

        def loss(z, image=image):
            z = tf.constant(z[None], tf.float32)
            with tf.GradientTape() as tape:
                tape.watch(z)
                value = tf.reduce_mean(tf.square(split.g2(z)[0] - image))
            return float(value), tape.gradient(value, z).numpy()[0].astype(float)

        starts = np.random.default_rng(0).uniform(-BOUND, BOUND, [2, tiny.LATENT])
        ends = [
            minimize(loss, z, jac=True, method="L-BFGS-B", bounds=[(-BOUND, BOUND)] * tiny.LATENT)
            for z in starts
        ]
        best.append(min(end.fun for end in ends) ** 0.5)
    return np.array(best)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_the_best_inside_is_found(name, solver):
    rmse, truth = found(name, solver).rmse, best_inside()
    # Adam's steps outside are drawn anew to the end, so that it never settles at a bound.
    slack = 2.0 if (name, solver) == ("stochastic_clip", "adam") else 1.02
    assert (rmse < slack * truth + 1e-3).all() and (rmse > 0.98 * truth - 1e-3).all()


def test_neighbours_and_batches_decide_nothing():
    whole, parted = (found("stochastic_clip", "adam", size) for size in (COUNT, 3))
    np.testing.assert_allclose(parted.rmse, whole.rmse, atol=2e-3)
    np.testing.assert_allclose(parted.codes[3], whole.codes[3], atol=0.02)


def test_of_a_latent_beside_the_code_only_what_is_read_is_held():
    generator = hierarchical.loaded()
    z, labels = 3 * generator.sample_latents(COUNT, 7), generator.sample_labels(COUNT, 7)
    options = {"labels": labels, "solver": "adam", "max_evaluations": 30, "batch_size": COUNT}
    start = tfinv.inversion.starts.stored(z)
    result = tfinv.Inverter(generator, "dense", constraint="clip:1", start=start, **options).run(
        generator(z, labels).numpy()
    )
    chunk = hierarchical.CHUNK
    np.testing.assert_array_equal(result.latents[:, :chunk], z[:, :chunk])
    assert np.abs(result.latents[:, chunk:]).max() <= 1 < np.abs(z[:, chunk:]).max()
    assert np.abs(result.codes).max() > 1


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("clip:2", Constraint("clip", 2.0)),
        ("stochastic_clip:.5", Constraint("stochastic_clip", 0.5)),
    ],
)
def test_text_and_back(text, constraint):
    assert find_constraint(text) == constraint == find_constraint(str(constraint))


@pytest.mark.parametrize(
    "text", ["", "clip", "clip:", "clip:0", "clip:-1", "clip:nan", "clip:inf", "clip:x", "box:1"]
)
def test_text_that_is_no_constraint(text):
    with pytest.raises(UserError) as raised:
        find_constraint(text)
    assert repr(text) in str(raised.value) and "clip:" in str(raised.value)


def test_a_constraint_that_holds_nothing_is_refused():
    with pytest.raises(UserError, match="none of its stages optimises"):
        tfinv.Inverter(tiny.loaded(), "dense", constraint="clip:1")
    own = Stage("dense", Loss.of("mse"), LBFGS(), constraint=Constraint("clip", 1.0))
    with pytest.raises(UserError, match="constraint clip:1"):
        tfinv.Inverter(tiny.loaded(), ["latent", own])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
