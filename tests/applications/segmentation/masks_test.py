"""Each picture gets its own mask, cut as the picture was, or one line says what is wrong."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from tfinv.applications.segmentation.masks import read_masks
from tfinv.errors import UserError

SIZE = (8, 8)


def save(path, shape, value=0):
    labels = np.zeros(shape, np.uint8)
    labels[: shape[0] // 2] = 100
    labels[0, 0] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path)


def read(folder, names, notes=None):
    return read_masks([str(folder)], names, notes or [""] * len(names), SIZE)


def test_masks_are_matched_by_name_in_the_order_of_the_pictures(tmp_path):
    save(tmp_path / "cat.png", (8, 8), 1)
    save(tmp_path / "more" / "dog.bmp", (8, 8), 100)
    save(tmp_path / "unused.png", (3, 5))
    first, second = read(tmp_path, ["more/dog.jpg", "photos/cat.jpeg"])
    assert len(np.unique(first)) == 2 and len(np.unique(second)) == 3


def test_the_whole_name_wins_over_its_end(tmp_path):
    save(tmp_path / "a" / "cat.png", (8, 8), 1)
    save(tmp_path / "b" / "cat.png", (8, 8), 100)
    first, second = read(tmp_path, ["a/cat.jpg", "b/cat.jpg"])
    assert len(np.unique(first)) == 3 and len(np.unique(second)) == 2
    (tmp_path / "b" / "cat.png").unlink()
    with pytest.raises(UserError, match=r"a/cat.png is called as a/cat.jpg and as b/cat.jpg"):
        read(tmp_path, ["a/cat.jpg", "b/cat.jpg"])
    save(tmp_path / "b" / "cat.png", (8, 8), 100)
    with pytest.raises(UserError, match=r"c/cat.jpg has 2 masks, such as a/cat.png and b/cat.png"):
        read(tmp_path, ["c/cat.jpg"])


def test_a_point_in_a_name_is_no_extension(tmp_path):
    save(tmp_path / "step-0.5.png", (8, 8))
    assert len(read(tmp_path, ["step-0.5"])) == 1
    with pytest.raises(UserError, match=r"no mask for step-0\.7"):
        read(tmp_path, ["step-0.7"])


@pytest.mark.parametrize("shape", [(20, 40), (8, 8), (10, 20), (61, 122), (50, 50)])
def test_a_mask_has_the_size_or_the_proportions_of_its_picture(tmp_path, shape):
    save(tmp_path / "cat.png", shape)
    [mask] = read(tmp_path, ["cat.jpg"], ["reduced from 40x20, centre-cropped; more"])
    assert mask.shape == SIZE
    np.testing.assert_array_equal(mask[1:4], 1)
    np.testing.assert_array_equal(mask[4:], 0)


@pytest.mark.parametrize("shape", [(40, 20), (20, 30), (20, 44)])
def test_other_proportions_are_refused(tmp_path, shape):
    save(tmp_path / "cat.png", shape)
    with pytest.raises(UserError) as refused:
        read(tmp_path, ["cat.jpg"], ["reduced from 40x20, centre-cropped"])
    assert f"mask cat.png is {shape[1]}x{shape[0]}, but cat.jpg was 40x20" in str(refused.value)


def test_missing_masks_are_named(tmp_path):
    save(tmp_path / "cat.png", (8, 8))
    with pytest.raises(UserError, match=r"no mask for a, b, c, \.\.\.; .* there is cat.png"):
        read(tmp_path, ["cat", "a", "b", "c", "d"])
    (tmp_path / "cat.png").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"cat.png: not a picture"):
        read(tmp_path, ["cat"])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
