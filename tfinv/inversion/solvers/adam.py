"""Adam with the thesis's schedules: the reference that other solvers are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import tensorflow as tf

from tfinv.inversion.solvers.base import Constrain, Evaluate, Status, column, unconstrained
from tfinv.inversion.solvers.leak import DECAYING, HELD, leak_at

__all__ = ["Adam", "AdamState"]


class AdamState(NamedTuple):
    """One row for each image; see `SolverState` for the first four."""

    status: tf.Tensor
    evaluations: tf.Tensor
    best_code: tf.Tensor
    best_loss: tf.Tensor
    code: tf.Tensor  # float32 [B, D], the next to be evaluated
    mean: tf.Tensor  # float32 [B, D], first moment of the gradient
    square: tf.Tensor  # float32 [B, D], second moment


@dataclass(frozen=True)
class Adam:
    """Algorithm 1 of the thesis (section 4.4) with Adam's step (Kingma and Ba, 2015).

    The learning rate falls in a staircase, by a factor of 10 `decays` times over the budget. The
    share of the gradient that a closed ReLU lets through falls exponentially (section 4.7), unless
    another schedule is chosen.

    Attributes:
      max_evaluations: budget of each image.
      leak: of a closed ReLU at the start, in [0, 1]; 0 is the true gradient throughout.
      learning_rate: at the start, in units of the code.
      decays: how often the learning rate falls.
      leak_schedule: how the leak falls, a name out of `leak.SCHEDULES`.
      leak_share: share of the budget after which the leak is 0, if it is stepped.
    """

    max_evaluations: int = 30_000
    leak: float = 0.1
    learning_rate: float = 0.1
    decays: int = 3
    leak_schedule: str = DECAYING
    leak_share: float = HELD
    rests: ClassVar[bool] = False  # the thesis's codes are free

    def init(self, code: tf.Tensor) -> AdamState:
        """See `Solver.init`."""
        rows, zero = tf.shape(code)[:1], tf.zeros_like(code)
        return AdamState(
            status=tf.fill(rows, int(Status.RUNNING)),
            evaluations=tf.zeros(rows, tf.int32),
            best_code=code,
            best_loss=tf.fill(rows, float("inf")),
            code=code,
            mean=zero,
            square=zero,
        )

    def step(
        self, state: AdamState, evaluate: Evaluate, constrain: Constrain = unconstrained
    ) -> AdamState:
        """See `Solver.step`."""
        done = tf.cast(state.evaluations, tf.float32)
        share = done / self.max_evaluations
        leak = leak_at(self.leak_schedule, self.leak, share, self.leak_share)
        loss, gradient = evaluate(state.code, leak)

        running = state.status == int(Status.RUNNING)
        finite = tf.math.is_finite(loss) & tf.reduce_all(tf.math.is_finite(gradient), 1)
        moves = running & finite
        better = running & (loss < state.best_loss)
        evaluations = state.evaluations + tf.cast(running, tf.int32)

        rate = self.learning_rate * 0.1 ** tf.floor((self.decays + 1) * share)
        mean = 0.9 * state.mean + 0.1 * gradient
        square = 0.999 * state.square + 0.001 * tf.square(gradient)
        rate *= tf.sqrt(1.0 - 0.999 ** (done + 1.0)) / (1.0 - 0.9 ** (done + 1.0))
        code = state.code - column(rate) * mean / (tf.sqrt(square) + 1e-8)
        code = constrain(code, evaluations + 1)

        spent = running & (evaluations >= self.max_evaluations)
        status = tf.where(spent, int(Status.BUDGET), state.status)
        # What was found before a step into nowhere is still the best that was seen.
        lost = tf.where(
            tf.math.is_finite(state.best_loss), int(Status.STALLED), int(Status.DIVERGED)
        )
        status = tf.where(running & ~finite, lost, status)
        return AdamState(
            status=status,
            evaluations=evaluations,
            best_code=tf.where(column(better), state.code, state.best_code),
            best_loss=tf.where(better, loss, state.best_loss),
            code=tf.where(column(moves), code, state.code),
            mean=tf.where(column(moves), mean, state.mean),
            square=tf.where(column(moves), square, state.square),
        )
