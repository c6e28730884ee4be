"""Masks keep every region, whatever the file, and are cropped as their pictures are."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from tfinv.errors import UserError
from tfinv.images.labels import (
    PALETTE,
    decode_labels,
    fit_labels,
    indexed_picture,
    resize_labels,
)
from tfinv.images.resize import fit

REGIONS = np.random.default_rng(0).integers(0, 5, (7, 9))


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


def saved(form: str) -> bytes:
    if form == "grey":
        return encode(Image.fromarray((REGIONS * 60).astype(np.uint8)))
    if form == "16 bits":
        return encode(Image.fromarray(REGIONS.astype(np.uint16)))
    if form == "indexed":
        return encode(indexed_picture(REGIONS))
    colours = np.random.default_rng(1).integers(0, 256, (5, 3), np.uint8)
    return encode(Image.fromarray(colours[REGIONS]), "BMP" if form == "BMP" else "PNG")


@pytest.mark.parametrize("form", ["grey", "16 bits", "indexed", "colours", "BMP"])
def test_every_form_of_a_mask_has_the_same_regions(form):
    labels = decode_labels(saved(form), "mask")
    assert labels.dtype == np.int32 and labels.shape == (7, 9)
    pairs = {*zip(labels.ravel(), REGIONS.ravel(), strict=True)}
    assert len(pairs) == 5 and {label for label, _ in pairs} == set(range(5))


def test_what_is_transparent_is_a_region_whatever_colour_hides_there():
    pixels = np.full([4, 4, 4], 255, np.uint8)
    pixels[2:] = np.random.default_rng(0).integers(0, 256, [2, 4, 4])
    pixels[2:, :, 3] = 0
    labels = decode_labels(encode(Image.fromarray(pixels)), "a.png")
    assert len(np.unique(labels[:2])) == len(np.unique(labels[2:])) == 1
    assert labels[0, 0] != labels[3, 3]


def test_a_photograph_is_no_mask_and_a_torn_file_is_named():
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    with pytest.raises(UserError, match=r"cat.jpg: \d+ colours, and each would be a region"):
        decode_labels(encode(Image.fromarray(noise), "JPEG"), "cat.jpg")
    with pytest.raises(UserError, match=r"cat.png: .*damaged"):
        decode_labels(saved("grey")[:60], "cat.png")


@pytest.mark.parametrize("shape", [(48, 64), (64, 48), (33, 32), (16, 16), (5, 7), (90, 31)])
@pytest.mark.parametrize("size", [(16, 16), (16, 24)])
def test_a_mask_is_cropped_as_its_picture(shape, size):
    """Blocks that survive the picture's smoothing are where the picture has them."""
    rows, columns = np.indices(shape)
    labels = (2 * rows >= shape[0]).astype(int) + 2 * (3 * columns >= shape[1])
    fitted = fit_labels(labels, *size)
    assert fitted.shape == size
    picture = np.repeat((labels * 80).astype(np.uint8)[:, :, None], 3, 2)
    seen, _ = fit(picture, *size)
    apart = np.abs(np.rint(seen[:, :, 0] * 255 / 80) - fitted)
    edge = np.zeros(size, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            edge |= np.roll(fitted, step, axis) != fitted
    assert apart[~edge].max(initial=0) == 0
    assert np.mean(edge) < 0.6


def test_whole_factors_take_each_pixels_centre():
    labels = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(resize_labels(labels, 6, 8), labels.repeat(2, 0).repeat(2, 1))
    large = np.kron(labels, np.ones((3, 3), int))
    np.testing.assert_array_equal(resize_labels(large, 3, 4), labels)


def test_the_palette_has_256_colours_and_the_safe_ones_differ_in_lightness_or_blue():
    assert PALETTE.shape == (256, 3) and len(np.unique(PALETTE, axis=0)) == 256
    # Without red or green cones (Viénot, Brettel, Mollon 1999), in linear light, roughly:
    linear = (PALETTE[:8] / 255.0) ** 2.2
    for mix in ([0.11238, 0.88762], [0.29275, 0.70725]):
        seen = np.stack([linear[:, :2] @ mix, linear[:, 2]], 1) ** (1 / 2.2)
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert apart[np.triu_indices(8, 1)].min() > 0.06


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
