"""What has been found and is not stored yet: a shard's worth of rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfinv.applications.rows import rows_of
from tfinv.inversion.result import Spending
from tfinv.inversion.tickets import Ticket
from tfinv.results.record import ImageResult
from tfinv.results.store import Store

__all__ = ["Gathered", "Outcome"]


class Outcome(NamedTuple):
    """What one shard added to a run.

    Attributes:
      images: how many.
      failed: how many of them failed.
      rmse: of the last stage, NaN where it failed.
      spending: of the run so far, as far as its state has been kept from sitting to sitting.
    """

    images: int
    failed: int
    rmse: np.ndarray
    spending: Spending = Spending()


class Gathered:
    """Rows of images that are done.

    Args:
      size: images of a shard.
      last: name of the last stage.

    Attributes:
      rows: all stages of each image.
    """

    def __init__(self, size: int, last: str):
        self._size, self._last = size, last
        self.rows: list[ImageResult] = []
        self._images = 0

    @property
    def full(self) -> bool:
        """Whether it is time to write a shard."""
        return self._images >= self._size

    def add(self, done: Ticket | list[ImageResult], store: Store) -> None:
        """Adds an image, or the rows of one that failed, unless the store has it already."""
        index = done.index if isinstance(done, Ticket) else done[0].index
        if index in store:  # it was done again, with what is kept of the sitting before
            return
        self.rows += rows_of(done) if isinstance(done, Ticket) else done
        self._images += 1

    def take(self, spending: Spending) -> Outcome:
        """What it comes to; it is empty then."""
        rmse = np.asarray([row.rmse for row in self.rows if row.stage == self._last])
        outcome = Outcome(self._images, int(np.isnan(rmse).sum()), rmse, spending)
        self.rows, self._images = [], 0
        return outcome
