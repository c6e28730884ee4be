"""Which output is the picture, and what is taken where a file rounds it."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import model_of
from graph import graphs

from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.output.picture import find_picture
from tfinv.graph.model import Port

W = graphs.Weights()(8, 48, scale=0.3)
Z = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
SHAPES = {"image": (None, 4, 4, 3), "grey": (None, 1, 4, 4), "codes": (None, 8)}


def body(z):
    return tf.reshape(z @ W, [-1, 4, 4, 3])


def with_outputs(*keys: str):
    """The same picture under several keys; `SHAPES` says of what shape the first word is."""
    model = model_of({"z": (tf.float32, [None, 8])}, lambda z: tf.tanh(body(z)))
    [port] = model.outputs
    ports = [Port(key, port.tensor, port.dtype, SHAPES.get(key.split("_")[0])) for key in keys]
    return dataclasses.replace(model, outputs=tuple(ports))


def test_the_only_output_or_the_only_picture():
    assert find_picture(with_outputs("codes")).notes == ()
    [note] = find_picture(with_outputs("codes", "image")).notes
    assert "'image' is taken" in note and "'codes'" in note and "--output" in note
    assert "'grey_x' is taken" in find_picture(with_outputs("codes", "grey_x")).notes[0]


def test_of_several_pictures_the_one_under_a_usual_key():
    model = with_outputs("image_2", "image")
    assert "'image' is taken" in find_picture(model).notes[0]


@pytest.mark.parametrize("keys", [("image_1", "image_2"), ("codes", "other"), ()])
def test_several_or_none_are_refused(keys):
    with pytest.raises(UserError) as raised:
        find_picture(with_outputs(*keys))
    assert f"has {len(keys)} outputs" in str(raised.value) and "--output=KEY" in str(raised.value)


@pytest.mark.parametrize(
    "rounded",
    [
        lambda x: tf.saturate_cast(x, tf.uint8),
        lambda x: tf.cast(tf.round(tf.clip_by_value(x, 0, 255)), tf.uint8),
        lambda x: tf.identity(tf.cast(tf.math.rint(x), tf.int32)),
        lambda x: tf.cast(x, tf.uint8),
        lambda x: tf.saturate_cast(tf.round(x), tf.uint8),
        lambda x: tf.cast(tf.maximum(tf.minimum(tf.floor(x + 0.0), 255.0), 0.0), tf.uint8),
    ],
)
def test_a_picture_is_taken_in_front_of_the_rounding(rounded):
    def draw(z):
        return rounded((tf.tanh(body(z)) + 1) * 127.5)

    generator = Generator(model_of({"z": (tf.float32, [None, 8])}, draw))
    truth = (np.tanh((Z @ W).reshape(-1, 4, 4, 3)) + 1) / 2
    np.testing.assert_allclose(generator(Z), truth, atol=1e-5)
    assert generator.border.range == "0,255" and "rounds its pictures" in generator.notes[0]


@pytest.mark.parametrize(
    ("rounded", "low", "high"),
    [
        (lambda x: tf.round((x + 1) * 127.5), 0, 255),
        (lambda x: tf.round(tf.tanh(x) * 4) / 4, -1, 1),
        (lambda x: tf.transpose(tf.math.rint(127.5 * x + 127.5) / 255, [0, 3, 1, 2]), 0, 1),
    ],
)
def test_a_picture_that_stays_a_float_is_taken_without_the_rounding(rounded, low, high):
    generator = Generator(
        model_of({"z": (tf.float32, [None, 8])}, lambda z: rounded(tf.tanh(body(z))))
    )
    with tf.GradientTape() as tape:
        z = tf.Variable(Z)
        images = generator(z)
    assert np.abs(tape.gradient(images, z)).min() > 0
    drawn = rounded(tf.tanh(body(Z))).numpy()
    raw = np.moveaxis(drawn, 1, 3) if drawn.shape[1] == 3 else drawn
    step = 0.13 if (low, high) == (-1, 1) else 0.51 / 255 * (high - low)
    assert 0 < np.abs(images - (raw - low) / (high - low)).max() <= step
    assert any("rounds its pictures" in note for note in generator.notes)


def test_integers_that_come_from_elsewhere_are_refused():
    def draw(z):
        return tf.transpose(tf.cast(255 * tf.sigmoid(body(z)), tf.uint8), [0, 2, 1, 3])

    with pytest.raises(UserError, match="rounds its picture to uint8"):
        Generator(model_of({"z": (tf.float32, [None, 8])}, draw))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
