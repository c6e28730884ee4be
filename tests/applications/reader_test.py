"""The reader: ahead of need but not far, each stream its own, faults where pictures are asked."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from tfinv.applications.pictures import Picture
from tfinv.applications.reader import Closed, Reader
from tfinv.errors import UserError


def pictures(count: int, read: list[int] | None = None):
    for k in range(count):
        if read is not None:
            read.append(k)
        yield Picture(k, f"{k}.png", None, "", np.zeros((2, 2, 3), np.float32))


@pytest.fixture
def reader(request):
    made = []

    def make(*arguments) -> Reader:
        made.append(Reader(*arguments))
        made[0].start()
        return made[0]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_each_stream_has_its_own_in_order(reader, streams):
    one = reader(pictures(10), streams, 20)
    for number in reversed(range(streams)):  # whoever comes first
        found = [picture.index for picture in one.stream(number)]
        assert found == list(range(number, 10, streams))


def test_no_more_is_read_than_is_needed_soon(reader):
    read: list[int] = []
    is_ahead = threading.Event()

    def watched():
        for picture in pictures(1000, read):
            if picture.index == 5:
                is_ahead.set()
            yield picture

    stream = reader(watched(), 1, 4).stream(0)
    seen = [next(stream).index]
    is_ahead.wait()  # for ever, if nothing is read before it is asked for
    while len(seen) < 500:
        seen.append(next(stream).index)
        # Those that were taken, four that wait, and one in the hand.
        assert len(read) <= len(seen) + 5
    assert [*seen, *(picture.index for picture in stream)] == list(range(1000))


def test_a_fault_comes_after_what_was_read_before_it(reader):
    def broken():
        yield from pictures(3)
        raise UserError("the folder is gone")

    found, one = [], reader(broken(), 1, 10)
    with pytest.raises(UserError, match="the folder is gone"):
        for picture in one.stream(0):
            found.append(picture.index)
    assert found == [0, 1, 2]


def test_closed_in_the_middle_it_does_not_seem_to_end():
    one = Reader(pictures(1000), 1, 2)
    one.start()
    stream = one.stream(0)
    next(stream)
    one.close()
    with pytest.raises(Closed):
        list(stream)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
