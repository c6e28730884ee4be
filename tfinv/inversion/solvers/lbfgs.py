"""L-BFGS in which every step is one evaluation of every image, and no image waits for another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from tfinv.inversion.solvers.base import Constrain, Evaluate, Status, column, unconstrained
from tfinv.inversion.solvers.curvature import (
    Curvature,
    forget,
    newton_direction,
    nothing_known,
    remember,
)
from tfinv.inversion.solvers.leak import HELD, STEPPED, LeakStep, leak_steps

__all__ = ["LBFGS", "LBFGSState"]

_ARMIJO = 1e-4  # share of the predicted decrease that a step must reach (Nocedal & Wright, 3.1)
_SHORTEST, _LONGEST = 0.1, 0.5  # bounds of a shortened step, as shares of the one that failed
_TRIES = 8  # failed trials in one direction before curvature is forgotten
_PROBE = 1e-3  # how far beyond a point a constraint is felt, relative to its size
_WINDOW = 20  # accepted steps over which progress is judged: single ones are often small


class LBFGSState(NamedTuple):
    """One row for each image; see `SolverState` for the first four."""

    status: tf.Tensor
    evaluations: tf.Tensor
    best_code: tf.Tensor
    best_loss: tf.Tensor
    code: tf.Tensor  # float32 [B, D], the last accepted
    loss: tf.Tensor  # float32 [B], there; +inf before the first evaluation
    gradient: tf.Tensor  # float32 [B, D], there
    direction: tf.Tensor  # float32 [B, D]; 0 while `fresh`
    slope: tf.Tensor  # float32 [B], gradient . direction
    length: tf.Tensor  # float32 [B], of the next trial along the direction
    fresh: tf.Tensor  # bool [B]: the gradient at `code` is still to be taken
    tries: tf.Tensor  # int32 [B], failed trials along this direction
    mark: tf.Tensor  # float32 [B], the loss when progress was last judged
    since: tf.Tensor  # int32 [B], accepted steps since then
    stage: tf.Tensor  # int32 [B], which part of the leak's schedule
    curvature: Curvature


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS with a backtracking line search of each image's own.

    Each step evaluates, for every image, one trial point. An image whose trial decreases its loss
    enough accepts it and takes a new direction; another shortens its step by quadratic
    interpolation and tries again at the next step. The leak of closed ReLUs (thesis, section 4.7)
    is stepped down: image by image, when its share of the budget is spent or it makes no more
    progress. The gradient then means something else, so it is taken anew, and an exponential decay
    is a staircase of few steps; the curvature is kept, because it is nearly the same.

    Numbers at a constraint stay there until their own gradient leads them off it; till then they
    count as having none (two-metric projection; Bertsekas, 1982).

    Attributes:
      max_evaluations: budget of each image.
      leak: of a closed ReLU at first, in [0, 1]; 0 is the true gradient throughout.
      leak_share: share of the budget after which the leak is 0, if it is stepped.
      memory: pairs of steps and gradient changes that are kept.
      tolerance: relative decrease of the loss over 20 accepted steps, below which an image has
        converged.
      first_length: length of the first step, in units of the code.
      leak_schedule: how the leak falls, a name out of `leak.SCHEDULES`.
      rests: whether closed units rest at their hinge; see `Solver`.
    """

    max_evaluations: int = 300
    leak: float = 0.03
    leak_share: float = HELD
    memory: int = 30
    tolerance: float = 1e-3
    first_length: float = 1.0
    leak_schedule: str = STEPPED
    rests: bool = True

    @property
    def _leaks(self) -> tuple[LeakStep, ...]:
        return leak_steps(self.leak_schedule, self.leak, self.leak_share)

    def init(self, code: tf.Tensor) -> LBFGSState:
        """See `Solver.init`."""
        rows, none = tf.shape(code)[:1], tf.zeros_like(code)
        zero = tf.zeros(rows, tf.int32)
        return LBFGSState(
            status=tf.fill(rows, int(Status.RUNNING)),
            evaluations=zero,
            best_code=code,
            best_loss=tf.fill(rows, float("inf")),
            code=code,
            loss=tf.fill(rows, float("inf")),
            gradient=none,
            direction=none,
            slope=tf.zeros(rows),
            length=tf.zeros(rows),
            fresh=tf.fill(rows, True),
            tries=zero,
            mark=tf.fill(rows, float("inf")),
            since=zero,
            stage=zero,
            curvature=nothing_known(code, self.memory),
        )

    def step(
        self, state: LBFGSState, evaluate: Evaluate, constrain: Constrain = unconstrained
    ) -> LBFGSState:
        """See `Solver.step`."""
        running = state.status == int(Status.RUNNING)
        trial = state.code + column(state.length) * state.direction
        promise = state.length * state.slope
        if constrain is not unconstrained:
            # A random draw that does not pay is one try; the next ones end at the constraint.
            trial = constrain(trial, tf.where(state.tries == 0, state.evaluations + 2, 0))
            moved = tf.reduce_sum(state.gradient * (trial - state.code), 1)
            promise = tf.minimum(moved, 0.0)
        leak = tf.gather([part.leak for part in self._leaks], state.stage)
        loss, gradient = evaluate(trial, leak)
        gradient = tf.where(_leads_out(constrain, trial, -gradient), 0.0, gradient)
        evaluations = state.evaluations + tf.cast(running, tf.int32)

        finite = tf.math.is_finite(loss) & tf.reduce_all(tf.math.is_finite(gradient), 1)
        # A leaking gradient promises decreases that a closed unit only delivers once it has opened,
        # so while it leaks any step that does no harm will do.
        demand = tf.where(leak > 0, 0.0, _ARMIJO)
        enough = loss <= state.loss + demand * promise
        accepted = running & finite & (state.fresh | enough)
        failed = running & ~accepted

        after = self._accept(state, trial, loss, gradient, accepted)
        after, anew = self._backtrack(after, loss, state, failed)
        after = self._turn(after, accepted | anew, constrain)._replace(evaluations=evaluations)
        # A start that is not finite can be neither accepted nor shortened.
        hopeless = running & state.fresh & ~finite
        after, slow = self._judge(after)
        ended = running & (slow | _exhausted(after))
        after = self._next_stage(after, ended, running)
        spent = (after.status == int(Status.RUNNING)) & (evaluations >= self.max_evaluations)
        status = tf.where(spent, int(Status.BUDGET), after.status)
        return after._replace(status=tf.where(hopeless, int(Status.DIVERGED), status))

    def _accept(
        self,
        state: LBFGSState,
        trial: tf.Tensor,
        loss: tf.Tensor,
        gradient: tf.Tensor,
        accepted: tf.Tensor,
    ) -> LBFGSState:
        """Moves the accepted rows to the trial point and learns from the step."""
        step, change = trial - state.code, gradient - state.gradient
        product = tf.reduce_sum(step * change, 1)
        lengths = tf.norm(step, axis=1) * tf.norm(change, axis=1)
        # BFGS stays positive definite only with positive curvature along the step.
        useful = accepted & ~state.fresh & (product > 1e-8 * lengths)
        curvature = remember(state.curvature, step, change, useful)

        gradient = tf.where(column(accepted), gradient, state.gradient)
        moved = state._replace(
            code=tf.where(column(accepted), trial, state.code),
            loss=tf.where(accepted, loss, state.loss),
            gradient=gradient,
            fresh=state.fresh & ~accepted,
            tries=tf.where(accepted, 0, state.tries),
            since=state.since + tf.cast(accepted, tf.int32),
            curvature=curvature,
        )
        better = accepted & (loss < state.best_loss)
        return moved._replace(
            best_code=tf.where(column(better), trial, state.best_code),
            best_loss=tf.where(better, loss, state.best_loss),
        )

    def _backtrack(
        self, state: LBFGSState, loss: tf.Tensor, before: LBFGSState, failed: tf.Tensor
    ) -> tuple[LBFGSState, tf.Tensor]:
        """Shortens the failed rows' steps; also says, bool [B], which must turn and start anew."""
        tries = state.tries + tf.cast(failed, tf.int32)
        # Minimum of the parabola through loss and slope at 0 and the loss at the trial.
        length = before.length
        rise = loss - before.loss - before.slope * length
        shorter = -before.slope * tf.square(length) / tf.maximum(2.0 * rise, 1e-30)
        shorter = tf.where(tf.math.is_finite(shorter), shorter, 0.0)
        shorter = tf.clip_by_value(shorter, _SHORTEST * length, _LONGEST * length)
        anew = failed & (tries >= _TRIES) & (state.curvature.count > 0)
        state = state._replace(
            tries=tf.where(anew, 0, tries),
            length=tf.where(failed, shorter, state.length),
            curvature=forget(state.curvature, anew),
        )
        return state, anew

    def _turn(self, state: LBFGSState, rows: tf.Tensor, constrain: Constrain) -> LBFGSState:
        """Gives `rows` a direction from their gradient and curvature."""
        first = self.first_length / tf.maximum(tf.norm(state.gradient, axis=1), 1e-30)
        direction = newton_direction(state.curvature, state.gradient, first)
        if constrain is not unconstrained:
            # What a constraint leaves of a step need not lead downhill where one number's step
            # depends on the gradient of another that is held.
            stays = (state.gradient == 0.0) & _is_held(constrain, state.code)
            direction = tf.where(stays, 0.0, direction)
        slope = tf.reduce_sum(direction * state.gradient, 1)
        # With a leaking gradient, or in float32, the estimate can fail to point downhill.
        uphill = ~(slope < 0) | ~tf.math.is_finite(slope)
        direction = tf.where(column(uphill), -column(first) * state.gradient, direction)
        slope = tf.where(uphill, -first * tf.reduce_sum(tf.square(state.gradient), 1), slope)
        return state._replace(
            direction=tf.where(column(rows), direction, state.direction),
            slope=tf.where(rows, slope, state.slope),
            length=tf.where(rows, 1.0, state.length),
            curvature=forget(state.curvature, rows & uphill),
        )

    def _judge(self, state: LBFGSState) -> tuple[LBFGSState, tf.Tensor]:
        """Says, bool [B], which rows have hardly progressed over the last window."""
        judged = state.since >= _WINDOW
        slow = judged & (state.mark - state.loss <= self.tolerance * tf.abs(state.loss))
        mark = tf.where(judged, state.loss, state.mark)
        return state._replace(mark=mark, since=tf.where(judged, 0, state.since)), slow

    def _next_stage(self, state: LBFGSState, ended: tf.Tensor, running: tf.Tensor) -> LBFGSState:
        """Steps the leak down where a stage has ended, and ends the images of the last stage."""
        last = state.stage == len(self._leaks) - 1
        until = tf.gather([part.until * self.max_evaluations for part in self._leaks], state.stage)
        due = running & ~last & (tf.cast(state.evaluations, tf.float32) >= until)
        steps_down = (ended & ~last) | due
        stalled = _exhausted(state)
        end = tf.where(stalled, int(Status.STALLED), int(Status.CONVERGED))
        return state._replace(
            status=tf.where(ended & last, end, state.status),
            stage=state.stage + tf.cast(steps_down, tf.int32),
            fresh=state.fresh | steps_down,
            length=tf.where(steps_down, 0.0, state.length),
            direction=tf.where(column(steps_down), 0.0, state.direction),
            tries=tf.where(steps_down, 0, state.tries),
            mark=tf.where(steps_down, float("inf"), state.mark),
            since=tf.where(steps_down, 0, state.since),
        )


def _leads_out(constrain: Constrain, points: tf.Tensor, way: tf.Tensor) -> tf.Tensor:
    """Which numbers are at a constraint that undoes any step this way; bool [B, D]."""
    if constrain is unconstrained:
        return tf.zeros_like(points, tf.bool)
    beyond = points + tf.sign(way) * _PROBE * (1.0 + tf.abs(points))
    back = constrain(beyond, tf.zeros(tf.shape(points)[:1], tf.int32))
    return (back == points) & (way != 0.0)


def _is_held(constrain: Constrain, points: tf.Tensor) -> tf.Tensor:
    """Which numbers are at a constraint on either side; bool [B, D]."""
    ones = tf.ones_like(points)
    return _leads_out(constrain, points, ones) | _leads_out(constrain, points, -ones)


def _exhausted(state: LBFGSState) -> tf.Tensor:
    """Rows that failed again and again even along the plain gradient; bool [B]."""
    return (state.tries >= _TRIES) & (state.curvature.count == 0)
