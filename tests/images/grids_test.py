"""grids: every picture where it belongs, enlarged without inventing detail."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfinv.images.grids import contact_sheet, enlarge, grid

RANDOM = np.random.default_rng(0)


def contains(sheet: np.ndarray, part: np.ndarray) -> bool:
    """Whether `part` stands somewhere in `sheet`, pixel for pixel."""
    rows, columns = part.shape[:2]
    tops, lefts = np.nonzero((sheet[:, :, 0] == part[0, 0, 0]) & (sheet[:, :, 1] == part[0, 0, 1]))
    return any(
        np.array_equal(sheet[y : y + rows, x : x + columns], part)
        for y, x in zip(tops, lefts, strict=True)
    )


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (5, 2, 3), (9, 3, 3)])
def test_grid_places_pictures_in_reading_order(count, rows, columns):
    images = RANDOM.integers(0, 255, (count, 4, 6, 3), np.uint8)
    sheet = grid(images)
    assert sheet.shape == (rows * 6 - 2, columns * 8 - 2, 3)
    for i in range(count):
        y, x = i // columns * 6, i % columns * 8
        np.testing.assert_array_equal(sheet[y : y + 4, x : x + 6], images[i])
    used = count * 4 * 6 * 3
    assert (sheet == 255).sum() >= sheet.size - used


def test_grid_of_floats_and_of_grey():
    images = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 2, 2, 1)
    sheet = grid(images, columns=1, gap=0)
    np.testing.assert_array_equal(sheet[:, :, 0].ravel(), np.rint(images.ravel() * 255))
    with pytest.raises(ValueError, match="at least one"):
        grid(images[:0])


def test_enlarge_repeats_small_pictures_and_reduces_large_ones():
    small = RANDOM.integers(0, 256, (32, 20, 3), np.uint8)
    want = small.repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(np.asarray(enlarge(small)), want)
    middle = RANDOM.integers(0, 256, (100, 200, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(enlarge(middle)), middle)
    assert enlarge(np.zeros((1024, 512, 3))).size == (128, 256)


def test_contact_sheet_shows_every_picture():
    rows = [list(RANDOM.integers(0, 250, (3, 16, 16, 3), np.uint8)) for _ in range(2)]
    rows[1][2] = None
    sheet = np.asarray(
        contact_sheet(
            rows,
            ["a short name", "a name that is far too long to be shown as it is.png\na note"],
            ["target", "latent", "dense"],
            captions=[[None, "RMSE 0.100", "RMSE 0.021"], [None, "RMSE 0.100", "failed"]],
            footer="rows 1 and 2 of 2",
        )
    )
    for picture in (p for row in rows for p in row if p is not None):
        assert contains(sheet, picture.repeat(8, 0).repeat(8, 1))
    assert contains(sheet, np.full((128, 128, 3), 242, np.uint8))
    border = np.concatenate([sheet[:8].ravel(), sheet[-8:].ravel(), sheet[:, -8:].ravel()])
    assert (border == 255).all()


def test_text_is_drawn_where_it_is_asked_for():
    image = [[np.ones((16, 16, 3))]]
    bare = np.asarray(contact_sheet(image))
    assert (bare == 255).all()
    for words in (
        {"row_titles": ["name"]},
        {"column_titles": ["target"]},
        {"captions": [["RMSE 0.021"]]},
        {"footer": "cut"},
    ):
        assert (np.asarray(contact_sheet(image, **words)) < 128).any(), words


def test_a_sheet_without_pictures_still_says_why():
    assert (np.asarray(contact_sheet([], footer="all 3 images failed")) < 128).any()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
