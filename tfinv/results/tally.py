"""What a run comes to in numbers, gathered from its rows in one pass."""

from __future__ import annotations

import array
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tfinv.results.record import ImageResult

__all__ = ["RunInfo", "StageTally", "Tally"]


@dataclasses.dataclass(frozen=True)
class RunInfo:
    """What the shards of a run do not say about it.

    Attributes:
      generator: its path or name.
      stages: names, in the order in which they ran.
      solver: its name.
      seconds: time spent on `solved` images.
      solved: how many images this process did itself, where a run was continued; None if all.
      partial: whether the run ended before all its images were done.
      spending: evaluations that slots computed, and how many of them no image had any more.
    """

    generator: str
    stages: Sequence[str]
    solver: str
    seconds: float
    solved: int | None = None
    partial: bool = False
    spending: tuple[int, int] = (0, 0)


class StageTally:
    """The images of one stage that did not fail.

    RMSE is kept for each image (eight bytes), for quantiles and histograms; the rest as sums.
    """

    def __init__(self):
        self._rmse = array.array("d")
        self._sums = {"psnr": 0.0, "ssim": 0.0, "evaluations": 0.0}

    def add(self, row: ImageResult) -> None:
        """Counts one image."""
        self._rmse.append(row.rmse)
        for name in self._sums:
            self._sums[name] += getattr(row, name)

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self._rmse)

    @property
    def rmse(self) -> np.ndarray:
        """RMSE of each image, float64 [count], in [0, 1], in the order of the shards."""
        return np.array(self._rmse, np.float64)

    def mean(self, name: str) -> float:
        """The mean of "psnr" (decibels), "ssim" or "evaluations"; NaN of no image."""
        return self._sums[name] / self.count if self.count else math.nan


class Tally:
    """Counts images, failures and every stage's numbers.

    Args:
      stages: names, in the order in which they ran; a stage that only the rows know comes after.

    Attributes:
      images: how many there are, failed ones included.
      failed: how many of them failed in any stage.
      stages: a `StageTally` by name.
    """

    def __init__(self, stages: Sequence[str]):
        self.images = 0
        self._failed: set[int] = set()
        self.stages = {stage: StageTally() for stage in stages}
        self._last_index: int | None = None

    @property
    def failed(self) -> int:
        """How many images failed."""
        return len(self._failed)

    def count(self, rows: Iterable[ImageResult]) -> Iterator[ImageResult]:
        """Passes rows on and counts them; all rows of an image must follow one another."""
        for row in rows:
            if row.index != self._last_index:
                self.images += 1
                self._last_index = row.index
            if row.failed:
                self._failed.add(row.index)
            else:
                self.stages.setdefault(row.stage, StageTally()).add(row)
            yield row
