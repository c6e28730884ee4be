"""Streams: labels are found group by group, the faulty fall out, and the place is remembered."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from generators import hierarchical, tiny

import tfinv
from tfinv.applications.pictures import Picture
from tfinv.applications.stream import Stream
from tfinv.inversion.labels import FoundLabels

PIXELS = np.zeros((8, 8, 3), np.float32)


def picture(index: int, label: int | None = None, fault: str = "") -> Picture:
    return Picture(index, f"{index}.png", label, "", None if fault else PIXELS, fault)


class Search:
    """Finds class 3 for everything; remembers the groups."""

    def __init__(self):
        self.asked = []

    def find(self, images, indices, on_progress=None) -> FoundLabels:
        self.asked.append(list(indices))
        count = len(images)
        labels = np.full(count, 3, np.int32)
        return FoundLabels(labels, labels[:, None], np.zeros((count, 1)), np.full(count, 7))


def stream(pictures, faults=None, conditional=True, **options) -> Stream:
    inverter = tfinv.Inverter(tiny.loaded(conditional), batch_size=3)
    faults = [] if faults is None else faults
    note = lambda one, why: faults.append((one.index, why))  # noqa: E731
    return Stream(iter(pictures), inverter, note, **options)


def test_labels_are_found_for_a_batch_at_a_time():
    search = Search()
    one = stream(map(picture, range(5)), label_search=search)
    assert search.asked == []
    first = next(one)
    assert search.asked == [[0, 1, 2]] and one.cursor == 3
    assert [ticket.index for ticket in one.ahead] == [1, 2]
    rest = list(one)
    assert search.asked == [[0, 1, 2], [3, 4]] and one.cursor == 5
    assert [t.label for t in (first, *rest)] == [3] * 5
    assert rest[0].about["evaluations"] == 7 and "label found" in rest[0].about["note"]


def test_a_stream_goes_on_with_what_another_had_ahead():
    search = Search()
    one = stream(map(picture, range(5)), label_search=search)
    next(one)
    other = stream(map(picture, range(3, 5)), label_search=search)
    other.restore(one.cursor, list(one.ahead))
    assert [ticket.index for ticket in other] == [1, 2, 3, 4]
    assert search.asked == [[0, 1, 2], [3, 4]]


def test_the_faulty_fall_out():
    faults = []
    given = [picture(0, fault="torn"), picture(1, 2), picture(2), picture(3, fault="odd")]
    one = stream(given, faults)
    assert [(ticket.index, int(ticket.label)) for ticket in one] == [(1, 2)]
    assert [index for index, _ in faults] == [0, 2, 3] and faults[0][1] == "torn"
    assert "no label" in faults[1][1] and one.cursor == 4


def test_weights_are_given_where_they_are_optimised():
    inverter = tfinv.Inverter(hierarchical.loaded(), "latent", optimize=("code", "labels"))
    given = [Picture(k, f"{k}.png", label, "", PIXELS) for k, label in enumerate((None, 1))]
    one, other = Stream(iter(given), inverter, pytest.fail)
    np.testing.assert_array_equal(one.label, [0.25] * 4)
    np.testing.assert_array_equal(other.label, [0, 1, 0, 0])


def test_without_classes_nobody_needs_one():
    [ticket] = stream([picture(0)], conditional=False)
    assert ticket.label is None and ticket.about["name"] == "0.png"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
