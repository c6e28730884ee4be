"""Which pictures get a label found, what is said of it, and what the others keep."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from applications import photos
from generators import hierarchical, tiny

from tfinv.applications.labels import find_labels, label_to_give
from tfinv.applications.pictures import Picture, read_pictures
from tfinv.inversion.labels import FoundLabels


def pictures(*labels: int | None) -> list[Picture]:
    pixels = np.zeros((16, 16, 3), np.float32)
    return [Picture(10 + k, f"{k}.png", label, "odd", pixels) for k, label in enumerate(labels)]


class Search:
    """Finds class 3 for everything, and remembers what it was asked."""

    def find(self, images, indices, on_progress=None) -> FoundLabels:
        self.asked = list(indices)
        count = len(images)
        return FoundLabels(
            labels=np.full(count, 3, np.int32),
            candidates=np.tile(np.int32([3, 1]), (count, 1)),
            losses=np.tile(np.float32([0.1, 0.2]), (count, 1)),
            evaluations=np.arange(count, dtype=np.int32) + 80,
        )


def test_those_without_a_label_get_one_and_say_so():
    search = Search()
    before = pictures(1, None, 2, None)
    after = find_labels(search, before)
    assert search.asked == [11, 13]
    assert [p.label for p in after] == [1, 3, 2, 3]
    assert after[0] is before[0] and after[2] is before[2]
    assert after[1].note == "odd; label found, not given: the best of 2 tried"
    assert [p.evaluations for p in after] == [0, 80, 0, 81]
    assert find_labels(None, pictures(1, 2))[1].label == 2


def test_what_an_inverter_is_given():
    generator = hierarchical.loaded()
    given = label_to_give(generator, 3, weights=False)
    assert given == 3 and given.dtype == np.int32
    np.testing.assert_array_equal(label_to_give(generator, 1, weights=True), [0, 1, 0, 0])
    np.testing.assert_array_equal(label_to_give(generator, None, weights=True), [0.25] * 4)
    assert label_to_give(tiny.loaded(), None, weights=False) is None


def read(folder, **options) -> list[tuple[int | None, str]]:
    generator = tiny.loaded(conditional=True)
    specs = [str(folder), "sample:2", "noise:1"]
    found = list(read_pictures(generator, specs, **options))
    assert all(p.pixels is not None for p in found if not p.fault)
    return [(p.label, p.fault or p.note) for p in found]


def test_which_label_a_picture_gets(tmp_path, monkeypatch):
    from tfinv.applications import pictures as subject

    own = {"a": 2, "b": None}
    records = [
        types.SimpleNamespace(name=name, label=label, read=lambda: photos.png(0))
        for name, label in own.items()
    ]
    monkeypatch.setattr(subject, "list_images", lambda specs: records)
    drawn = [label for label, _ in read(tmp_path)][2:]
    assert None not in drawn
    one, other = drawn[:2]
    ignored = [f"its own label {label} ignored" for label in (2, one, other)]
    plain = read(tmp_path)
    assert plain[0] == (2, "") and "add --label" not in plain[1][1] and "--label" in plain[1][1]
    assert read(tmp_path, label=4) == [(2, ""), (4, ""), (one, ""), (other, ""), (4, "")]
    assert read(tmp_path, label=4, ignore_labels=True) == [
        (4, ignored[0]),
        (4, ""),
        (4, ignored[1]),
        (4, ignored[2]),
        (4, ""),
    ]
    assert read(tmp_path, may_lack_labels=True) == [
        (2, ""),
        (None, ""),
        (one, ""),
        (other, ""),
        (None, ""),
    ]
    bare = read(tmp_path, may_lack_labels=True, ignore_labels=True)
    assert [label for label, _ in bare] == [None] * 5
    assert [note for _, note in bare] == [ignored[0], "", ignored[1], ignored[2], ""]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
