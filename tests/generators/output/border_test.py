"""Ranges and layouts: every kind of raw output becomes the same picture."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.generators.output.border import RANGES, Border, range_of_samples

PICTURE = np.random.default_rng(0).random((2, 4, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("name", RANGES)
def test_every_range_and_layout_becomes_nhwc_in_0_1(name, layout, flat):
    low, high = RANGES[name]
    raw = PICTURE * (high - low) + low
    if layout == "NCHW":
        raw = raw.transpose(0, 3, 1, 2)
    shape = raw.shape[1:] if flat else None
    images = Border(name, layout, shape).to_images(tf.constant(raw.reshape(2, -1) if flat else raw))
    assert images.dtype == tf.float32
    np.testing.assert_allclose(images, PICTURE, atol=1e-6)


def test_half_precision_output_becomes_float32():
    images = Border("0,1", "NHWC").to_images(tf.constant(PICTURE, tf.float16))
    assert images.dtype == tf.float32
    np.testing.assert_allclose(images, PICTURE, atol=1e-3)


@pytest.mark.parametrize("name", RANGES)
def test_the_range_that_samples_show(name):
    low, high = RANGES[name]
    # Photographs are not noise: dark ones and bright ones are looked at too.
    for shade in (0.4, 1.0, 2.5):
        assert range_of_samples(PICTURE**shade * (high - low) + low) == name


def test_a_little_overshoot_is_not_another_range():
    assert range_of_samples(PICTURE * 1.1 - 0.05) == "0,1"
    assert range_of_samples(PICTURE * 2.4 - 1.2) == "-1,1"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
