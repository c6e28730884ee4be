"""What is learnt from labelled points: a direction, and how far it can be trusted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tfinv.applications.editing import directions
from tfinv.errors import UserError

__all__ = ["About", "learn"]


@dataclasses.dataclass(frozen=True)
class About:
    """What a direction was learnt from, and how well it tells points apart.

    Attributes:
      name: of the attribute.
      method: a name in `directions.METHODS`.
      held: attributes whose directions it is orthogonal to.
      counts: how many pictures with the attribute and without it were learnt from.
      accuracy: see `directions.accuracy`.
      chance: see `directions.chance`.
    """

    name: str
    method: str
    held: tuple[str, ...]
    counts: tuple[int, int]
    accuracy: float
    chance: float

    @property
    def is_weak(self) -> bool:
        """Whether it tells pictures apart hardly better than guessing, as far as is known."""
        return not self.accuracy > self.chance

    @property
    def said(self) -> str:
        """What a user should know of it, on one line."""
        there, without = self.counts
        held = f", holding {' and '.join(self.held)}" if self.held else ""
        measured = (
            "too few to hold any back"
            if np.isnan(self.accuracy)
            else f"{100 * self.accuracy:.0f}% of pictures held back told apart, guessing 50%"
        )
        return f"{self.name}{held}: {self.method} of {there} with it, {without} without; {measured}"

    @property
    def warning(self) -> str | None:
        """A line for a direction that means little; None if there is nothing to warn of."""
        if not self.is_weak:
            return None
        if np.isnan(self.accuracy):
            return f"{self.name}: too few pictures to say whether its direction means anything"
        return (
            f"{self.name}: its direction tells pictures held back apart hardly better than "
            f"guessing ({100 * self.accuracy:.0f}%, and guessing so many reaches "
            f"{100 * self.chance:.0f}% now and then): label more, or expect little of it"
        )


def learn(
    rows: np.ndarray,
    labels: Mapping[str, np.ndarray],
    name: str,
    held: Sequence[str] = (),
    method: str = "mean",
    seed: int = 0,
) -> tuple[np.ndarray, About]:
    """Learns the direction of an attribute.

    Args:
      rows: float [N, D], codes or features.
      labels: float [N] by attribute, 1.0, 0.0, or NaN for rows that are not used.
      name: of the attribute.
      held: attributes that are to stay as they are.
      method: a name in `directions.METHODS`.
      seed: of what is held back to measure the accuracy.

    Returns:
      float64 [D], see `directions.direction`; and what it was learnt from.

    Raises:
      UserError: if too few rows are labelled, or the attribute cannot be told from another.
    """
    columns = np.stack([labels[each] for each in (name, *held)], 1)
    known = np.isfinite(columns).all(1) & np.isfinite(rows).all(1)
    rows, has = rows[known], columns[known] > 0.5
    try:
        found = directions.direction(rows, has, method)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    about = About(
        name=name,
        method=method,
        held=tuple(held),
        counts=(int(has[:, 0].sum()), int((~has[:, 0]).sum())),
        accuracy=directions.accuracy(rows, has, method, seed=seed),
        chance=directions.chance(has),
    )
    return found, about
