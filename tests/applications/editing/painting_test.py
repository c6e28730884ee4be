"""What is painted is carried into codes: inside the mask it is drawn, outside the picture stays."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from applications.editing.stored import inverted
from generators import hierarchical, tiny
from PIL import Image

from tfinv.applications.codes import draw
from tfinv.applications.editing.painting import (
    paint,
    painter,
    painting_errors,
    read_painting,
    read_picture,
)
from tfinv.errors import UserError


@functools.cache
def carrier(made, size=3, **options):
    """Compiled once for each of the tests' options."""
    return painter(made.loaded(), "dense", batch_size=size, max_evaluations=60, **options)


@functools.cache
def edit(made, size=3, **options):
    """A quarter of each of three samples painted as that of another, carried into the code."""
    there = inverted(made.loaded(), 3)
    images = there.results.images
    painted = inverted(made.loaded(), 3, seed=1).results.images
    masks = np.zeros([*images.shape[:3], 1], np.float32)
    masks[:, : images.shape[1] // 2, : images.shape[2] // 2] = 1.0
    found = paint(carrier(made, size, **options), there.points, images, painted, masks)
    return there, images, painted, masks, found


@pytest.mark.parametrize("made", [tiny, hierarchical])
def test_inside_it_is_as_painted_and_outside_as_it_was(made):
    there, images, painted, masks, found = edit(made)
    before, nothing = painting_errors(images, images, painted, masks)
    inside, outside = painting_errors(found.images, images, painted, masks)
    assert not nothing.any()
    # The hierarchical one has far fewer numbers than pixels: it can draw few paintings well.
    most = 0.6 if made is tiny else 0.8
    assert (inside < most * before).all(), (inside, before)
    assert (outside < most * before).all(), (outside, before)
    np.testing.assert_allclose(draw(there.split, found.points), found.images, atol=1e-5)
    assert (found.distance > 0).all() and (found.evaluations <= 60).all()
    if made is hierarchical:  # what is read of z has moved too, and the rest of it has not
        moved = found.points.latents != there.points.latents
        assert moved[:, there.split.latent_read].any()
        assert not moved[:, ~there.split.latent_read].any()


def test_errors_are_weighted_by_the_mask():
    rng = np.random.default_rng(0)
    found, images, painted = rng.random((3, 2, 4, 4, 3)).astype(np.float32)
    masks = (rng.random((2, 4, 4, 1)) < 0.5).astype(np.float32)
    inside, outside = painting_errors(found, images, painted, masks)
    for k in range(2):
        there = masks[k, :, :, 0] > 0
        expected = np.sqrt(np.mean((found[k][there] - painted[k][there]) ** 2))
        assert inside[k] == pytest.approx(expected, rel=1e-5)
        expected = np.sqrt(np.mean((found[k][~there] - images[k][~there]) ** 2))
        assert outside[k] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("made", "norm"), [(tiny, "l1"), (tiny, "l2"), (hierarchical, "l2")])
def test_a_large_penalty_holds_the_code_and_what_is_read_of_z(made, norm):
    _, images, _, _, free = edit(made)
    there, _, _, _, held = edit(made, penalty=1e3, norm=norm)
    assert (held.distance < 0.02 * free.distance).all()
    np.testing.assert_allclose(held.images, images, atol=0.02)
    assert (held.distance < 0.01 * np.linalg.norm(there.points.codes.reshape(3, -1), axis=1)).all()


def test_a_picture_is_edited_alike_whatever_is_beside_it():
    *_, together = edit(tiny)
    *_, filled = edit(tiny, size=2)  # the last batch has one picture, and is filled up
    np.testing.assert_allclose(filled.images, together.images, atol=1e-3)
    assert len(filled.points) == 3 and len(filled.status) == 3


def test_what_is_painted_as_it_was_changes_nothing():
    there = inverted(tiny.loaded(), 3)
    images = there.results.images
    everywhere = np.ones([*images.shape[:3], 1], np.float32)
    found = paint(carrier(tiny), there.points, images, images, everywhere)
    assert np.abs(found.images - images).max() < 2 / 255


def test_a_penalty_and_a_norm_that_are_none_are_refused():
    generator = tiny.loaded()
    with pytest.raises(UserError, match="a penalty of -1 is no weight"):
        painter(generator, "dense", penalty=-1.0)
    with pytest.raises(UserError, match="norm 'l3' is not known: it is one of l2, l1"):
        painter(generator, "dense", norm="l3")


def picture(path, size, colour):
    Image.new("RGB", size, colour).save(path)
    return str(path)


def test_painting_and_mask_are_fitted_alike(tmp_path):
    marks = np.zeros([20, 40], np.uint8)
    marks[:, :20] = 255
    Image.fromarray(marks).save(tmp_path / "mask.png")
    painted = picture(tmp_path / "painted.png", (40, 20), (255, 0, 0))
    pixels, weights = read_painting(painted, str(tmp_path / "mask.png"), (10, 10, 3), (20, 40))
    assert pixels.shape == (10, 10, 3) and weights.shape == (10, 10, 1)
    np.testing.assert_allclose(pixels[..., 0], 1.0)
    assert weights[:, :4].min() > 0.9 and weights[:, 6:].max() < 0.1


def test_what_is_transparent_in_a_mask_is_not_painted(tmp_path):
    painted = picture(tmp_path / "painted.png", (8, 8), (255, 0, 0))
    marks = np.zeros([8, 8, 4], np.uint8)
    marks[:4] = 255
    marks[4:, :, :3] = 255  # white hides there
    Image.fromarray(marks).save(tmp_path / "mask.png")
    _, weights = read_painting(painted, str(tmp_path / "mask.png"), (8, 8, 3))
    np.testing.assert_array_equal(weights[:4], 1)
    np.testing.assert_array_equal(weights[4:], 0)


def test_a_painting_has_the_proportions_of_its_photograph_or_of_the_generator(tmp_path):
    wide = picture(tmp_path / "wide.png", (40, 20), (255, 255, 255))
    square = picture(tmp_path / "square.png", (16, 16), (255, 255, 255))
    for path, had in ((wide, (60, 120)), (square, (60, 120)), (square, None)):
        assert read_painting(path, path, (8, 8, 3), had)[0].shape == (8, 8, 3)
    with pytest.raises(UserError, match=r"wide\.png: is 40x20, and its picture was 30x50"):
        read_painting(wide, wide, (8, 8, 3), (50, 30))
    with pytest.raises(UserError, match="its picture was 8x8"):
        read_painting(wide, wide, (8, 8, 3))


def test_a_wrong_painting_or_mask_is_one_line(tmp_path):
    painted = picture(tmp_path / "painted.png", (8, 8), (255, 0, 0))
    small = picture(tmp_path / "small.png", (8, 6), (255, 255, 255))
    black = picture(tmp_path / "black.png", (8, 8), (0, 0, 0))
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"torn")
    for mask, words in (
        (small, "the mask is 8x6 and the painted picture .* is 8x8"),
        (black, "the mask is black"),
        (str(tmp_path / "none.png"), "no such picture"),
        (str(torn), "torn.png"),
    ):
        with pytest.raises(UserError, match=words):
            read_painting(painted, mask, (8, 8, 3))
    assert read_picture(painted, (4, 4, 3)).shape == (4, 4, 3)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
