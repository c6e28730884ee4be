"""fit and ranges: the right pixels, exact where nothing need be resampled, and an honest note."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.images.ranges import to_float, to_rgb8, to_uint8
from tfinv.images.resize import fit

NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def test_the_right_size_is_left_alone():
    image, note = fit(NOISE, 48, 64)
    assert note is None and image.dtype == np.float32
    np.testing.assert_array_equal(image, NOISE.astype(np.float32) / 255)


def test_cropping_alone_keeps_the_pixels():
    image, note = fit(NOISE, 48, 48)
    np.testing.assert_array_equal(to_uint8(image), NOISE[:, 8:56])
    assert note == "centre-cropped from 64x48"
    image, note = fit(NOISE[:33, :32], 32, 32)
    np.testing.assert_array_equal(to_uint8(image), NOISE[:32, :32])
    assert note == "centre-cropped from 32x33"


def test_notes_say_what_was_done():
    assert fit(NOISE, 24, 32)[1] == "reduced from 64x48"
    assert fit(NOISE, 32, 32)[1] == "reduced from 64x48, centre-cropped"
    assert fit(NOISE, 96, 128)[1] == "enlarged from 64x48"
    assert fit(NOISE, 64, 64)[1] == "enlarged from 64x48, centre-cropped"


def test_reduction_does_not_alias():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    image, _ = fit(stripes, 32, 32)
    assert np.abs(image[:, 2:-2] - 0.5).max() < 0.02


def test_the_centre_stays_the_centre():
    image = np.zeros((300, 500, 3), np.uint8)
    image[140:160, 240:260] = 255
    small, _ = fit(image, 30, 30)
    rows, columns = np.indices((30, 30))
    weight = small[..., 0] / small[..., 0].sum()
    assert abs((rows * weight).sum() - 14.5) < 0.05
    assert abs((columns * weight).sum() - 14.5) < 0.05


def test_one_channel_is_luma():
    image, _ = fit(NOISE, 48, 64, channels=1)
    want = (NOISE @ np.array([0.299, 0.587, 0.114])) / 255
    assert image.shape == (48, 64, 1) and image.dtype == np.float32
    np.testing.assert_allclose(image[..., 0], want, atol=1e-6)
    with pytest.raises(ValueError, match="1 or 3"):
        fit(NOISE, 48, 64, channels=4)


@settings(max_examples=60, deadline=None)
@given(*[st.integers(1, 40)] * 4, st.integers(0, 255))
def test_any_size_to_any_size(rows, columns, height, width, value):
    image, note = fit(np.full((rows, columns, 3), value, np.uint8), height, width)
    assert image.shape == (height, width, 3)
    np.testing.assert_allclose(image, value / 255, atol=1e-6)
    assert (note is None) == ((rows, columns) == (height, width))


def test_ranges_round_trip_and_survive_nan():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(to_float(every)), every)
    assert to_float(every).max() == 1 and to_float(every).dtype == np.float32
    wild = np.array([np.nan, -1.0, 2.0, np.inf, -np.inf, 0.5])
    assert to_uint8(wild).tolist() == [0, 0, 255, 255, 0, 128]


def test_rgb8():
    grey = np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)
    assert to_rgb8(grey).shape == to_rgb8(grey[..., None]).shape == (2, 3, 3)
    with pytest.raises(ValueError, match="picture"):
        to_rgb8(np.zeros((2, 3, 4)))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
