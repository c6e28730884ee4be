"""One device at work: a thread that takes its pictures through the stages."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.applications.pictures import Picture
from tfinv.applications.reader import Closed
from tfinv.applications.rows import failed_rows
from tfinv.applications.stream import Stream
from tfinv.inversion.engine import Inverter, OnProgress
from tfinv.inversion.labels import LabelSearch
from tfinv.inversion.pipeline import Frozen
from tfinv.inversion.result import Spending
from tfinv.inversion.snapshot import pack, pack_tickets, unpack, unpack_tickets
from tfinv.inversion.tickets import Ticket
from tfinv.packing import Arrays, below, under
from tfinv.results.record import ImageResult

__all__ = ["Ended", "InWork", "Worker"]

_STEP = 2.0  # seconds between two moments at which a worker can stop, or be kept


@dataclass(frozen=True)
class InWork:
    """All that a worker has in work at one moment; nothing of it is ever changed.

    Attributes:
      cursor: see `Stream`, as the next one.
      ahead: tickets of pictures that are read, and no more.
      frozen: see `Pipeline`.
    """

    cursor: int
    ahead: tuple[Ticket, ...]
    frozen: Frozen

    @property
    def names(self) -> dict[int, str]:
        """Of all pictures in it, by place."""
        tickets = (*self.frozen.tickets, *self.ahead)
        return {ticket.index: ticket.about["name"] for ticket in tickets}

    def arrays(self) -> dict[str, np.ndarray]:
        """The same as plain arrays by name."""
        stages, ahead = pack(self.frozen), pack_tickets(self.ahead)
        return {**under("stages", stages), **under("ahead", ahead)}


@dataclass(frozen=True)
class Ended:
    """A worker has nothing more to do, or failed."""

    error: BaseException | None


class Worker:
    """Runs the stages on one device, in a thread of its own, from `start` on.

    What it finds goes into a queue before `in_work` says that it is no longer in work. So whoever
    takes `in_work` first and then what is in the queue misses nothing.

    Args:
      inverter: what is done with each picture.
      results: gets the ticket of each picture that is done, or the rows of one that failed, and
        `Ended` at last.
      device: its name; None for TensorFlow's choice.
      on_progress: called every few dozen steps, in this thread.

    Attributes:
      in_work: what is not finished, between two steps; always up to date.
    """

    def __init__(
        self,
        inverter: Inverter,
        results: queue.Queue[Ticket | list[ImageResult] | Ended],
        device: str | None,
        on_progress: OnProgress | None,
    ):
        self._inverter, self._results, self._device = inverter, results, device
        self._on_progress = on_progress
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tfinv-device", daemon=True)
        self._layers = [stage.layer for stage in inverter.stages]

    def attach(
        self,
        pictures: Iterator[Picture],
        search: LabelSearch | None,
        kept: tuple[int, Arrays] | None,
    ) -> None:
        """Gives it its pictures, and what an earlier sitting has left in work.

        Raises:
          ValueError: if that is of other stages, or damaged; so does KeyError.
        """
        self._stream = Stream(
            pictures,
            self._inverter,
            self._fail,
            label_search=search,
            on_progress=self._on_progress,
        )
        self._pipeline = self._inverter.pipeline(
            self._stream, on_progress=self._on_progress, seconds=_STEP
        )
        with self._placed():
            if kept is not None:
                cursor, arrays = kept
                self._stream.restore(cursor, unpack_tickets(below("ahead", arrays)))
                self._pipeline.restore(unpack(below("stages", arrays), self._pipeline))
        self.in_work = self._freeze()

    @property
    def spending(self) -> Spending:
        """Evaluations so far."""
        return self._pipeline.spending

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end after its step; it says `Ended` then."""
        self._stopped.set()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            with self._placed():
                while not self._stopped.is_set() and (done := self._pipeline.step()) is not None:
                    for ticket in done:
                        self._results.put(ticket)
                    self.in_work = self._freeze()
        except Closed:  # it was to stop; what it had in work before this step is in `in_work`
            pass
        except BaseException as fault:  # whatever it is, the one who waits for results has to know
            error = fault
        self._results.put(Ended(error))

    def _fail(self, picture: Picture, fault: str) -> None:
        self._results.put(list(failed_rows(picture, fault, self._layers)))

    def _freeze(self) -> InWork:
        return InWork(self._stream.cursor, tuple(self._stream.ahead), self._pipeline.freeze())

    def _placed(self) -> contextlib.AbstractContextManager:
        return tf.device(self._device)
