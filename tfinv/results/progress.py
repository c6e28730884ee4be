"""What a user sees while a run goes on.

On a terminal a bar with images done, RMSE so far and time left. Elsewhere (a log file, a batch
system) a bar would be one endless line, so there is a plain line at most every thirty seconds
instead, and one at the end.
"""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

import numpy as np

__all__ = ["Batch", "Progress"]

_EVERY = 30.0


class Batch(Protocol):
    """What has just been finished."""

    @property
    def images(self) -> int:
        """How many images, failed ones included."""

    @property
    def failed(self) -> int:
        """How many of them failed."""

    @property
    def rmse(self) -> np.ndarray:
        """Of the last stage, float [any], in [0, 1]; NaN where an image failed."""


class Progress:
    """A progress display; use it as a context manager.

    Args:
      total: images of the run, None if not known.
      done: images that an earlier run has finished.
      stream: where it goes, by default standard error.
      every: seconds between two lines where `stream` is no terminal.
      unit: what is counted.
    """

    def __init__(
        self,
        total: int | None,
        *,
        done: int = 0,
        stream: TextIO | None = None,
        every: float = _EVERY,
        unit: str = "images",
    ):
        self._total, self._done, self._begun_with = total, done, done
        self._stream = sys.stderr if stream is None else stream
        self._every, self._unit = every, unit
        self._failed = self._measured = 0
        self._sum = 0.0
        self._part = self._doing = ""
        self._start = self._last = time.monotonic()
        self._bar = None
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                initial=done,
                unit=f" {unit}",
                file=self._stream,
                dynamic_ncols=True,
                smoothing=0.1,
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def begin(self, part: str) -> None:
        """Names the part of the run that comes now; RMSE and failures are its own from here on."""
        self._part, self._doing = part, ""
        self._failed = self._measured = 0
        self._sum = 0.0

    def say(self, text: str) -> None:
        """Writes a line without tearing the display."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def update(self, batch: Batch) -> None:
        """Counts a batch that is safe on disk."""
        rmse = np.asarray(batch.rmse, np.float64)
        rmse = rmse[np.isfinite(rmse)]
        self._done += batch.images
        self._failed += batch.failed
        self._measured += len(rmse)
        self._sum += float(rmse.sum())
        self._doing = ""
        if self._bar is not None:
            self._bar.set_postfix_str(self._numbers(), refresh=False)
            self._bar.update(batch.images)
        elif time.monotonic() - self._last >= self._every:
            self._line()

    def doing(self, text: str) -> None:
        """Shows what the current batch is at, such as "dense, 125 evaluations"; on a bar only."""
        self._doing = text
        if self._bar is not None:
            self._bar.set_postfix_str(self._numbers())

    def close(self) -> None:
        """Ends the display; says where it stands unless a bar already does."""
        if self._bar is not None:
            self._bar.close()
        elif self._done > self._begun_with:
            self._line()

    def _numbers(self) -> str:
        parts = [self._part] if self._part else []
        if self._measured:
            parts.append(f"RMSE {self._sum / self._measured:.4f}")
        if self._failed:
            parts.append(f"{self._failed} failed")
        if self._doing:
            parts.append(self._doing)
        return ", ".join(parts)

    def _line(self) -> None:
        now = time.monotonic()
        here = self._done - self._begun_with
        of = f" of {self._total}" if self._total is not None else ""
        parts = [f"{self._done}{of} {self._unit}", self._numbers()]
        if self._total is not None and self._done < self._total:
            left = (now - self._start) / here * (self._total - self._done)
            parts.append(f"{left:.0f} s left")
        print(", ".join(part for part in parts if part), file=self._stream, flush=True)
        self._last = now
