"""How the leak of closed ReLUs falls while a solver goes on; see docs/METHOD.md."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfinv.errors import UserError

__all__ = [
    "DECAYING",
    "FIXED",
    "HELD",
    "OFF",
    "SCHEDULES",
    "STEPPED",
    "LeakStep",
    "leak_at",
    "leak_schedule",
    "leak_steps",
]

OFF, FIXED, DECAYING, STEPPED = "off", "fixed", "decaying", "stepped"
SCHEDULES = (OFF, FIXED, DECAYING, STEPPED)
"""`off`: the true gradient. `fixed`: the same leak to the end. `decaying`: it falls by a factor of
10 every fifth of the budget, as in the thesis (section 4.7). `stepped`: the same leak over the
first part of the budget, then none.
"""

HELD = 0.7
"""Share of the budget over which `stepped` keeps the leak."""

_FALLS = 5  # over the budget


class LeakStep(NamedTuple):
    """A part of the budget with one leak.

    Attributes:
      leak: share of a negative gradient that a closed ReLU lets through.
      until: share of the budget at which the next part begins.
    """

    leak: float
    until: float


def leak_schedule(schedule: str | None, leak: float | None) -> tuple[str | None, float | None]:
    """What a user asks for, checked.

    Args:
      schedule: one of `SCHEDULES`; None for the solver's own.
      leak: at first, in [0, 1]; None for the solver's own.

    Returns:
      Both, where one decides the other.

    Raises:
      UserError: if the name is unknown, the leak is out of range, or they contradict each other.
    """
    if leak is not None and not 0.0 <= leak <= 1.0:
        raise UserError(f"ReLU leak {leak} is out of range: it is a share from 0 to 1")
    if schedule is not None and schedule not in SCHEDULES:
        raise UserError(
            f"leak schedule {schedule!r} is not known: it is one of {', '.join(SCHEDULES)}"
        )
    if schedule == OFF and leak:
        raise UserError(f"leak schedule off and a ReLU leak of {leak:g} contradict: drop one")
    if leak == 0.0 and schedule not in (None, OFF):
        raise UserError(f"a ReLU leak of 0 leaves the schedule {schedule} nothing to do: drop one")
    if schedule == OFF or leak == 0.0:
        return OFF, 0.0
    return schedule, leak


def leak_at(schedule: str, leak: float, share: tf.Tensor, held: float = HELD) -> tf.Tensor:
    """The leak after a share of the budget, for a solver that can take another one at every step.

    Args:
      schedule: one of `SCHEDULES`.
      leak: at first.
      share: float32 [B] in [0, 1].
      held: for `stepped`.

    Returns:
      float32 [B].
    """
    if schedule == DECAYING:
        return leak * 0.1 ** (_FALLS * share)
    steps = leak_steps(schedule, leak, held)
    return tf.where(share < steps[0].until, steps[0].leak, steps[-1].leak)


def leak_steps(schedule: str, leak: float, held: float = HELD) -> tuple[LeakStep, ...]:
    """The same for a solver whose memory is of one gradient, so that changes must be few.

    `decaying` becomes a staircase, a factor of 10 at every fifth of the budget, whose last step is
    the true gradient.

    Returns:
      The parts of the budget in order; the last one ends with it.
    """
    if schedule == OFF or not leak:
        return (LeakStep(0.0, 1.0),)
    if schedule == FIXED:
        return (LeakStep(leak, 1.0),)
    if schedule == STEPPED:
        return (LeakStep(leak, held), LeakStep(0.0, 1.0))
    falling = [LeakStep(leak * 0.1**k, (k + 1) / _FALLS) for k in range(_FALLS - 1)]
    return (*falling, LeakStep(0.0, 1.0))
