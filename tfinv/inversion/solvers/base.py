"""What every solver promises: `init`, `step`, and a state with a row for each image."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Protocol

import tensorflow as tf

__all__ = [
    "Constrain",
    "Evaluate",
    "Solver",
    "SolverState",
    "Status",
    "column",
    "unconstrained",
]

Evaluate = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""(codes float32 [B, D], leaks float32 [B]) to (losses float32 [B], gradients float32 [B, D]).

Row b of both results depends on row b of the codes alone.
"""


Constrain = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(points float32 [B, D], draws int32 [B]) to the points that are evaluated in their place.

A solver calls it on every point that it is about to evaluate. The draw is a number that no other
point of the image has, for constraints that draw at random; 0 asks for the nearest point instead.
Row b of the result depends on row b of both alone.
"""


def unconstrained(points: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """The `Constrain` that leaves every point as it is."""
    del draws
    return points


class Status(enum.IntEnum):
    """Where one image's optimisation stands; the text is what users read."""

    RUNNING = 0
    CONVERGED = 1
    BUDGET = 2
    STALLED = 3
    DIVERGED = 4

    @property
    def text(self) -> str:
        """One phrase for tables."""
        return _TEXTS[self]


_TEXTS = {
    Status.RUNNING: "running",
    Status.CONVERGED: "converged",
    Status.BUDGET: "budget spent",
    Status.STALLED: "stalled, best so far kept",
    Status.DIVERGED: "failed: the loss was not a finite number",
}


class SolverState(Protocol):
    """The part of a solver's state that the engine reads; every tensor has a row for each image.

    Attributes:
      status: int32 [B], a `Status`.
      evaluations: int32 [B], forward and backward passes spent on this image.
      best_code: float32 [B, D], the code with the lowest loss seen.
      best_loss: float32 [B], its loss; +inf while none was finite.
      code: float32 [B, D], where the optimisation is now, for those who watch it.
    """

    status: tf.Tensor
    evaluations: tf.Tensor
    best_code: tf.Tensor
    best_loss: tf.Tensor
    code: tf.Tensor


class Solver(Protocol):
    """A batch of independent minimisations, one evaluation of every image a step.

    The state is a (nested) named tuple of tensors of static shape, so that it can be carried by a
    compiled loop, saved between two calls, and exchanged row by row. A row whose status is not
    RUNNING no longer changes; no row ever depends on another.

    Attributes:
      rests: whether units that only a ReLU reads are to rest where they close, for a solver that
        keeps to `constrain` at every step; see `tfinv.inversion.resting`.
    """

    rests: bool

    def init(self, code: tf.Tensor) -> Any:
        """Returns the state before the first evaluation; code is float32 [B, D]."""

    def step(self, state: Any, evaluate: Evaluate, constrain: Constrain = unconstrained) -> Any:
        """Returns the state after one call of `evaluate`, on points that `constrain` returned.

        The code that `init` was given counts as one, of draw 1.
        """


def column(values: tf.Tensor) -> tf.Tensor:
    """Turns a row of per-image numbers [B] into a column [B, 1] that scales rows of codes."""
    return values[:, tf.newaxis]
