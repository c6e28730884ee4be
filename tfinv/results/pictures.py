"""The pictures that a sheet or a report shows: chosen, read back, and made small enough."""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Collection

import numpy as np

from tfinv.images.grids import enlarge
from tfinv.results.record import ImageResult
from tfinv.results.store import Store

__all__ = ["Shown", "choose_extremes", "choose_first", "gather", "shown_pixels"]

DIFFERENCE_GAIN = 8
"""How many times the absolute difference is brightened, so that an RMSE of 0.02 can be seen."""


@dataclasses.dataclass
class Shown:
    """One image as it is shown; every picture uint8 [h, w, 3], at most 256 pixels a side.

    Attributes:
      index: its place in the run.
      target: what was to be drawn.
      rows: each stage's numbers, in the order of the stages, without arrays.
      images: each stage's reconstruction, None where it failed.
      difference: of the last reconstruction and the target, absolute and brightened; or None.
    """

    index: int
    target: np.ndarray | None = None
    rows: list[ImageResult] = dataclasses.field(default_factory=list)
    images: list[np.ndarray | None] = dataclasses.field(default_factory=list)
    difference: np.ndarray | None = None

    @property
    def rmse(self) -> float:
        """Of the last stage."""
        return self.rows[-1].rmse

    @property
    def sentence(self) -> str:
        """What is known of it besides its name: its class and what was done to it."""
        row = self.rows[0]
        label = "" if row.label is None else f"class {row.label}"
        return ", ".join(part for part in (label, row.note) if part)


def choose_first(store: Store, count: int) -> list[int]:
    """The first images of the run that have a result, by their place in it."""
    first: list[int] = []
    for row in store.rows():
        if not row.failed and row.index not in first:
            first.append(row.index)
            if len(first) > 2 * count:
                first = sorted(first)[:count]
    return sorted(first)[:count]


def choose_extremes(store: Store, stage: str, count: int) -> list[int]:
    """All images with a result in a stage if they are few, else the worst and best by RMSE.

    Args:
      store: whose rows are looked through.
      stage: by whose RMSE.
      count: at most so many, half of them from each end.

    Returns:
      Their places in the run, in increasing order.
    """
    indices, errors = array.array("q"), array.array("d")
    for row in store.rows():
        if row.stage == stage and not row.failed:
            indices.append(row.index)
            errors.append(row.rmse)
    if len(indices) <= count:
        return sorted(indices)
    order = np.argsort(np.array(errors), kind="stable")
    half = count // 2
    return sorted(indices[i] for i in (*order[: count - half], *order[len(order) - half :]))


def shown_pixels(store: Store) -> int:
    """How many pixels one picture of this run has when shown; 0 if there is none."""
    for result in store.results():
        if result.target is not None:
            width, height = enlarge(result.target, side=1).size
            return width * height
    return 0


def gather(store: Store, wanted: Collection[int]) -> dict[int, Shown]:
    """Reads pictures back.

    Args:
      store: where they are.
      wanted: places in the run.

    Returns:
      What is shown of each, by place, in increasing order.
    """
    found: dict[int, Shown] = {}
    for result in store.results(wanted):
        shown = found.setdefault(result.index, Shown(result.index))
        if shown.target is None and result.target is not None:
            shown.target = _small(result.target)
        shown.rows.append(
            dataclasses.replace(
                result, code=None, latent=None, labels=None, target=None, image=None
            )
        )
        shown.images.append(None if result.image is None else _small(result.image))
        shown.difference = None
        if result.image is not None and result.target is not None:
            shown.difference = _small(DIFFERENCE_GAIN * np.abs(result.image - result.target))
    return dict(sorted(found.items()))


def _small(image: np.ndarray) -> np.ndarray:
    return np.asarray(enlarge(image, side=1))
