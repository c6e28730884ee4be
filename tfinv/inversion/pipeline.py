"""Stages in a row, each with slots, and images that go from one to the next as they are done."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.result import Spending
from tfinv.inversion.slots import References, Rows, Slots
from tfinv.inversion.solvers.base import SolverState
from tfinv.inversion.stages import Stage
from tfinv.inversion.starts import Start
from tfinv.inversion.tickets import Ticket

__all__ = ["Frozen", "OnProgress", "Pipeline"]

OnProgress = Callable[[Stage, SolverState], None]


@dataclass(frozen=True)
class Frozen:
    """All that a pipeline has in work, between two steps.

    Attributes:
      rows: of each stage.
      waiting: in front of each stage, in order.
      spending: of each stage, so far.
    """

    rows: tuple[Rows, ...]
    waiting: tuple[tuple[Ticket, ...], ...]
    spending: tuple[Spending, ...]

    @property
    def tickets(self) -> list[Ticket]:
        """Of all images in work."""
        taken = [ticket for rows in self.rows for ticket in rows.tickets if ticket is not None]
        return [*taken, *(ticket for waiting in self.waiting for ticket in waiting)]


class Pipeline:
    """Takes images out of a stream through all stages, in memory that does not grow with them.

    At each step one stage goes on: the last one whose slots are all taken, or that nothing before
    it could fill any more. So a slot stands empty only when there is nothing to put into it, and
    what happens depends on the images and their order alone, and not on the time that anything
    takes: a pipeline that goes on from what was frozen finds the same codes bit for bit.

    Args:
      stages: in order.
      starts: of each.
      size: how many slots each has.
      seed: of starts.
      references: what the losses keep of targets.
      restarts: see `Inverter`.
      source: the images; asked for one when there is room for it.
      on_progress: see `Inverter.run`.
      seconds: how long a step may take at most, unless a single evaluation takes longer; None for
        the same number of evaluations always. It changes no result.
    """

    def __init__(
        self,
        stages: Sequence[CompiledStage],
        starts: Sequence[Start],
        size: int,
        seed: int,
        references: References,
        *,
        restarts: int = 0,
        source: Iterable[Ticket] = (),
        on_progress: OnProgress | None = None,
        seconds: float | None = None,
    ):
        self._seconds = seconds
        self.size, self._restarts, self._on_progress = size, restarts, on_progress
        splits = [None, *(stage.split for stage in stages)]
        self.slots = [
            Slots(stage, start, size, seed, references, before)
            for stage, start, before in zip(stages, starts, splits, strict=False)
        ]
        self._waiting: list[deque[Ticket]] = [deque() for _ in stages]
        self._source: Iterator[Ticket] = iter(source)
        self._dry = False

    @property
    def spending(self) -> Spending:
        """Of all stages."""
        return sum((slots.spending for slots in self.slots), Spending())

    def freeze(self) -> Frozen:
        """What is in work; costs nothing, because nothing of it will ever change."""
        return Frozen(
            tuple(slots.rows for slots in self.slots),
            tuple(tuple(waiting) for waiting in self._waiting),
            tuple(slots.spending for slots in self.slots),
        )

    def restore(self, frozen: Frozen) -> None:
        """Goes on with what was frozen; the source begins with the image after those."""
        for number, slots in enumerate(self.slots):
            slots.restore(frozen.rows[number])
            slots.spending = frozen.spending[number]
            self._waiting[number] = deque(frozen.waiting[number])

    def step(self) -> list[Ticket] | None:
        """Goes on for a few dozen evaluations of one stage.

        Returns:
          The images that have all stages behind them; None if there is nothing more to do.
        """
        number = self._next()
        if number is None:
            return None
        slots = self.slots[number]
        if came := self._called(number, slots.size - slots.occupied):
            slots.fill(came)
            self._report(slots)
        leave = self._leave(number)
        slots.advance(leave, self._seconds)
        self._report(slots)
        # Where a call ends by its number of steps, nobody is moved who could decide what is next.
        last = number == len(self.slots) - 1
        if slots.ended < leave and not (last and leave == slots.size):
            return []
        finished = []
        for ticket, found in slots.release():
            if number == 0:
                can_tell = slots.stage.stage.degradation is None
                ticket = ticket.tried(found, self._restarts, can_tell)
            else:
                ticket = ticket.after(found)
            if len(ticket.found) < len(self.slots):
                self._waiting[len(ticket.found)].append(ticket)
            else:
                finished.append(ticket)
        return finished

    def run(self) -> Iterator[Ticket]:
        """Yields the images as they are done, all of them."""
        while (finished := self.step()) is not None:
            yield from finished

    def _next(self) -> int | None:
        """The stage that goes on now."""
        for number in reversed(range(len(self.slots))):
            slots = self.slots[number]
            there = slots.occupied + len(self._waiting[number])
            if there >= slots.size or (not self._comes_to(number) and there):
                return number
        return 0 if self._has_more() else None

    def _comes_to(self, number: int) -> bool:
        """Whether any image is still to come to a stage, beside those who wait in front of it."""
        before = range(number)
        return any(self._waiting[k] or self.slots[k].occupied for k in before) or self._has_more()

    def _has_more(self) -> bool:
        """Whether somebody waits for the first stage; fetches an image to know it."""
        if not self._waiting[0] and not self._dry:
            ticket = next(self._source, None)
            self._dry = ticket is None
            self._waiting[0].extend([] if ticket is None else [ticket])
        return bool(self._waiting[0])

    def _called(self, number: int, count: int) -> list[Ticket]:
        """At most so many of those who wait for a stage, in the order in which they came."""
        waiting: list[Ticket] = []
        while len(waiting) < count and (self._waiting[number] or (not number and self._has_more())):
            waiting.append(self._waiting[number].popleft())
        return sorted(waiting, key=lambda ticket: ticket.place)

    def _leave(self, number: int) -> int:
        """How many slots must have ended before anybody leaves them.

        One by one they would be filled with the least waste, but each filling costs some time.
        """
        slots = self.slots[number]
        free = slots.size - slots.occupied
        last = number == len(self.slots) - 1
        if not free and (self._waiting[number] or self._comes_to(number)):
            waiting = len(self._waiting[number])
            return slots.step if self._comes_to(number) else min(slots.step, waiting)
        if last and not (number == 0 and self._restarts):
            return slots.size
        return free + min(slots.step, slots.occupied)

    def _report(self, slots: Slots) -> Any:
        if self._on_progress is not None:
            self._on_progress(slots.stage.stage, slots.state)
