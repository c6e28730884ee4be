"""The pictures of one device on their way into the stages: with labels, and without the faulty."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from tfinv.applications.labels import find_labels, label_to_give
from tfinv.applications.pictures import Picture
from tfinv.inversion.engine import Inverter, OnProgress
from tfinv.inversion.labels import LabelSearch
from tfinv.inversion.tickets import Ticket

__all__ = ["Stream"]

_UNLABELLED = "it has no label, and none is looked for or optimised: give one"


class Stream:
    """Makes tickets of pictures, one at a time, and remembers how far it is.

    Labels are looked for in groups of a batch; nobody of a group decides another's label.

    Args:
      pictures: of this stream, in order.
      inverter: what will be done with them.
      on_fault: called with a picture that cannot be inverted.
      label_search: finds the label of pictures that have none.
      on_progress: called every few dozen steps of that.

    Attributes:
      cursor: the place behind the last picture that was taken.
      ahead: tickets of those of a group that nobody has asked for yet.
    """

    def __init__(
        self,
        pictures: Iterator[Picture],
        inverter: Inverter,
        on_fault: Callable[[Picture, str], None],
        *,
        label_search: LabelSearch | None = None,
        on_progress: OnProgress | None = None,
    ):
        self._pictures, self._inverter, self._on_fault = pictures, inverter, on_fault
        self._search, self._on_progress = label_search, on_progress
        self._weights = "labels" in inverter.optimize
        self.cursor = 0
        self.ahead: deque[Ticket] = deque()

    def restore(self, cursor: int, ahead: Sequence[Ticket]) -> None:
        """Goes on where another stream was; the pictures must begin behind it."""
        self.cursor, self.ahead = cursor, deque(ahead)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Ticket:
        """The next picture that can be inverted."""
        if not self.ahead:
            group = self._group()
            if group and self._search is not None:
                group = find_labels(self._search, group, self._on_progress)
            self.ahead.extend(self._ticket(picture) for picture in group)
        if not self.ahead:
            raise StopIteration
        return self.ahead.popleft()

    def _group(self) -> list[Picture]:
        """So many pictures as are dealt with at once."""
        group: list[Picture] = []
        size = 1 if self._search is None else self._inverter.batch_size
        while len(group) < size and (picture := next(self._pictures, None)) is not None:
            self.cursor = max(self.cursor, picture.index + 1)
            if fault := self._fault(picture):
                self._on_fault(picture, fault)
            else:
                group.append(picture)
        return group

    def _fault(self, picture: Picture) -> str:
        if picture.pixels is None:
            return picture.fault
        labelled = picture.label is not None or self._weights or self._search is not None
        return "" if labelled or not self._inverter.generator.conditional else _UNLABELLED

    def _ticket(self, picture: Picture) -> Ticket:
        about = {
            "name": picture.name,
            "label": picture.label,
            "note": picture.note,
            "evaluations": picture.evaluations,
        }
        label = label_to_give(self._inverter.generator, picture.label, self._weights)
        index, pixels = picture.index, picture.pixels
        return Ticket(index, index, pixels, label, about, whole=picture.whole)
