"""Pictures read in a thread of their own, ahead of need, so that no device waits for a file."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

from tfinv.applications.pictures import Picture

__all__ = ["Closed", "Reader"]

_TICK = 0.1  # seconds after which a thread that waits looks whether it is still wanted


class Closed(Exception):
    """A picture was asked for after the reader was closed."""


class Reader:
    """Reads a stream of pictures and deals it out to several readers of their own.

    Picture k of the run belongs to stream k modulo their number: so what a stream has is known
    whoever is faster. A fault of the reading itself is raised where a picture is asked for.

    Args:
      pictures: in the order of the run; read in another thread, from `start` on.
      streams: how many there are.
      ahead: so many pictures wait in each, at most.
    """

    def __init__(self, pictures: Iterable[Picture], streams: int, ahead: int):
        self._queues = [queue.Queue(ahead) for _ in range(streams)]
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._read, args=(pictures,), name="tfinv-reader", daemon=True
        )

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def stream(self, number: int) -> Iterator[Picture]:
        """The pictures of one stream, in order.

        Raises:
          Closed: if `stop` was called: that the stream ends there must not look like its end.
        """
        while True:
            item = self._get(number)
            if isinstance(item, BaseException):
                raise item
            if item is None:
                return
            yield item

    def stop(self) -> None:
        """Lets nobody wait for a picture any more, nor the reading for anybody."""
        self._stopped.set()

    def close(self) -> None:
        """Stops, and waits for the end of the reading."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join()

    def _read(self, pictures: Iterable[Picture]) -> None:
        end: BaseException | None = None
        try:
            for picture in pictures:
                self._put(picture.index % len(self._queues), picture)
                if self._stopped.is_set():
                    return
        except BaseException as error:  # whatever it is, somebody waits for a picture
            end = error
        for number in range(len(self._queues)):
            self._put(number, end)

    def _put(self, number: int, item: Picture | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._queues[number].put(item, timeout=_TICK)
                return
            except queue.Full:
                continue

    def _get(self, number: int) -> Picture | BaseException | None:
        while not self._stopped.is_set():
            try:
                return self._queues[number].get(timeout=_TICK)
            except queue.Empty:
                continue
        raise Closed
