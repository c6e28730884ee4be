"""The generators of improved_wgan_training against their original operations in a Session."""

import re
import sys

import numpy as np
import pytest
import tensorflow as tf
from networks.improved_wgan import CLASSES, KINDS, LATENT, SIDES, make

from tfinv.errors import UserError
from tfinv.networks.wgan_gp import recognise
from tfinv.networks.wgan_gp_layers import Layers


def shapes_of(arrays):
    return {name: value.shape for name, value in arrays.items()}


def moments_of(name, x, axes):
    return tf.nn.moments(x, axes, keepdims=True)


def draw(original, statistics=None):
    """tfinv's pictures of the same latents, on these statistics or else the batch's."""
    arrays = original.arrays()
    moments = (lambda name, x, axes: statistics[name]) if statistics else moments_of
    network = recognise(shapes_of(arrays), "ckpt")
    layers = Layers(shapes_of(arrays), lambda name: tf.constant(arrays[name]), moments, "ckpt")

    @tf.function(jit_compile=True)  # plain TensorFlow does not convolve NCHW on every CPU
    def pictures(z, labels):
        return network.draw(layers, z, labels if network.classes else None)

    return pictures(original.latents, original.labels).numpy()


def given_statistics(kind):
    """Statistics of the right sizes that no batch has, by batch norm."""
    original, rng = make(kind), np.random.default_rng(3)
    return {
        name: (
            mean + 0.3 * rng.standard_normal(mean.shape).astype(np.float32),
            variance * rng.uniform(0.5, 2.0, variance.shape).astype(np.float32),
        )
        for name, (mean, variance) in original.run(original.measured).items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_on_the_same_statistics_it_is_the_original(kind):
    statistics = given_statistics(kind)
    original = make(kind, statistics=statistics)
    truth = original.run()
    side = SIDES.get(kind, 32)
    assert truth.shape == (6, 1 if "mnist" in kind else 3, side, side) and truth.std() > 0.05
    np.testing.assert_allclose(draw(original, statistics), truth, atol=1e-5)


@pytest.mark.parametrize("kind", ["mnist", "resnet"])
def test_with_weight_norm_it_is_the_original(kind):
    original = make(kind, weight_norm=True)
    assert np.abs(original.run() - make(kind).run()).max() > 0.1
    np.testing.assert_allclose(draw(original), original.run(), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_told_by_its_arrays(kind):
    arrays = make(kind).arrays()
    network = recognise(shapes_of(arrays), "ckpt")
    assert network.latent_size == LATENT
    assert network.classes == (CLASSES if kind == "resnet_labelled" else None)
    script = {"good": "gan_64x64.py", "resnet": "gan_cifar_resnet.py"}
    assert script.get(kind.split("_")[0], "gan_mnist.py") in network.name


def test_arrays_of_something_else_are_refused_with_what_was_seen():
    with pytest.raises(UserError, match=r"Generator.4x4_0.Conv1.Filters.*is known here: 64x64"):
        recognise({"Generator.Input.W": (8, 32), "Generator.4x4_0.Conv1.Filters": (1, 1, 2, 1)}, "")


@pytest.mark.parametrize(
    ("kind", "name", "shape", "message"),
    [
        ("cifar", "Input.b", None, "'Generator.Input.b' is missing"),
        ("cifar", "BN2.scale", None, "'Generator.BN2.scale' is missing"),
        ("cifar", "BN1.offset", (1, 5), r"shape \[1, 5\], where \[128\] is needed"),
        ("cifar", "2.Filters", (5, 5, 4, 9), "where 144 columns"),
        ("cifar", "3.Filters", (5, 5, 2), r"\[5, 5, 2\], where 4 dimensions are"),
        ("cifar", "3.Filters", (4, 4, 2, 4), "an odd number of taps"),
        ("cifar", "5.Biases", (4,), r"\[4\], where \[3\] is needed"),
        ("good", "Res3.Conv1.Filters", None, "'Generator.Res3.Conv1.Filters' is missing"),
        ("good", "Res2.Conv2.Filters", (3, 3, 8, 9), "Res2.Conv2.Biases"),
        ("good", "Res2.BN1.offset", (3, 16), r"where \[16\] is needed"),
        ("good", "Res4.Shortcut.Filters", (1, 1, 4, 5), "Res4.Shortcut.Biases"),
        ("resnet_labelled", "2.N1.scale", (4, 3), r"where \[2\] is needed"),
        ("resnet_labelled", "OutputN.scale", (4, 2), r"where \[2\] is needed"),
    ],
)
def test_what_is_missing_or_of_another_shape_is_named(kind, name, shape, message):
    changes = {f"Generator.{name}": shape}
    line = fault({**shapes_of(make(kind).arrays()), **changes})
    assert re.search(message, line), line


def test_a_sum_of_two_widths_is_named():
    shapes = shapes_of(make("good").arrays())
    shapes["Generator.Res2.Shortcut.Filters"] = (1, 1, 16, 5)
    shapes["Generator.Res2.Shortcut.Biases"] = (5,)
    assert "Res2.Conv2.Filters' has shape [3, 3, 8, 8], where 5 outputs" in fault(shapes)


def fault(shapes) -> str:
    """The one line that these shapes are refused with; None stands for a missing array."""
    shapes = {name: shape for name, shape in shapes.items() if shape is not None}
    placeholder = tf.compat.v1.placeholder
    with tf.Graph().as_default(), pytest.raises(UserError) as caught:
        network = recognise(shapes, "ckpt")
        z = placeholder(tf.float32, [None, LATENT])
        labels = placeholder(tf.int32, [None]) if network.classes else None
        layers = Layers(shapes, lambda n: placeholder(tf.float32, shapes[n]), moments_of, "ckpt")
        network.draw(layers, z, labels)
    line = str(caught.value)
    assert "\n" not in line and line.startswith("ckpt: array ")
    return line


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
