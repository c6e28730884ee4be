"""The numbers of one cell of an evaluation: a set of pictures at a layer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable

import numpy as np

from tfinv.images.metrics import RECOVERED
from tfinv.results.record import ImageResult

__all__ = ["METRICS", "Cell", "cell_of"]

METRICS = ("rmse", "psnr", "ssim")


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """One set of pictures at one layer.

    Attributes:
      set: the set's name.
      layer: the layer's name.
      wanted: how many pictures it is to have.
      images: how many are done, failed ones included.
      failed: how many of them failed.
      values: by metric, and "evaluations", float64 [images - failed], in the order of the pictures.
      labels: class of each of these, None where there is none.
      seconds: that were spent on it.
    """

    set: str
    layer: str
    wanted: int
    images: int
    failed: int
    values: dict[str, np.ndarray]
    labels: list[int | None]
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many pictures have a result."""
        return self.images - self.failed

    @property
    def partial(self) -> bool:
        """Whether pictures are still to be done."""
        return self.images < self.wanted

    @property
    def recovered(self) -> float:
        """Share of pictures with an RMSE below `RECOVERED`, in [0, 1]; NaN of none."""
        return float(np.mean(self.values["rmse"] < RECOVERED)) if self.count else math.nan

    def mean(self, name: str) -> float:
        """Mean of a metric or of "evaluations"; NaN of no picture."""
        return float(np.mean(self.values[name])) if self.count else math.nan

    def sd(self, name: str) -> float:
        """Standard deviation over the pictures (divided by their number); NaN of no picture."""
        return float(np.std(self.values[name])) if self.count else math.nan

    def error(self, name: str) -> float:
        """Standard error of the mean, SD / sqrt(count - 1); NaN of fewer than two pictures."""
        return self.sd(name) / math.sqrt(self.count - 1) if self.count > 1 else math.nan

    def by_class(self) -> dict[int, Cell]:
        """A cell for each class that has pictures with a result, by class; empty if none has."""
        labels = np.array([-1 if label is None else label for label in self.labels])
        cells = {}
        for label in sorted({label for label in self.labels if label is not None}):
            here = labels == label
            values = {name: numbers[here] for name, numbers in self.values.items()}
            count = int(here.sum())
            cells[label] = dataclasses.replace(
                self, wanted=count, images=count, failed=0, values=values, labels=[label] * count
            )
        return cells


def cell_of(
    rows: Iterable[ImageResult], set_name: str, layer: str, wanted: Collection[int], seconds: float
) -> Cell:
    """Gathers a cell from the rows of its run.

    Args:
      rows: of one stage, without arrays; those of other pictures are left out.
      set_name: its set.
      layer: its layer's name in the evaluation, whatever the rows call it.
      wanted: the places of its pictures.
      seconds: see `Cell`.
    """
    rows = sorted((row for row in rows if row.index in wanted), key=lambda row: row.index)
    good = [row for row in rows if not row.failed]
    values = {
        name: np.array([getattr(row, name) for row in good], np.float64)
        for name in (*METRICS, "evaluations")
    }
    return Cell(
        set=set_name,
        layer=layer,
        wanted=len(wanted),
        images=len(rows),
        failed=len(rows) - len(good),
        values=values,
        labels=[row.label for row in good],
        seconds=seconds,
    )
