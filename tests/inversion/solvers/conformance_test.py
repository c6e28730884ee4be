"""Every solver on every problem, and what every solver promises."""

import itertools
import sys

import numpy as np
import pytest
import tensorflow as tf
from inversion.solvers.problems import PROBLEMS, ROWS, Problem

from tfinv.inversion.solvers import SOLVERS, Status
from tfinv.inversion.solvers.base import unconstrained

BUDGET = 600
SOLVERS_UNDER_TEST = {
    name: solver(max_evaluations=BUDGET) for name, solver in sorted(SOLVERS.items())
}


def minimise(solver, problem, constrain=unconstrained):
    """Runs a solver to its end; the loop is compiled as the engine compiles it."""

    @tf.function(jit_compile=True, autograph=False)
    def loop(start):
        def goes_on(step, state):
            return (step < BUDGET + 5) & tf.reduce_any(state.status == int(Status.RUNNING))

        def body(step, state):
            return step + 1, solver.step(state, problem.evaluate, constrain)

        return tf.while_loop(goes_on, body, (0, solver.init(start)))[1]

    return loop(tf.constant(problem.start))


@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
@pytest.mark.parametrize("name", SOLVERS_UNDER_TEST)
def test_every_solver_on_every_problem(name, problem):
    problem = PROBLEMS[problem]
    state = minimise(SOLVERS_UNDER_TEST[name], problem)
    finite = np.isfinite(problem.reaches)
    assert (state.best_loss.numpy()[finite] <= problem.reaches[finite]).all(), state.best_loss
    assert (state.status.numpy() != Status.RUNNING).all()
    assert (state.evaluations.numpy() <= BUDGET).all()
    # The best loss is that of the best code, not one remembered from somewhere else.
    again = problem.loss(state.best_code, tf.zeros([ROWS])).numpy()
    good = np.isfinite(state.best_loss.numpy())
    np.testing.assert_allclose(again[good], state.best_loss.numpy()[good], rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("name", SOLVERS_UNDER_TEST)
def test_a_row_that_is_not_finite_fails_and_changes_no_other(name):
    bad, good = PROBLEMS["one bad row"], PROBLEMS["one bad row"]
    state = minimise(SOLVERS_UNDER_TEST[name], bad)
    assert state.status.numpy()[1] == Status.DIVERGED
    assert np.isinf(state.best_loss.numpy()[1])
    # Row 2 runs into a wall: what it had before is kept, and it is not called failed.
    assert np.isfinite(state.best_loss.numpy()[2])
    assert state.status.numpy()[2] != Status.DIVERGED

    healthy = good.__class__(
        good.start, lambda x, leak: tf.reduce_mean(tf.square(x - 0.5), 1), good.reaches
    )
    alone = minimise(SOLVERS_UNDER_TEST[name], healthy)
    for row in (0, 3):
        np.testing.assert_array_equal(alone.best_code[row], state.best_code[row])


@pytest.mark.parametrize("name", SOLVERS_UNDER_TEST)
def test_a_finished_row_no_longer_changes(name):
    solver, problem = SOLVERS_UNDER_TEST[name], PROBLEMS["convex"]
    state = solver.step(solver.init(tf.constant(problem.start)), problem.evaluate)
    status = [int(Status.CONVERGED), 0, int(Status.STALLED), 0]
    state = state._replace(status=tf.constant(status))
    after = solver.step(state, problem.evaluate)
    for row in (0, 2):
        assert after.status[row] == status[row]
        assert after.evaluations[row] == state.evaluations[row]
        assert after.best_loss[row] == state.best_loss[row]
        np.testing.assert_array_equal(after.best_code[row], state.best_code[row])
    assert (after.evaluations.numpy()[[1, 3]] == 2).all()


@pytest.mark.parametrize("name", SOLVERS_UNDER_TEST)
def test_every_solver_keeps_to_a_constraint_and_ends_in_the_best_corner(name):
    box, draws = 0.1, []

    def constrain(points, draw):
        draws.append(draw)
        return tf.clip_by_value(points, -box, box)

    def inside(code, leak):
        loss = tf.reduce_mean(tf.square(code - 0.5), 1)
        return tf.where(tf.reduce_all(tf.abs(code) <= box, 1), loss, np.nan)

    start = np.clip(PROBLEMS["convex"].start, -box, box)
    solver, problem = SOLVERS_UNDER_TEST[name], Problem(start, inside, np.full(ROWS, 1.0))
    state = minimise(solver, problem, constrain)
    assert (state.status.numpy() != Status.STALLED).all()  # where a loss outside, NaN, ends Adam
    assert np.abs(state.code).max() <= np.float32(box)
    np.testing.assert_allclose(state.best_code, box, rtol=1e-4)
    assert draws[0].shape == [ROWS] and draws[0].dtype == tf.int32


def nonnegative_least_squares(matrix, target):
    """The true minimum: of all sets of numbers that are free, the best that leaves none below 0."""
    best = np.inf
    for free in itertools.product([False, True], repeat=matrix.shape[1]):
        columns = matrix[:, np.asarray(free)]
        found = np.linalg.lstsq(columns, target, rcond=None)[0]
        if (found >= 0).all():
            best = min(best, np.mean((columns @ found - target) ** 2))
    return best


@pytest.mark.parametrize("name", SOLVERS_UNDER_TEST)
def test_every_solver_finds_the_minimum_on_the_edge_of_a_constraint(name):
    """The numbers are coupled: what is left of a step that leads out need not lead down."""
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((ROWS, 9, 6)).astype(np.float32)
    targets = rng.standard_normal((ROWS, 9)).astype(np.float32)
    truth = np.array(
        [nonnegative_least_squares(*pair) for pair in zip(matrices, targets, strict=True)]
    )

    def loss(code, leak):
        drawn = tf.linalg.matvec(tf.constant(matrices), code)
        return tf.reduce_mean(tf.square(drawn - targets), 1)

    problem = Problem(np.full((ROWS, 6), 0.7, np.float32), loss, truth)
    state = minimise(SOLVERS_UNDER_TEST[name], problem, lambda x, draw: tf.maximum(x, 0.0))
    at_edge = state.best_code.numpy() == 0
    assert at_edge.any(1).all() and state.best_code.numpy().min() == 0
    np.testing.assert_allclose(state.best_loss, truth, rtol=2e-3)


@pytest.mark.parametrize("name", SOLVERS_UNDER_TEST)
def test_compiled_and_plain_agree(name):
    solver, problem = SOLVERS_UNDER_TEST[name], PROBLEMS["convex"]
    state = solver.init(tf.constant(problem.start))
    plain = compiled = state
    step = tf.function(lambda s: solver.step(s, problem.evaluate), jit_compile=True)
    for _ in range(8):
        plain, compiled = solver.step(plain, problem.evaluate), step(compiled)
    np.testing.assert_allclose(plain.best_code, compiled.best_code, atol=1e-4)


@pytest.mark.parametrize("name", SOLVERS_UNDER_TEST)
def test_the_leak_opens_units_that_the_true_gradient_cannot(name):
    problem = PROBLEMS["dead ReLU"]
    with_leak = minimise(SOLVERS_UNDER_TEST[name], problem)
    without = minimise(SOLVERS[name](max_evaluations=BUDGET, leak=0.0), problem)
    assert (with_leak.best_loss.numpy() < 1e-2).all()
    np.testing.assert_allclose(without.best_loss, 1.0)  # closed units stay closed


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
