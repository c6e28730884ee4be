"""Resting units: no picture changes, and the gradient at the hinge is the one-sided derivative."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import tiny

import tfinv
from tfinv.errors import UserError
from tfinv.graph.hinge import Hinge
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.resting import a_hair_open, resting
from tfinv.inversion.solvers import LBFGS, Adam
from tfinv.inversion.solvers.base import unconstrained
from tfinv.inversion.stages import Stage

HINGE = Hinge(np.float32([1.0, -1.0, 0.0]), np.float32([2.0, -1.0, 0.0]), 0.5)


def stage(layer="dense", loss="mse", solver=None, conditional=False):
    split = tiny.loaded(conditional).split(layer)
    return CompiledStage(Stage(layer, Loss.parse(loss), solver or LBFGS()), split)


def test_units_stop_at_their_hinge_on_either_side():
    points = tf.constant([[0.0, 0.0, -9.0, -3.0], [2.0, -2.0, 9.0, 3.0]])
    held = resting(HINGE, unconstrained)(points, tf.zeros(2, tf.int32))
    np.testing.assert_array_equal(held, [[1.0, -1.0, -9.0, -3.0], [2.0, -2.0, 9.0, 3.0]])


def test_a_number_that_is_none_stays_none():
    held = resting(HINGE, unconstrained)(tf.constant([[np.nan, 0.0, 0.0]]), tf.zeros(1, tf.int32))
    assert np.isnan(held[0, 0]) and np.isfinite(held[0, 1:]).all()


def test_a_hair_is_on_the_open_side_and_invisible():
    code = np.float32([[1.0, -1.0, 0.0]])
    moved = a_hair_open(HINGE, tf.constant(code)).numpy() - code
    assert moved[0, 0] > 0 and moved[0, 1] < 0 and moved[0, 2] == 0
    assert np.abs(moved).max() < 1e-5


def test_what_rests_and_what_does_not():
    assert stage().objective.hinge is not None
    assert stage(loss="mse + 1e-6*likelihood").objective.hinge is not None
    assert stage("latent").objective.hinge is None  # z itself is read by a matrix product
    assert stage(solver=Adam()).objective.hinge is None  # the thesis's method
    assert stage(solver=LBFGS(rests=False)).objective.hinge is None
    assert stage(solver=LBFGS(leak_schedule="off")).objective.hinge is not None  # another matter
    for term in ("delta", "projection"):  # they see a unit move that no picture shows
        assert stage(loss=f"mse + 1e-6*{term}").objective.hinge is None
    assert stage(conditional=True).objective.hinge is None  # each class has hinges of its own


def test_the_gradient_at_the_hinge_is_what_opening_the_unit_gains():
    made = stage()
    split, rng = made.split, np.random.default_rng(0)
    code = np.abs(rng.normal(size=(1, 256))).astype(np.float32)
    closed = rng.random(256) < 0.5
    code[:, closed] = made.objective.hinge.at[closed]
    target = tf.constant(rng.random((1, 8, 8, 3)), tf.float32)

    def loss(values):
        drawn = split.draw(tf.reshape(values, [-1, 4, 4, 16]), split.frontier(None, None, count=1))
        return tf.reduce_mean(tf.square(drawn - target), [1, 2, 3])

    x = tf.constant(code)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(a_hair_open(made.objective.hinge, x))
    gradient = tape.gradient(value, x).numpy()[0]
    for unit in np.flatnonzero(closed)[:20]:
        step = 1e-2 * np.sign(made.objective.hinge.gain[unit])
        moved = code.copy()
        moved[0, unit] += step
        slope = (loss(tf.constant(moved)) - loss(x)).numpy()[0] / step
        assert slope == pytest.approx(gradient[unit], abs=2e-5)
        # A closed unit of the generator as it is has no gradient at all.
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    assert (tape.gradient(value, x).numpy()[0][closed] == 0).all()


def test_codes_end_at_the_hinge_or_open_and_draw_what_is_said():
    images = np.random.default_rng(3).random((3, 8, 8, 3)).astype(np.float32)
    inverter = tfinv.Inverter(tiny.loaded(), max_evaluations=(20, 60), batch_size=3)
    result = inverter.run(images)
    split = tiny.loaded().split("dense")
    side = split.hinge.gain * (result.codes.reshape(3, -1) - split.hinge.at)
    assert side.min() == 0 and (side == 0).mean() > 0.02  # some closed, and none beyond
    drawn = split.g2(result.codes).numpy()
    np.testing.assert_array_equal(drawn, result.images)


def test_later_stages_start_open_where_units_rest():
    images = tiny.loaded()(tiny.loaded().sample_latents(2, 5)).numpy()
    seen = {}

    def watch(made, state):
        seen.setdefault(made.layer, state.code.numpy())

    tfinv.Inverter(tiny.loaded(), max_evaluations=3, batch_size=2).run(images, watch)
    hinge = tiny.loaded().split("dense").hinge
    np.testing.assert_array_equal(seen["dense"], np.tile(hinge.open, (2, 1)))


@pytest.mark.parametrize("start", ["open", "generated"])
def test_resting_alone_is_worth_something(start):
    rng = np.random.default_rng(1)
    images = rng.random((4, 8, 8, 3)).astype(np.float32)  # noise: every unit is needed somewhere
    rmse = {}
    for closed_units in ("rest", "free"):
        inverter = tfinv.Inverter(
            tiny.loaded(),
            "dense",
            start=start,
            max_evaluations=40,
            batch_size=4,
            closed_units=closed_units,
        )
        rmse[closed_units] = inverter.run(images).rmse.mean()
    assert rmse["rest"] < 0.99 * rmse["free"]


def test_what_closed_units_cannot_do():
    with pytest.raises(UserError, match="rest or be free"):
        tfinv.Inverter(tiny.loaded(), closed_units="sleep")
    with pytest.raises(UserError, match="adam leaves closed units free"):
        tfinv.Inverter(tiny.loaded(), closed_units="rest", solver="adam")
    assert not tfinv.Inverter(tiny.loaded(), closed_units="free", solver="adam").rests[1]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
