"""Edits of stored pictures: zero is the stored one, later layers, what is kept in a folder."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
from applications.editing.stored import inverted
from generators import hierarchical, tiny
from PIL import Image

from tfinv.applications.codes import draw
from tfinv.applications.editing.carrying import Carried
from tfinv.applications.editing.run import (
    Watch,
    at_layer,
    edit_painting,
    move_along,
    take_pictures,
)
from tfinv.applications.editing.strips import FILES, failures, file_names, write_strips
from tfinv.applications.editing.vectors import learn_vector, move
from tfinv.errors import UserError
from tfinv.images.ranges import to_uint8
from tfinv.results.parts import Parts


def test_strength_zero_is_the_stored_reconstruction_and_others_are_drawn():
    there = inverted(tiny.loaded(), 8)
    vector = learn_vector(there, "odd", {"odd": np.arange(8) % 2.0})
    done = []
    strip = move_along(there, vector, (-1.0, 0.0, 2.0), Watch(done.append))
    np.testing.assert_array_equal(strip.images[1], there.results.images)
    expected = draw(there.split, move(there.points, vector, 2.0))
    np.testing.assert_array_equal(strip.images[2], expected)
    assert done == [8, 8, 8] and strip.titles == ("-1", "reconstruction", "+2")
    length = np.linalg.norm(vector.row)
    np.testing.assert_allclose(strip.numbers["distance"][:, 0], [length, 0, 2 * length])
    assert list(strip.beside) == ["picture"]


@pytest.mark.parametrize("made", [tiny, hierarchical])
def test_points_are_carried_on_to_a_later_layer(made):
    there = inverted(made.loaded(), 3)
    later = there.generator.layers()[-2].name
    moved = at_layer(there, later)
    assert moved.split.layer.name == later != there.split.layer.name
    np.testing.assert_allclose(
        draw(moved.split, moved.points), draw(there.split, there.points), atol=1e-5
    )
    assert at_layer(there, there.split.layer.name) is there
    with pytest.raises(UserError, match="choose a layer behind it"):
        at_layer(moved, "latent")


def test_some_pictures_are_taken_with_all_that_belongs_to_them():
    there = inverted(hierarchical.loaded(), 4)
    some = take_pictures(there, [3, 1])
    assert some.results.names == ["sample-00003", "sample-00001"]
    np.testing.assert_array_equal(some.results.images, there.results.images[[3, 1]])
    np.testing.assert_array_equal(some.points.codes, there.points.codes[[3, 1]])
    np.testing.assert_array_equal(some.points.latents, there.points.latents[[3, 1]])


class Carrier:
    """Counts, and moves nothing."""

    calls = 0

    def __call__(self, points, images, references, on_progress):
        self.calls += 1
        on_progress(5)
        count = len(points)
        status = ("converged",) * (count - 1) + ("failed: it is planted",)
        return Carried(points, images, np.ones(count), np.full(count, 5, np.int32), status)


def test_what_is_done_is_not_done_again_unless_something_is_another(tmp_path):
    there, carrier = inverted(tiny.loaded(), 2), Carrier()
    painted, masks = np.zeros_like(there.results.images), np.ones([2, 8, 8, 1], np.float32)
    with Parts(tmp_path / "out", config_text="", files=FILES) as parts:
        said = []
        watch = Watch(on_progress=said.append)
        first = edit_painting(there, carrier, painted, masks, parts, watch)
        again = edit_painting(there, carrier, painted, masks, parts)
        assert carrier.calls == 1 and said[-1] == "painting, 5 evaluations"
        np.testing.assert_array_equal(again.images, first.images)
        np.testing.assert_array_equal(again.points[0].codes, first.points[0].codes)
        edit_painting(there, carrier, painted + 0.5, masks, parts)
        assert carrier.calls == 2
        assert failures(there, [first]) == ["sample-00001, painting at 1: failed: it is planted"]


def test_the_folder_has_strips_pictures_codes_and_a_table(tmp_path):
    there = inverted(hierarchical.loaded(), 8)
    vector = learn_vector(there, "a b", {"a b": np.arange(8) % 2.0})
    strip = move_along(take_pictures(there, [0, 1]), vector, (0.0, 0.5))
    with Parts(tmp_path / "out", config_text="", files=FILES) as parts:
        files = write_strips(parts, take_pictures(there, [0, 1]), [strip, strip])
        assert files == ["strip-a_b.png", "strip-a_b-2.png"]
        with Image.open(parts.folder / "edited-a_b-00001-0.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), to_uint8(there.results.images[1]))
        with np.load(parts.folder / "edits-a_b.npz") as arrays:
            points = move(there.points.take([0, 1]), vector, 0.5)
            np.testing.assert_array_equal(arrays["codes"][1], points.codes)
            np.testing.assert_array_equal(arrays["latents"][1], points.latents)
            np.testing.assert_array_equal(arrays["labels"][1], points.labels)
            assert arrays["images"].dtype == np.uint8
        with open(parts.folder / "edits.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    assert len(rows) == 8 and rows[0]["name"] == "sample-00000"
    assert [float(row["rmse_from_reconstruction"]) for row in rows[:2]] == [0, 0]
    assert float(rows[2]["rmse_from_reconstruction"]) > 0


def test_names_become_file_names():
    names = file_names(["class:3", "class 3", "a/../b c", "", "笑", "怒", "Class:3", "x" * 300])
    start = ["class_3", "class_3-2", "a_.._b_c", "_", "笑", "怒", "Class_3-3"]
    assert names[:7] == start and len(names[7]) <= 40


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
