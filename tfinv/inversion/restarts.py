"""Trying again: images that a stage did not recover start elsewhere, and keep their best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tfinv.images.metrics import RECOVERED
from tfinv.inversion.result import StageResult

__all__ = ["Attempt", "restarted"]

Attempt = Callable[[Sequence[int], Sequence[int]], StageResult]
"""(images, numbers of their attempts) to what the stage finds there, a row for each."""


def restarted(first: StageResult, restarts: int, places: int, attempt: Attempt) -> StageResult:
    """Tries images again until they are recovered or have had all their restarts.

    The tries of an image are made in order and end with the one that recovers it, which it keeps;
    if none does, it keeps the one with the least loss. It pays the evaluations of all. Several
    tries of one image run together where a batch has places left; one that turns out not to be due,
    because an earlier one was enough, leaves nothing behind, not even in the count. So which images
    are tried together changes no result.

    Args:
      first: what the stage found at first.
      restarts: how many more attempts an image has, numbered from 1.
      places: how many attempts run at once, at least as many as there are images.
      attempt: makes them.

    Returns:
      The best of each image.
    """
    best = [first.take([row]) for row in range(len(first.rmse))]
    following = {row: 1 for row, found in enumerate(best) if restarts and _is_missed(found)}
    while following:
        share = max(1, places // len(following))
        tries = [
            (row, number)
            for row, begin in following.items()
            for number in range(begin, min(begin + share, restarts + 1))
        ]
        found = attempt([row for row, _ in tries], [number for _, number in tries])
        for place, (row, number) in enumerate(tries):
            if row not in following:
                continue
            best[row] = _better(best[row], found.take([place]))
            following[row] = number + 1
            if number == restarts or not _is_missed(best[row]):
                del following[row]
    return StageResult.join(best)


def _is_missed(found: StageResult) -> bool:
    # An RMSE that is not finite is of a target that is not: no other start would mend it.
    return bool(RECOVERED <= found.rmse[0] < float("inf"))


def _better(one: StageResult, other: StageResult) -> StageResult:
    # With a prior in the loss, the picture that is recovered need not have the least.
    recovered = bool(other.rmse[0] < RECOVERED)
    kept = other if recovered or other.losses[0] < one.losses[0] else one
    return replace(kept, evaluations=one.evaluations + other.evaluations)
