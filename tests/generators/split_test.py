"""On every format that is read, g2(g1(z)) = G(z) at every layer on offer."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from generators import tiny

from tfinv.errors import UserError
from tfinv.generators.load import load_generator


def _tf_keras(path):
    import tf_keras

    return tiny.keras(path / "m", tf_keras)


SAVED = {
    "TF1 SavedModel, NHWC": lambda path: tiny.session(path / "m", "dcgan, fused norm"),
    "TF1 SavedModel, norm spelled out": lambda path: tiny.session(
        path / "m", "dcgan, norm spelled out"
    ),
    "TF1 SavedModel, NCHW": lambda path: tiny.session(path / "m", "progan"),
    "TF1 SavedModel, int labels": lambda path: tiny.session(path / "m", "resnet"),
    "TF1 SavedModel, one-hot, truncation": lambda path: tiny.session(path / "m", "biggan"),
    "TF1-Hub module": lambda path: tiny.session(
        path / "m", "biggan, stateful truncation", hub=True
    ),
    "tf.Module": lambda path: tiny.of_module(path / "m", conditional=False),
    "tf.Module, int labels": lambda path: tiny.of_module(path / "m", conditional=True),
    "Keras 3 export": lambda path: tiny.keras(path / "m", keras),
    "Keras 3 file": lambda path: tiny.keras(path / "m.keras", keras),
    "tf_keras SavedModel": _tf_keras,
}
RANGES = {"-1,1": (-1, 1), "0,1": (0, 1), "0,255": (0, 255)}


@pytest.mark.parametrize("name", SAVED)
def test_every_layer_is_an_exact_cut(name, tmp_path):
    truth = SAVED[name](tmp_path)
    generator = load_generator(truth.path, constants=truth.constants)
    low, high = RANGES[generator.border.range]
    raw = truth.raw.transpose(0, 2, 3, 1) if "NCHW" in name else truth.raw
    pictures = np.clip((raw - low) / (high - low), 0, 1)
    assert np.mean((pictures > 0) & (pictures < 1)) > 0.5
    assert pictures.shape[1:] == generator.image_shape
    np.testing.assert_allclose(generator(truth.z, truth.labels), pictures, atol=1e-4)

    layers = ["latent", "dense", *(layer.name for layer in generator.layers())]
    assert len(layers) > 3
    for layer in layers:
        split = generator.split(layer)
        h = split.g1(truth.z, truth.labels)
        assert h.shape == (len(truth.z), *split.code_shape)
        drawn = split.g2(
            h,
            truth.z if split.reads_latent else None,
            truth.labels if split.reads_labels else None,
        )
        np.testing.assert_allclose(drawn, pictures, atol=1e-4, err_msg=layer)
        # What is not read is not needed, and what is read changes the picture.
        if split.reads_latent:
            other = split.g2(h, truth.z + 1, truth.labels).numpy()
            assert np.abs(other - pictures).max() > 1e-4, layer


@pytest.mark.parametrize("name", ["TF1 SavedModel, int labels", "TF1-Hub module"])
def test_labels_that_are_read_change_the_picture(name, tmp_path):
    truth = SAVED[name](tmp_path)
    generator = load_generator(truth.path, constants=truth.constants)
    split = generator.split("dense")
    assert split.reads_labels
    h = split.g1(truth.z, truth.labels)
    drawn = split.g2(h, truth.z, truth.labels).numpy()
    other = split.g2(h, truth.z, 1 - truth.labels % 2).numpy()
    assert np.abs(other - drawn).max() > 1e-4


def test_a_truncation_constant_is_obeyed(tmp_path):
    truth = SAVED["TF1 SavedModel, one-hot, truncation"](tmp_path)
    assert truth.constants == {"truncation": pytest.approx(0.55)}
    by_default = load_generator(truth.path)
    drawn = by_default(truth.z, truth.labels).numpy()
    assert np.abs(drawn - (truth.raw + 1) / 2).max() > 1e-3


def test_what_g2_reads_must_be_given():
    split = tiny.loaded(conditional=True).split("dense")
    z, labels = np.zeros((2, tiny.LATENT), np.float32), [0, 1]
    h = split.g1(z, labels)
    assert (split.reads_latent, split.reads_labels) == (False, True)
    with pytest.raises(UserError, match=r"still reads the labels behind .*dense"):
        split.g2(h)
    with pytest.raises(UserError, match="conditional: give a label"):
        split.g1(z)


def test_the_latent_is_a_cut_like_any_other():
    generator = tiny.loaded()
    split = generator.split("latent")
    z = generator.sample_latents(2)
    assert (split.is_latent, split.code_shape, split.reads_latent) == (True, (tiny.LATENT,), False)
    np.testing.assert_array_equal(split.g1(z), z)
    np.testing.assert_allclose(split.g2(z), generator(z), atol=1e-6)


def test_the_leak_changes_gradients_and_no_picture():
    split = tiny.loaded().split("dense")
    h = tf.constant(np.random.default_rng(0).standard_normal((2, 4, 4, 16)), tf.float32)

    def drawn(leak):
        with tf.GradientTape() as tape:
            tape.watch(h)
            images = split.g2(h, leak=leak)
        return images.numpy(), tape.gradient(images, h).numpy()

    (closed, true), (leaking, other) = drawn(0.0), drawn(np.float32([0.5, 0.0]))
    np.testing.assert_array_equal(closed, leaking)
    assert np.all(true[h.numpy() < 0] == 0)
    assert np.any(other[0] != true[0])
    np.testing.assert_array_equal(other[1], true[1])


def test_cuts_know_their_order_and_a_code_can_be_followed():
    generator = tiny.loaded(conditional=True)
    z, labels = generator.sample_latents(3), generator.sample_labels(3)
    names = ["latent", *(layer.name for layer in generator.layers())]
    splits = [generator.split(name) for name in names]
    for i, early in enumerate(splits):
        for j, late in enumerate(splits):
            assert early.reaches(late) == (i <= j)
            if i <= j:
                followed = early.follow(early.g1(z, labels), late, z, labels)
                np.testing.assert_allclose(followed, late.g1(z, labels), atol=1e-5)


def test_any_tensor_behind_the_cut_has_its_value_for_a_code():
    generator = tiny.loaded(conditional=True)
    z, labels = generator.sample_latents(3), generator.sample_labels(3)
    whole = generator.split("latent")
    for cut in ("latent", "dense"):
        split = generator.split(cut)
        h = split.g1(z, labels)
        for layer in generator.layers():
            truth = generator.split(layer.name).g1(z, labels)
            if split.reaches(generator.split(layer.name)):
                found = split.value(layer.name, h, labels=labels)
                np.testing.assert_allclose(found, truth, atol=1e-5)
        raw = split.value(generator.output, h, z, labels)
        np.testing.assert_allclose(raw, 2 * generator(z, labels) - 1, atol=1e-5)
    split = generator.split("dense")
    with pytest.raises(UserError, match="still reads the labels"):
        split.value(generator.output, split.g1(z, labels), z)
    with pytest.raises(UserError, match="does not depend on the code at"):
        split.value(generator.inputs.latent, split.g1(z, labels), z, labels)
    with pytest.raises(UserError, match="no node 'nothing'"):
        whole.value("nothing:0", z, labels=labels)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
