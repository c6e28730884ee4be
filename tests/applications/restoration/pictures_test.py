"""Observations of pictures: of whole ones, of degraded ones, with masks from files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from applications import photos
from PIL import Image

from tfinv.applications.pictures import Picture
from tfinv.applications.restoration.pictures import MaskFiles, fit_exactly, observe_pictures
from tfinv.errors import UserError
from tfinv.inversion.degradations import find_degradation

SHAPE = (8, 8, 3)
HOLE = np.zeros((8, 8), np.uint8)
HOLE[2:5, 1:7] = 255


def picture(index: int = 0, name: str = "a.png", shape=SHAPE, **more) -> Picture:
    pixels = photos.pixels(index, shape[0])[..., : shape[2]].astype(np.float32) / 255
    return Picture(index, name, None, "", pixels, **more)


def save(path: Path, mask: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(mask).save(path)
    return path


def test_whole_pictures_are_degraded_and_kept_as_the_truth():
    downsample = find_degradation("downsample:2", SHAPE)
    [found] = observe_pictures([picture(3)], downsample)
    truth = picture(3).pixels
    np.testing.assert_array_equal(found.whole, truth)
    np.testing.assert_allclose(found.pixels, truth.reshape(4, 2, 4, 2, 3).mean((1, 3)), atol=1e-6)


def test_degraded_pictures_are_taken_as_they_are_and_their_whole_is_a_guess():
    downsample = find_degradation("downsample:2", SHAPE)
    small = picture(2, shape=(4, 4, 3))
    [found] = observe_pictures([small], downsample, degraded=True)
    np.testing.assert_array_equal(found.pixels, small.pixels)
    guess = downsample.guesses(small.pixels[np.newaxis])["bicubic_agreed"][0]
    np.testing.assert_array_equal(found.whole, guess)


def test_random_masks_are_those_of_the_place_in_the_run():
    random = find_degradation("random:0.5", SHAPE)
    found = list(observe_pictures([picture(4), picture(6)], random, seed=3))
    for one in found:
        known = random.known([one.index], 3)[0]
        np.testing.assert_array_equal(one.pixels[..., 3] > 0, known)


def test_a_picture_that_could_not_be_read_keeps_its_fault():
    torn = Picture(0, "a.png", None, "", None, "torn")
    assert list(observe_pictures([torn], find_degradation("blur:1", SHAPE))) == [torn]


def test_one_mask_is_that_of_all(tmp_path):
    masks = MaskFiles(str(save(tmp_path / "hole.png", HOLE)), (8, 8))
    masked = find_degradation("mask", SHAPE)
    for one in observe_pictures([picture(0), picture(1, "b.jpg")], masked, masks=masks):
        np.testing.assert_array_equal(one.pixels[..., 3], HOLE == 0)
        np.testing.assert_array_equal(one.pixels[..., :3], one.whole * (HOLE == 0)[..., None])


def test_a_folder_has_a_mask_for_each_and_one_without_fails_alone(tmp_path):
    save(tmp_path / "masks" / "a.png", HOLE)
    save(tmp_path / "masks" / "more" / "b.bmp", HOLE.T.copy())
    save(tmp_path / "masks" / "small.png", HOLE[:4])
    save(tmp_path / "masks" / "all.png", np.full((8, 8), 255, np.uint8))
    save(tmp_path / "masks" / "none.png", np.zeros((8, 8), np.uint8))
    masks = MaskFiles(str(tmp_path / "masks"), (8, 8))
    names = ["a.jpg", "more/b.jpg", "c.jpg", "small.jpg", "all.jpg", "none.jpg"]
    given = [picture(k, name) for k, name in enumerate(names)]
    found = list(observe_pictures(given, find_degradation("mask", SHAPE), masks=masks))
    np.testing.assert_array_equal(found[0].pixels[..., 3], HOLE == 0)
    np.testing.assert_array_equal(found[1].pixels[..., 3], HOLE.T == 0)
    assert all(one.pixels is None for one in found[2:])
    assert "none called c.png" in found[2].fault
    assert "is of 8x4 pixels, and 8x8 fit" in found[3].fault
    assert "no pixel is known" in found[4].fault and "all.png" in found[4].fault
    assert "every pixel is known" in found[5].fault


def test_a_mask_drawn_on_a_transparent_layer_is_unknown_where_it_is_drawn(tmp_path):
    layer = np.full((8, 8, 4), 255, np.uint8)
    layer[..., 3] = HOLE
    masks = MaskFiles(str(save(tmp_path / "layer.png", layer)), (8, 8))
    np.testing.assert_array_equal(masks.known("a.png"), HOLE == 0)


def test_masks_have_a_digest_of_names_and_bytes(tmp_path):
    one = save(tmp_path / "masks" / "a.png", HOLE)
    (tmp_path / "masks" / "b.png").write_bytes(b"torn")
    digests = [MaskFiles(str(tmp_path / "masks"), (8, 8)).digest for _ in range(2)]
    save(one, HOLE.T)
    digests.append(MaskFiles(str(tmp_path / "masks"), (8, 8)).digest)
    one.rename(tmp_path / "masks" / "c.png")
    digests.append(MaskFiles(str(tmp_path / "masks"), (8, 8)).digest)
    assert digests[0] == digests[1] and len(set(digests)) == 3


def test_names_that_are_no_paths_have_no_mask(tmp_path):
    """A TFRecord may call its pictures anything."""
    save(tmp_path / "masks" / "a.png", HOLE)
    masks = MaskFiles(str(tmp_path / "masks"), (8, 8))
    for name in (".", "/", ".."):
        with pytest.raises(UserError, match="it has no mask"):
            masks.known(name)


def test_masks_that_fit_nothing_are_one_line(tmp_path):
    with pytest.raises(UserError, match="8x8 pixels, and 4x4 fit"):
        MaskFiles(str(save(tmp_path / "hole.png", HOLE)), (4, 4))
    with pytest.raises(UserError, match="no pixel is known"):
        MaskFiles(str(save(tmp_path / "all.png", np.full((8, 8), 255, np.uint8))), (8, 8))
    with pytest.raises(UserError, match="no such file"):
        MaskFiles(str(tmp_path / "none.png"), (8, 8))
    with pytest.raises(UserError, match="2 files; name one"):
        MaskFiles(str(tmp_path / "*.png"), (8, 8))
    save(tmp_path / "both" / "a.png", HOLE)
    save(tmp_path / "both" / "a.bmp", HOLE)
    with pytest.raises(UserError, match="masks of the same picture"):
        MaskFiles(str(tmp_path / "both"), (8, 8))


def test_a_degraded_picture_is_not_resized():
    downsample = find_degradation("downsample:2", SHAPE)
    small = photos.pixels(1, 4)
    pixels, note = fit_exactly(small, downsample)
    np.testing.assert_array_equal(pixels, small / np.float32(255))
    assert note is None
    with pytest.raises(UserError, match="it is of 8x8 pixels, and downsample:2 leaves 4x4"):
        fit_exactly(photos.pixels(1, 8), downsample)
    grey, _ = fit_exactly(photos.pixels(1, 8), find_degradation("greyscale", SHAPE))
    truth = photos.pixels(1, 8) @ np.array([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(grey[..., 0], truth, atol=1e-6)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
