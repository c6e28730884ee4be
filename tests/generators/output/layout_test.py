"""Which axes of a raw picture are which, and what is no picture."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import facts_of, model_of

from tfinv.errors import UserError
from tfinv.generators.output.layout import find_layout, flattened


def smooth(order: str, side: int = 8) -> np.ndarray:
    """Flat pictures of which each channel is a slope, [N, 3 * side**2]."""
    rng = np.random.default_rng(0)
    slope = np.linspace(-1, 1, side)
    pictures = rng.normal(size=(4, 1, 1, 3)) + slope[:, None, None] + slope[:, None]
    if order == "NCHW":
        pictures = pictures.transpose(0, 3, 1, 2)
    return pictures.reshape(4, -1)


def never():
    raise AssertionError("not needed")


@pytest.mark.parametrize(
    ("shape", "asked", "order", "image"),
    [
        ((8, 8, 3), None, "NHWC", (8, 8, 3)),
        ((8, 6, 1), None, "NHWC", (8, 6, 1)),
        ((3, 8, 7), None, "NCHW", (8, 7, 3)),
        ((1, 8, 6), None, "NCHW", (8, 6, 1)),
        ((3, 8, 3), None, "NHWC", (3, 8, 3)),
        ((3, 8, 3), "NCHW", "NCHW", (8, 3, 3)),
        ((8, 6), None, "NHWC", (8, 6, 1)),
    ],
)
def test_a_shape_with_axes_tells(shape, asked, order, image):
    layout = find_layout(shape, asked, "g", never, never)
    assert (layout.order, layout.image_shape, layout.is_guess) == (order, image, False)


@pytest.mark.parametrize(
    ("before", "order", "image"),
    [
        ((4, 4, 3), "NHWC", (4, 4, 3)),
        ((3, 2, 8), "NCHW", (2, 8, 3)),
        ((6, 8), "NHWC", (6, 8, 1)),
    ],
)
def test_a_flat_picture_has_the_axes_that_were_flattened(before, order, image):
    layout = find_layout((48,), None, "g", lambda: before, never)
    assert (layout.order, layout.image_shape, layout.is_guess) == (order, image, False)
    assert layout.shape == (before if len(before) == 3 else (*before, 1))


@pytest.mark.parametrize("order", ["NHWC", "NCHW"])
def test_a_flat_picture_of_three_channels_is_smooth_in_one_order(order):
    layout = find_layout((192,), None, "g", lambda: None, lambda: smooth(order))
    assert (layout.order, layout.image_shape, layout.is_guess) == (order, (8, 8, 3), True)
    asked = find_layout((192,), "NHWC", "g", lambda: None, never)
    assert (asked.order, asked.is_guess) == ("NHWC", False)


def test_a_flat_picture_whose_size_is_a_square_number_has_one_channel():
    layout = find_layout((784,), None, "g", lambda: (7, 7, 64), never)  # flattened before a dense
    assert (layout.image_shape, layout.is_guess) == ((28, 28, 1), True)


@pytest.mark.parametrize(
    ("shape", "asked", "words"),
    [
        ((8, 8, 4), None, "4 channels"),
        ((4, 8, 8), None, "4 channels"),
        ((8, 8, 2), None, "[8, 8, 2]"),
        ((8, 8, 3), "NCHW", "layout NCHW"),
        ((8, 8, 3), "NWHC", "NWHC is not known"),
        ((7,), None, "no picture"),
        ((), None, "score"),
        ((2, 8, 8, 3), None, "no picture"),
    ],
)
def test_what_is_no_picture(shape, asked, words):
    with pytest.raises(UserError) as raised:
        find_layout(shape, asked, "g", lambda: None, never)
    assert words in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (lambda x: tf.reshape(x, [-1, 16]), "inner"),
        (lambda x: tf.tanh(tf.reshape(x, [-1, 16])) * 0.5 + 0.5, "inner"),
        (lambda x: tf.reshape(x, [-1, 16]) @ np.ones((16, 9), "f"), None),
        (lambda x: tf.tanh(x) * tf.sigmoid(x), None),
    ],
)
def test_what_a_graph_flattens(end, found):
    def draw(z):
        return end(tf.add(tf.reshape(z, [-1, 4, 4, 1]), 1.0, name="inner"))

    model = model_of({"z": (tf.float32, [None, 16])}, draw)
    tensor = flattened(facts_of(model), model.outputs[0].tensor)
    assert tensor == found


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
