"""Leak schedules: closed forms, what contradicts itself, and what both solvers make of them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from inversion.solvers.problems import PROBLEMS

from tfinv.errors import UserError
from tfinv.inversion.solvers import SOLVERS, Status
from tfinv.inversion.solvers.leak import SCHEDULES, leak_at, leak_schedule, leak_steps

BUDGET = 20


def leaks_of(solver) -> np.ndarray:
    """The leak with which each row's evaluations were made, [steps, rows]."""
    seen = []

    def evaluate(code, leak):
        seen.append(leak.numpy())
        return PROBLEMS["curved"].evaluate(code, leak)

    state = solver.init(tf.constant(PROBLEMS["curved"].start))
    while (state.status.numpy() == Status.RUNNING).any():
        state = solver.step(state, evaluate)
    return np.array(seen)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("off", [0, 0, 0, 0]),
        ("fixed", [0.5, 0.5, 0.5, 0.5]),
        ("decaying", [0.5, 0.05, 0.0005, 0.5 * 10**-4.5]),
        ("stepped", [0.5, 0.5, 0.5, 0]),
    ],
)
def test_the_leak_after_a_share_of_the_budget(schedule, expected):
    share = tf.constant([0.0, 0.2, 0.6, 0.9])
    np.testing.assert_allclose(leak_at(schedule, 0.5, share), expected, rtol=1e-5)
    later = leak_at("stepped", 0.5, share, 0.1)
    np.testing.assert_allclose(later, [0.5, 0, 0, 0])


def test_steps_follow_the_curve_and_end_with_the_budget():
    for schedule in SCHEDULES:
        steps = leak_steps(schedule, 0.5)
        assert steps[-1].until == 1.0
        assert [s.until for s in steps] == sorted({s.until for s in steps})
        begins = [0.0, *(step.until for step in steps[:-1])]
        curve = leak_at(schedule, 0.5, tf.constant(begins))
        np.testing.assert_allclose([s.leak for s in steps], curve, atol=1e-4)
        assert leak_steps(schedule, 0.0) == leak_steps("off", 0.5)
    assert len(leak_steps("decaying", 0.5)) == 5 and leak_steps("decaying", 0.5)[-1].leak == 0.0


@pytest.mark.parametrize("name", sorted(SOLVERS))
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_solvers_evaluate_with_the_leak_that_is_asked_for(name, schedule):
    leaks = leaks_of(SOLVERS[name](max_evaluations=BUDGET, leak=0.5, leak_schedule=schedule))
    assert len(leaks) <= BUDGET and (np.diff(leaks, axis=0) <= 0).all()
    np.testing.assert_allclose(leaks[0], 0.0 if schedule == "off" else 0.5)
    last = {"off": 0.0, "stepped": 0.0, "fixed": 0.5, "decaying": 0.0}[schedule]
    np.testing.assert_allclose(leaks[-1], last, atol=1e-4)
    if name == "adam":
        share = tf.range(BUDGET, dtype=tf.float32) / BUDGET
        np.testing.assert_allclose(leaks[:, 0], leak_at(schedule, 0.5, share), rtol=1e-5)
    if name == "lbfgs":
        steps = {np.float32(step.leak) for step in leak_steps(schedule, 0.5)}
        assert set(leaks.ravel()) == steps


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_what_is_not_asked_for_is_as_it_was(name):
    schedule = {"adam": "decaying", "lbfgs": "stepped"}[name]
    solver = SOLVERS[name](max_evaluations=BUDGET)
    assert solver == SOLVERS[name](max_evaluations=BUDGET, leak_schedule=schedule)


def test_what_a_user_asks_for():
    assert leak_schedule(None, None) == (None, None)
    assert leak_schedule("fixed", None) == ("fixed", None)
    assert leak_schedule(None, 0.2) == (None, 0.2)
    assert leak_schedule("off", None) == leak_schedule(None, 0.0) == ("off", 0.0)
    assert leak_schedule("off", 0.0) == ("off", 0.0)


@pytest.mark.parametrize(
    ("schedule", "leak", "words"),
    [
        ("falling", None, ["'falling'", *SCHEDULES]),
        (None, 1.5, ["1.5", "0 to 1"]),
        ("off", 0.1, ["off", "0.1", "contradict"]),
        ("decaying", 0.0, ["decaying", "nothing to do"]),
    ],
)
def test_what_contradicts_itself(schedule, leak, words):
    with pytest.raises(UserError) as raised:
        leak_schedule(schedule, leak)
    assert all(word in str(raised.value) for word in words)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
