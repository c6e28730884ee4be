"""What a network wants is read off its graph; what it is fed is what TF1 would have fed it."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from features import networks

from tfinv.errors import UserError
from tfinv.features.pictures import (
    Feed,
    find_layout,
    find_picture,
    is_inception,
    range_of_network,
)
from tfinv.graph.model import GraphModel, Port
from tfinv.graph.plan import make_plan
from tfinv.graph.reading.saved_model import read_saved_model

IMAGES = np.random.default_rng(0).random((2, 5, 7, 3), np.float32)
SHAPE = [None, 4, 4, 3]


def fed(images=IMAGES, range="0,1", layout="NHWC", size=None, channels=3, dtype=tf.float32):
    return Feed(range, layout, size, channels, dtype)(tf.constant(images)).numpy()


@pytest.mark.parametrize("size", [(12, 9), (3, 4), (5, 8), (16, 7), (299, 299)])
def test_resizing_is_that_of_tf1(size):
    truth = tf.compat.v1.image.resize_bilinear(IMAGES, size, align_corners=False)
    np.testing.assert_allclose(fed(size=size), truth, atol=2e-5)


def test_pictures_of_the_right_size_are_not_resized():
    np.testing.assert_array_equal(fed(size=(5, 7)), IMAGES)
    np.testing.assert_array_equal(fed(size=None), IMAGES)


def test_range_layout_channels_and_type():
    np.testing.assert_allclose(fed(range="-1,1"), IMAGES * 2 - 1, atol=1e-6)
    np.testing.assert_allclose(fed(range="0,255"), IMAGES * 255, atol=1e-4)
    np.testing.assert_array_equal(fed(layout="NCHW"), IMAGES.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(fed(IMAGES[..., :1]), np.repeat(IMAGES[..., :1], 3, 3))
    assert fed(dtype=tf.float16).dtype == np.float16


def model_of(path, build, shape=None, hub: bool = False) -> GraphModel:
    spec = (tf.float32, shape or SHAPE)
    return read_saved_model(networks.saved(path / "network", {"x": spec}, build, hub))


def first(*layers):
    """A network that begins with these, and goes on with a convolution."""

    def build(x):
        for layer in layers:
            x = layer(x)
        return tf.nn.conv2d(x, np.ones((1, 1, 3, 2), np.float32), 1, "SAME")

    return build


MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
DOUBLED = first(lambda x: x * 2.0, lambda x: x - 1.0)


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (first(), None),
        (DOUBLED, "0,1"),
        (first(lambda x: (x - 0.5) * 2.0), "0,1"),
        (first(lambda x: 1.0 - x * 2.0), None),  # a negative is no usual range
        (first(lambda x: x * 255.0, lambda x: x - 255 * MEAN), "0,1"),
        (first(lambda x: x / 127.5 - 1.0), "0,255"),
        (first(lambda x: (x - 128.0) / 128.0), "0,255"),
        (first(lambda x: x / 255.0, lambda x: (x - MEAN) / STD), "0,255"),
        (first(lambda x: x * 0.5 + 0.5), "-1,1"),
        (first(lambda x: x * 1.0, lambda x: 0.5 * (x + 1.0)), "-1,1"),
        (first(lambda x: (x - MEAN) / STD), None),
        (first(lambda x: tf.cast(tf.transpose(x, [0, 2, 1, 3]), tf.float32) * 2 - 1), "0,1"),
        (first(lambda x: tf.compat.v1.image.resize_bilinear(x, [6, 6]) * 2 - 1), "0,1"),
        (first(lambda x: x * 2 - 1 + tf.reduce_mean(x)), None),  # x is read twice
        (first(lambda x: x * x - 1.0), None),
    ],
)
def test_the_range_that_the_first_operations_prove(tmp_path, build, found):
    model = model_of(tmp_path, build)
    plan = make_plan(model, [model.outputs[0].tensor], live=["x:0"])
    assert range_of_network(model, plan, inception=False) == found


def test_the_range_of_what_is_known(tmp_path):
    plain = model_of(tmp_path, first())
    plan = make_plan(plain, [plain.outputs[0].tensor], live=["x:0"])
    assert range_of_network(plain, plan, inception=True) == "-1,1"
    hub = model_of(tmp_path / "hub", first(), hub=True)
    assert range_of_network(hub, plan, inception=True) == "0,1"


@pytest.mark.parametrize(
    ("scopes", "truth"),
    [
        (("InceptionV3/InceptionV3/Mixed_6e", "InceptionV3/InceptionV3/Mixed_7a"), True),
        (("inception_v3_1/mixed7_1", "inception_v3_1/mixed8_1"), True),
        (("mixed7", "mixed8"), True),
        (("D/8x8/Conv1", "mixed8"), False),
        (("mixed_7", "Mixed_7a"), False),
    ],
)
def test_inception_is_known_by_its_blocks(scopes, truth):
    nodes = dict.fromkeys(f"{scope}/concat" for scope in scopes)
    assert is_inception(types.SimpleNamespace(nodes=nodes)) is truth


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((None, None, None, 3), "NHWC"),
        ((None, 3, None, None), "NCHW"),
        ((8, 1, 28, 28), "NCHW"),
        ((None, 32, 32, 1), "NHWC"),
        ((None, None, None, None), "NHWC"),
        ((None, 3, 8, 3), "NHWC"),
    ],
)
def test_layout(shape, layout):
    assert find_layout(Port("x", "x:0", tf.float32, shape)) == layout


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([], ["no picture", "none"]),
        ([("z", tf.float32, (None, 128))], ["no picture", "z float32 [None, 128]", "rank 4"]),
        ([("x", tf.float32, None)], ["no picture", "x float32 ?"]),
        (
            [("a", tf.float32, (None, 4, 4, 3)), ("b", tf.float32, (None, 4, 4, 3))],
            ["2 pictures", "a float32", "b float32"],
        ),
        ([("x", tf.uint8, (None, 4, 4, 3))], ["uint8", "gradient"]),
    ],
)
def test_inputs_that_no_picture_can_go_into(ports, words):
    inputs = tuple(Port(key, f"{key}:0", dtype, shape) for key, dtype, shape in ports)
    with pytest.raises(UserError) as raised:
        find_picture(GraphModel({}, {}, inputs, (), "TF2 SavedModel", "some/path"))
    assert all(word in str(raised.value) for word in ("some/path", *words))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
