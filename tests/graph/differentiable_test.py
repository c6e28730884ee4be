"""What no gradient passes is named, and what one passes is not."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf
from graph import graphs

from tfinv.errors import UserError
from tfinv.graph.differentiable import why_not_differentiable
from tfinv.graph.layers import cuttable_layers, first_dense_layer

v1 = tf.compat.v1


def model_of(body):
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 16], "z")
        h = tf.nn.relu(z @ tf.eye(16), name="h")
        image = body(tf.reshape(h, [-1, 4, 4, 1]))
    return graphs.to_model(graph, {"z": z}, image), image.name


def why(body, **options) -> str | None:
    model, output = model_of(body)
    return why_not_differentiable(model, "h", output, [16], **options)


@pytest.mark.parametrize("name", graphs.different_cases())
def test_generators_are_differentiable(name):
    case = graphs.case(name)
    layers = cuttable_layers(case.model, case.latent, case.output.name, case.constants)
    layer = next(layer for layer in layers if layer.dense)
    arguments = (case.model, layer.name, case.output.name, layer.shape, case.constants)
    assert why_not_differentiable(*arguments) is None


def resized(op: str):
    return lambda x: getattr(tf.raw_ops, op)(images=x, size=[7, 5])


@pytest.mark.parametrize("op", ["ResizeBicubic", "ResizeArea", "ResizeBilinear"])
def test_resizing_is_differentiable(op):
    assert why(resized(op)) is None


@pytest.mark.parametrize(
    "body",
    [
        lambda x: tf.tanh(tf.round(x, name="stop") * 2.0),
        lambda x: tf.floor(x + 0.5, name="stop") / 255.0,
        lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32, name="stop") / 255.0,
        lambda x: tf.stop_gradient(x, name="stop") + tf.zeros_like(x),
    ],
)
def test_steps_that_are_flat_are_named(body):
    assert "no gradient passes node 'stop'" in why(body)


def test_a_flat_step_beside_the_way_does_no_harm():
    assert why(lambda x: x + tf.round(x)) is None


def test_ops_without_a_gradient_are_named():
    adjust = tf.raw_ops.AdjustContrastv2
    message = why(lambda x: adjust(images=x, contrast_factor=2.0, name="adjust"))
    assert "node 'adjust' (AdjustContrastv2) has no gradient" in message


def test_ops_that_xla_cannot_compile_are_named():
    boxes = [[0.0, 0.0, 1.0, 1.0]] * 2
    body = lambda x: tf.image.crop_and_resize(x, boxes, [0, 1], [3, 3], name="crop")  # noqa: E731
    assert why(body, compiled=False) is None
    assert "XLA cannot compile" in why(body) and "CropAndResize" in why(body)


@pytest.mark.parametrize(
    "body",
    [
        lambda x: tf.cast(tf.round(x * 255.0), tf.uint8, name="bytes"),
        lambda x: tf.cast(tf.cast(x * 255.0, tf.uint8, name="bytes"), tf.float32) / 255.0,
    ],
)
def test_pictures_of_integers_say_so(body):
    model, output = model_of(body)
    for ask in (cuttable_layers, first_dense_layer):
        with pytest.raises(UserError, match=r"rounded to integers by node 'bytes'.*the last cast"):
            ask(model, "z", output)


def test_outputs_that_do_not_depend_on_the_input_still_say_that():
    model, output = model_of(lambda x: tf.ones(tf.shape(x)))
    with pytest.raises(UserError, match="does not depend on the input"):
        cuttable_layers(model, "z", output)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
