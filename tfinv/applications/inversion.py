"""A whole inversion job: pictures in, a folder of results out."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from tfinv.applications.interrupts import held_off
from tfinv.applications.outcome import Gathered, Outcome
from tfinv.applications.pictures import Picture
from tfinv.applications.reader import Reader
from tfinv.applications.stored import with_start
from tfinv.applications.worker import Ended, Worker
from tfinv.errors import UserError
from tfinv.inversion.engine import Inverter, OnProgress
from tfinv.inversion.labels import LabelSearch
from tfinv.inversion.result import Spending
from tfinv.inversion.solvers.base import SolverState
from tfinv.inversion.stages import Stage
from tfinv.inversion.tickets import Ticket
from tfinv.packing import below, under
from tfinv.results.record import ImageResult
from tfinv.results.state import Begun, State
from tfinv.results.store import Store

__all__ = ["SAVE_EVERY", "invert_pictures"]

SAVE_EVERY = 30.0
"""Seconds between two moments at which all that is finished and all that is in work is on disk."""

_MISFITS = (ValueError, KeyError, IndexError, TypeError)
_TICK = 0.1  # seconds after which this thread, while it waits, looks whether it is to end
_QUEUED = 4  # times the batch size: results that wait to be written


def invert_pictures(
    inverter: Inverter,
    pictures: Iterable[Picture],
    store: Store,
    *,
    stored_names: Mapping[int, str] | None = None,
    label_search: LabelSearch | None = None,
    on_batch: Callable[[Outcome], None] = lambda outcome: None,
    on_progress: OnProgress | None = None,
    on_note: Callable[[str], None] = lambda text: print(f"note: {text}", file=sys.stderr),
    devices: Sequence[str | None] = (None,),
    save_every: float = SAVE_EVERY,
) -> Spending:
    """Inverts what the store does not hold yet, and goes on with what it has in work.

    Pictures are read in one thread, inverted in one for each device, and stored in this one, so
    that no device waits for a disk. Which images share a batch changes no result, and a picture
    that could not be read is one row with its fault. However the process ends, the store has what
    was finished `save_every` seconds before, and what was in work then.

    Args:
      inverter: what is done with each picture.
      pictures: each of the generator's size, or with its fault, in the order of their places.
      store: where results go, about a batch to a shard.
      stored_names: pictures that the inverter's start knows; others fail, each on its own.
      label_search: finds the label of pictures that have none. Without, they start from weights of
        the classes that are all alike, if the inverter optimises those, and else they fail.
      on_batch: called after each shard is safe.
      on_progress: called every few dozen steps of a stage.
      on_note: called with what a user should know.
      devices: names; picture k goes to device k modulo their number. None: TensorFlow's choice.
      save_every: see `SAVE_EVERY`.

    Returns:
      The evaluations that were computed, those of earlier sittings that were taken up included.

    Raises:
      UserError: if something cannot be read or written; what is finished is kept.
    """
    job = _Job(inverter, store, devices, on_batch, on_progress, on_note)
    todo = (
        with_start(picture, stored_names)
        for picture in pictures
        if not store.is_finished(picture.index, picture.name)
    )
    reader = Reader(todo, len(devices), inverter.batch_size)
    try:
        job.take_up(reader, label_search)
        with held_off() as check:
            job.work(reader, save_every, check)
            store.forget()
    finally:
        reader.close()
    return job.spending


class _Job:
    """The workers of a run, and this thread, which stores what they find."""

    def __init__(
        self,
        inverter: Inverter,
        store: Store,
        devices: Sequence[str | None],
        on_batch: Callable[[Outcome], None],
        on_progress: OnProgress | None,
        on_note: Callable[[str], None],
    ):
        self._store, self._on_batch, self._on_note = store, on_batch, on_note
        self._results: queue.Queue = queue.Queue(_QUEUED * inverter.batch_size)
        self._gathered = Gathered(inverter.batch_size, inverter.stages[-1].layer)
        report = None if on_progress is None else _one_at_a_time(on_progress)
        self._workers = [Worker(inverter, self._results, device, report) for device in devices]
        self._running = 0
        self._shards = store.shards

    @property
    def spending(self) -> Spending:
        """Of all workers."""
        return sum((worker.spending for worker in self._workers), Spending())

    def take_up(self, reader: Reader, search: LabelSearch | None) -> None:
        """Prepares the workers; they go on with what the store has in work, if that fits."""
        # A local name: its arrays, as much as all that is in work, leave memory with it.
        kept = _take_up(self._store, len(self._workers), self._on_note)
        try:
            self._attach(reader, search, kept)
        except _MISFITS as error:  # it is whole, but does not fit what is run
            self._on_note(f"what was in work cannot be taken up ({error}): it is begun again")
            self._store.forget()
            self._attach(reader, search, None)

    def _attach(self, reader: Reader, search: LabelSearch | None, kept: State | None) -> None:
        """Gives each worker its stream of pictures, and what an earlier sitting left in work.

        Raises:
          ValueError: if that does not fit; so do KeyError, IndexError and TypeError.
        """
        for number, worker in enumerate(self._workers):
            own = None
            if kept is not None:
                own = kept.begun.cursors[number], below(f"{number}", kept.arrays)
            worker.attach(reader.stream(number), search, own)
        if kept is not None:
            self._shards = kept.begun.shards

    def work(self, reader: Reader, save_every: float, check: Callable[[], None]) -> None:
        """Stores what the workers find, until they have nothing more to do.

        If anything ends it earlier, what is finished and what is in work is stored. An interrupt
        does at `check`, which is called between two results, and must not elsewhere.
        """
        try:
            reader.start()
            self._work(save_every, check)
        except BaseException as error:
            reader.stop()  # first: a worker may wait for a picture
            self._stop(error)
            try:
                self._save()
            except UserError as fault:  # as of a full disk; the older state is as good
                self._on_note(f"what was in work could not be kept: {fault}")
            raise

    def _work(self, save_every: float, check: Callable[[], None]) -> None:
        self._save()
        for worker in self._workers:
            worker.start()
            self._running += 1  # now: one that does not start never says that it has ended
        due = time.monotonic() + save_every
        while self._running:
            check()
            left = due - time.monotonic()
            if left <= 0:
                self._save()
                due = time.monotonic() + save_every
                continue
            with contextlib.suppress(queue.Empty):
                self._take(self._results.get(timeout=min(left, _TICK)))
            if self._gathered.full:
                self._flush()
        self._flush()

    def _stop(self, error: BaseException) -> None:
        """Ends all workers after their step; what they have found by then is gathered.

        A fault that another worker has too is said, unless it is the same, as one of the reading.
        """
        for worker in self._workers:
            worker.stop()
        while self._running:
            item = self._results.get()
            if not isinstance(item, Ended):
                self._take(item)
                continue
            self._running -= 1
            if item.error not in (None, error):
                why = " ".join(f"{type(item.error).__name__} {item.error}".split())
                self._on_note(f"another device has failed too: {why}")

    def _save(self) -> None:
        """Writes what is finished, and then what is in work."""
        # In this order: what is no longer in work by now is among the results.
        in_work = [worker.in_work for worker in self._workers]
        with contextlib.suppress(queue.Empty):
            while True:
                self._take(self._results.get_nowait())
        self._flush()
        names = {index: name for each in in_work for index, name in each.names.items()}
        arrays: dict[str, np.ndarray] = {}
        for number, each in enumerate(in_work):
            arrays |= under(f"{number}", each.arrays())
        begun = Begun(self._shards, tuple(each.cursor for each in in_work), names)
        self._store.keep(State(begun, arrays))

    def _take(self, item: Ticket | list[ImageResult] | Ended) -> None:
        if isinstance(item, Ended):
            self._running -= 1
            if item.error is not None:
                raise item.error
        else:
            self._gathered.add(item, self._store)

    def _flush(self) -> None:
        if self._gathered.rows:
            self._store.add(self._gathered.rows)
            self._on_batch(self._gathered.take(self.spending))


def _take_up(store: Store, devices: int, on_note: Callable[[str], None]) -> State | None:
    """What an earlier sitting has left in work, if it fits."""
    kept, fault = store.take_state(), store.fault
    if kept is not None and len(kept.begun.cursors) != devices:
        there = len(kept.begun.cursors)
        fault = (
            f"what was in work was of {there} devices, and there are {devices} now: it is begun "
            "again, and what is finished is kept"
        )
    if fault:
        on_note(fault)
        store.forget()
        return None
    return kept


def _one_at_a_time(on_progress: OnProgress) -> OnProgress:
    """The same for several threads."""
    lock = threading.Lock()

    def report(stage: Stage, state: SolverState) -> None:
        with lock:
            on_progress(stage, state)

    return report
