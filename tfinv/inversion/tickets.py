"""A ticket: one image on its way through the stages, with all that it has to carry along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from tfinv.images.metrics import RECOVERED
from tfinv.inversion.result import StageResult

__all__ = ["Ticket"]


@dataclass(frozen=True, eq=False)
class Ticket:
    """One image between its reading and its result.

    The tries of an image at the first stage are made in order and end with the one that recovers
    it, which it keeps; if none does, it keeps the one with the least loss. Where a part of it was
    seen, nobody can tell whether the rest is recovered: all tries are made. It pays the evaluations
    of all.

    Attributes:
      place: in the order in which images came; those who wait are served in it.
      index: which image of the run it is; its start depends on this and the seed.
      target: float32 [H, W, C] in [0, 1]; or an observation of the stages' degradation.
      label: int32 [], or float32 [classes], weights of the classes; None if unconditional.
      about: what the caller wants to have back with the result; fit for JSON.
      attempt: which try at the first stage comes next, or is being made, from 0.
      best: of the tries before; None at the first one.
      found: a row for each stage that it has behind it.
      whole: float32 [H, W, C] in [0, 1], the picture that the result is to be measured against,
        where the target is another. No stage looks at it.
    """

    place: int
    index: int
    target: np.ndarray
    label: np.ndarray | None
    about: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    attempt: int = 0
    best: StageResult | None = None
    found: tuple[StageResult, ...] = ()
    whole: np.ndarray | None = None

    @property
    def weights_or_label(self) -> np.ndarray | None:
        """The label as the stages before have left it."""
        weights = self.found[-1].label_weights if self.found else None
        return self.label if weights is None else weights[0]

    def tried(self, found: StageResult, restarts: int, can_tell: bool = True) -> Ticket:
        """The same image after a try at the first stage, which it may have to do again.

        Args:
          found: one row.
          restarts: how many more tries an image has after its first.
          can_tell: whether its RMSE is that of the whole image.

        Returns:
          With `found` if the stage is behind it, else with the number of its next attempt.
        """
        best = found if self.best is None else _better(self.best, found, can_tell)
        if self.attempt < restarts and _is_missed(best, can_tell):
            return replace(self, attempt=self.attempt + 1, best=best)
        return replace(self, best=None, found=(best,))

    def after(self, found: StageResult) -> Ticket:
        """The same image with one more stage behind it."""
        return replace(self, found=(*self.found, found))


def _is_missed(found: StageResult, can_tell: bool) -> bool:
    # An RMSE that is not finite is of a target that is not: no other start would mend it.
    return bool((RECOVERED if can_tell else 0.0) <= found.rmse[0] < float("inf"))


def _better(one: StageResult, other: StageResult, can_tell: bool) -> StageResult:
    # With a prior in the loss, the picture that is recovered need not have the least.
    recovered = can_tell and bool(other.rmse[0] < RECOVERED)
    kept = other if recovered or other.losses[0] < one.losses[0] else one
    return replace(kept, evaluations=one.evaluations + other.evaluations)
