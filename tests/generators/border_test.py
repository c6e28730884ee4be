"""Ranges and layouts: every kind of raw output becomes the same picture."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import graphs

from tfinv.generators.border import (
    RANGES,
    Border,
    find_layout,
    range_of_graph,
    range_of_samples,
)

PICTURE = np.random.default_rng(0).random((2, 4, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("name", RANGES)
def test_every_range_and_layout_becomes_nhwc_in_0_1(name, layout):
    low, high = RANGES[name]
    raw = PICTURE * (high - low) + low
    if layout == "NCHW":
        raw = raw.transpose(0, 3, 1, 2)
    images = Border(name, layout).to_images(tf.constant(raw))
    assert images.dtype == tf.float32
    np.testing.assert_allclose(images, PICTURE, atol=1e-6)


def test_half_precision_output_becomes_float32():
    images = Border("0,1", "NHWC").to_images(tf.constant(PICTURE, tf.float16))
    assert images.dtype == tf.float32
    np.testing.assert_allclose(images, PICTURE, atol=1e-3)


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (tf.tanh, "-1,1"),
        (tf.sigmoid, "0,1"),
        (lambda x: tf.identity(tf.transpose(tf.tanh(x), [0, 2, 3, 1])), "-1,1"),
        (lambda x: tf.reshape(tf.sigmoid(x), [-1, 4, 1, 3]), "0,1"),
        (lambda x: tf.cast(tf.tanh(tf.cast(x, tf.float16)), tf.float32), "-1,1"),
        (lambda x: tf.tanh(x) * 0.5 + 0.5, None),
        (lambda x: x, None),
    ],
)
def test_the_range_that_the_graph_proves(end, found):
    w = graphs.Weights()
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 4], "z")
        image = end(tf.reshape(z @ w(4, 12), [-1, 1, 4, 3]))
    assert range_of_graph(graphs.to_model(graph, {"z": z}, image), image.name) == found


@pytest.mark.parametrize("name", RANGES)
def test_the_range_that_samples_show(name):
    low, high = RANGES[name]
    # Photographs are not noise: dark ones and bright ones are looked at too.
    for shade in (0.4, 1.0, 2.5):
        assert range_of_samples(PICTURE**shade * (high - low) + low) == name


def test_a_little_overshoot_is_not_another_range():
    assert range_of_samples(PICTURE * 1.1 - 0.05) == "0,1"
    assert range_of_samples(PICTURE * 2.4 - 1.2) == "-1,1"


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((8, 8, 3), "NHWC"),
        ((8, 6, 1), "NHWC"),
        ((3, 8, 8), "NCHW"),
        ((1, 8, 6), "NCHW"),
        ((3, 8, 3), "NHWC"),
        ((8, 8, 4), None),
        ((8, 8), None),
        ((), None),
    ],
)
def test_layouts(shape, layout):
    assert find_layout(shape) == layout


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
