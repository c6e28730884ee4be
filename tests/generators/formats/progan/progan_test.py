"""ProGAN from its files: pickles of both code bases, and the TF-Hub module."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import progan_files
from generators.progan_files import SMALL, refused

import tfinv
from tfinv.features.network import FeatureNetwork
from tfinv.generators.formats.progan.network import read_network
from tfinv.generators.load import load_generator
from tfinv.networks import progan
from tfinv.networks.progan_settings import Settings


def drawn(kwargs, weights, z, *labels, lod=0.0):
    """What the network itself draws: NHWC, clipped to [0, 1], of raw latents and labels."""
    settings = Settings(**{**SMALL, **kwargs})
    tensors = {name: tf.constant(value) for name, value in weights.items()}
    call = tf.function(
        lambda *inputs: progan.generator(settings, tensors, *inputs, lod=lod), jit_compile=True
    )
    images = call(*(tf.constant(x, tf.float32) for x in (z, *labels))).numpy()
    assert np.mean(np.abs(images) < 1) > 0.3
    return np.clip((images.transpose(0, 2, 3, 1) + 1) / 2, 0, 1)


@pytest.mark.parametrize("fused", [True, False])
def test_the_average_generator_is_drawn(tmp_path, fused):
    kwargs = {"fused_scale": fused}
    generator = load_generator(progan_files.write(tmp_path / "net.pkl", kwargs))
    assert generator.producer == "ProGAN pickle" and generator.image_shape == (16, 16, 3)
    assert generator.latent_size == 8 and not generator.conditional
    assert (generator.border.range, generator.border.layout) == ("-1,1", "NCHW")
    assert any(note.startswith("Gs out of the pickle's G, D, Gs") for note in generator.notes)
    z = generator.sample_latents(3)
    weights = progan_files.arrays("G_paper", {**SMALL, **kwargs}, 2)
    np.testing.assert_allclose(generator(z), drawn(kwargs, weights, z), atol=1e-5)
    other = load_generator(tmp_path / "net.pkl", signature="G")
    weights = progan_files.arrays("G_paper", {**SMALL, **kwargs}, 0)
    np.testing.assert_allclose(other(z), drawn(kwargs, weights, z), atol=1e-5)


def test_layers_are_called_as_in_the_original(tmp_path):
    generator = load_generator(progan_files.write(tmp_path / "net.pkl"))
    names = [layer.name for layer in generator.layers()]
    for scope in ("4x4/Dense", "4x4/Conv", "8x8/Conv0_up", "8x8/Conv1", "16x16/Conv1"):
        assert f"{scope}/LeakyRelu:0" in names and f"{scope}/PixelNorm/mul:0" in names
    [dense] = [layer for layer in generator.layers() if layer.dense]
    assert dense.name.startswith("4x4/Dense/") and dense.shape == (8, 4, 4)
    z = generator.sample_latents(2)
    # The dense layer's output with its bias, before anything that is not linear.
    code = generator.split("dense").g1(z).numpy()
    weights = progan_files.arrays("G_paper", SMALL, 2)
    x = z / np.sqrt((z**2).mean(1, keepdims=True) + 1e-8)
    product = x @ weights["4x4/Dense/weight"] * np.sqrt(2) / 4 / np.sqrt(8)
    expected = product.reshape(2, 8, 4, 4) + weights["4x4/Dense/bias"][:, None, None]
    np.testing.assert_allclose(code, expected, atol=1e-5)
    for layer in generator.layers():
        split = generator.split(layer.name)
        np.testing.assert_allclose(split.g2(split.g1(z)), generator(z), atol=1e-4)


@pytest.mark.parametrize("lod", [0.25, 2.0])
def test_an_unfinished_training_is_drawn_as_far_as_it_is(tmp_path, lod):
    generator = load_generator(progan_files.write(tmp_path / "net.pkl", lod=lod))
    side = {0.25: "16x16", 2.0: "4x4"}[lod]
    assert any("unfinished" in note and f"{side} pixels" in note for note in generator.notes)
    z = generator.sample_latents(2)
    weights = progan_files.arrays("G_paper", SMALL, 2)
    images = generator(z).numpy()
    np.testing.assert_allclose(images, drawn({}, weights, z, lod=lod), atol=1e-5)
    blocks = images.reshape(2, 4, 4, 4, 4, 3)
    assert (np.ptp(blocks, axis=(2, 4)).max() == 0) == (lod == 2.0)


def test_labels_are_joined_to_the_latent(tmp_path):
    kwargs = {"label_size": 5, "num_channels": 1, "resolution": 8}
    generator = load_generator(progan_files.write(tmp_path / "net.pkl", kwargs))
    assert generator.conditional and generator.classes == 5
    assert generator.image_shape == (8, 8, 1) and generator.latent_size == 8
    z = generator.sample_latents(3)
    weights = progan_files.arrays("G_paper", {**SMALL, **kwargs}, 2)
    expected = drawn(kwargs, weights, z, np.eye(5)[[4, 0, 4]])
    np.testing.assert_allclose(generator(z, [4, 0, 4]), expected, atol=1e-5)


def test_both_stages_invert_two_samples(tmp_path):
    generator = load_generator(progan_files.write(tmp_path / "net.pkl", {"resolution": 16}))
    images = generator(generator.sample_latents(2, seed=5)).numpy()
    images = np.clip(images, 0, 1)
    found = tfinv.Inverter(generator, max_evaluations=60, batch_size=2).run(images)
    assert [stage.layer for stage in found.stages] == ["latent", "dense"]
    before = np.sqrt(((images - images.mean((1, 2), keepdims=True)) ** 2).mean((1, 2, 3)))
    assert (found.rmse < 0.2 * before).all(), (found.rmse, before)
    redrawn = generator.split("dense").g2(found.codes, found.latents)
    np.testing.assert_allclose(found.images, np.clip(redrawn, 0, 1), atol=1e-4)


@pytest.mark.parametrize("key", ["latent_vector", "default", "anything"])
def test_the_hub_module_loads_whatever_its_input_is_called(tmp_path, key):
    path, z, images = progan_files.write_hub_module(tmp_path / "m", key, clipped=key == "default")
    generator = load_generator(path)
    assert generator.producer == "TF1-Hub module" and generator.image_shape == (128, 128, 3)
    assert (generator.border.range, generator.border.layout) == ("0,1", "NHWC")
    np.testing.assert_allclose(generator(z), images, atol=1e-4)


def test_the_hub_module_is_inverted(tmp_path):
    # Grown to 4x4 pixels and enlarged, which compiles sooner.
    path, _, images = progan_files.write_hub_module(tmp_path / "m", "z", clipped=True, lod=5.0)
    found = tfinv.Inverter(load_generator(path), max_evaluations=60, batch_size=2).run(images)
    assert [stage.layer for stage in found.stages] == ["latent", "dense"]
    others = np.sqrt(((images - images[::-1]) ** 2).mean((1, 2, 3)))
    assert (found.rmse < 0.3 * others).all(), (found.rmse, others)


# Theano's files


# What is wrong with a file


def write_lone(path, change=lambda state: None, kind: str = "G_paper"):
    """Gs of 8x8 pixels alone in its pickle, with its state changed."""
    kwargs = {**SMALL, "resolution": 8}
    state = progan_files.state(kind, kwargs, progan_files.arrays("G_paper", kwargs, 0))
    with progan_files.classes("tfutil.Network") as [cls]:
        change(state)
        path.write_bytes(pickle.dumps(progan_files.network(cls, state)))
    return path


def damaged(tmp_path, change, *words, **options) -> None:
    refused(write_lone(tmp_path / "net.pkl", change, **options), *words)


def test_a_pickle_without_a_generator(tmp_path):
    kwargs = {**SMALL, "resolution": 8}

    def discriminate(state):
        state.update(
            progan_files.state("D_paper", kwargs, progan_files.arrays("D_paper", kwargs, 0))
        )

    damaged(tmp_path, discriminate, "no G_paper", "network 0 is a D_paper")


def test_a_lone_network_will_do(tmp_path):
    assert load_generator(write_lone(tmp_path / "net.pkl")).image_shape == (8, 8, 3)


KWARGS = {
    "resolution": [0, 7, 2.5, 1 << 40, None, "8", float("nan"), [8], 10**400],
    "fmap_base": [0, -1, 1 << 30],
    "fmap_decay": [-1.0, float("nan"), 1e9, 8.0],
    "fmap_max": [0, 1 << 40, 5],
    "latent_size": [0, 9],
    "label_size": [-1, 2],
    "num_channels": [0, 1, 4],
    "pixelnorm_epsilon": [0.0, -1.0, float("inf")],
    "use_wscale": ["yes"],
    "fused_scale": [False],
}


@pytest.mark.parametrize("name", KWARGS)
def test_settings_that_are_wrong_or_do_not_fit_the_weights(tmp_path, name):
    for value in KWARGS[name]:
        damaged(tmp_path, lambda s, v=value: s["static_kwargs"].update({name: v}), "net.pkl")


def test_variables_that_are_wrong(tmp_path):
    def change(name, value=None):
        def apply(state):
            variables = dict(state["variables"])
            variables.pop(name, None)
            state["variables"] = [
                *variables.items(),
                *([(name, value)] if value is not None else []),
            ]

        return apply

    name = "8x8/Conv1/weight"
    damaged(tmp_path, change(name), f"no variable {name}")
    damaged(tmp_path, change(name, np.zeros((3, 3, 8, 7), np.float32)), name, "[3, 3, 8, 7]")
    damaged(tmp_path, change(name, np.zeros((3, 3, 8, 8), object)), name, "no array of numbers")
    damaged(tmp_path, change(name, np.zeros((3, 3, 8, 8), complex)), name, "c16")
    damaged(tmp_path, change(name, "weights"), name)
    damaged(tmp_path, change("8x8/Conv2/weight", np.float32(0)), "8x8/Conv2/weight", "another")
    damaged(tmp_path, change("lod"), "lod")
    damaged(tmp_path, change("lod", np.float32(np.nan)), "lod nan")
    damaged(tmp_path, lambda s: s.update(variables=7), "no list of variables")
    damaged(tmp_path, lambda s: s.update(variables=[("a",)]), "no list of variables")
    damaged(tmp_path, lambda s: s.pop("variables"), "no list of variables")


def test_networks_of_another_kind(tmp_path):
    damaged(tmp_path, lambda s: None, "G_style", "ProGAN", kind="G_style")
    damaged(tmp_path, lambda s: s.update(build_func_name=None), "made by None")
    damaged(tmp_path, lambda s: s.pop("static_kwargs"), "does not say how it was made")
    damaged(tmp_path, dict.clear, "does not say how it was made")
    path = tmp_path / "p.pkl"
    path.write_bytes(pickle.dumps([1, 2, 3]))
    refused(path, "not of the networks")
    path.write_bytes(pickle.dumps(()))
    refused(path, "not of the networks")
    progan_files.write(path)
    refused(path, "no network 'E'", "G, D, Gs", signature="E")
    refused(path, "images", "generator", signature="D")
    refused(path, "--input", inputs=("z",))
    refused(path, "--input", output="images_out")
    path.write_bytes(path.read_bytes()[:-1000])
    refused(path, "damaged")
    with progan_files.classes("dnnlib.tflib.network.Network") as [cls]:
        state = {"version": 3, "name": "Gs", "static_kwargs": {}, "build_func_name": "G_style"}
        path.write_bytes(pickle.dumps((progan_files.network(cls, state),) * 3))
    refused(path, "G_style")


def test_what_makes_no_difference_is_said(tmp_path):
    kwargs = {"dtype": "float16", "structure": "linear", "use_gdrop": True, "tanh": None}
    path = progan_files.write(tmp_path / "net.pkl", kwargs)
    notes = " | ".join(load_generator(path).notes)
    assert "float32, where the file says float16" in notes and "ignores: tanh, use_gdrop" in notes


def test_weights_may_be_stored_otherwise(tmp_path):
    """Other widths, another byte order, an older NumPy's spelling: the picture is the same."""
    weights = progan_files.arrays("G_paper", {**SMALL, "resolution": 8}, 2)
    kwargs = {**SMALL, "resolution": np.int64(8), "fmap_max": 8.0}
    pictures = []
    for change in (np.asarray, lambda x: x.astype(">f8"), lambda x: np.copy(x, order="F")):
        with progan_files.classes("tfutil.Network") as [cls]:
            stored = {name: change(np.asarray(value)) for name, value in weights.items()}
            state = progan_files.state("G_paper", kwargs, stored)
            contents = pickle.dumps(progan_files.network(cls, state), 2)  # names without lengths
        contents = contents.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        (tmp_path / "net.pkl").write_bytes(contents)
        generator = load_generator(tmp_path / "net.pkl")
        pictures.append(generator(generator.sample_latents(2)).numpy())
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("fused", [True, False])
def test_the_discriminator_serves_as_features_straight_from_the_pickle(tmp_path, fused):
    path = progan_files.write(tmp_path / "net.pkl", {"fused_scale": fused})
    scope = "8x8/Conv1" + "_down" * fused
    network = FeatureNetwork(path, scope, signature="D")
    images = np.random.default_rng(0).uniform(0, 1, (4, 16, 16, 3)).astype(np.float32)
    kwargs = {**SMALL, "fused_scale": fused}
    weights = progan_files.arrays("D_paper", kwargs, 1)
    tensors = {name: tf.constant(value) for name, value in weights.items()}

    @tf.function(jit_compile=True)
    def features(raw):
        progan.discriminator(Settings(**kwargs), tensors, raw)
        graph = tf.compat.v1.get_default_graph()
        return graph.get_tensor_by_name(f"{scope}/LeakyRelu:0")  # as the thesis names it

    expected = features(tf.constant(2 * images.transpose(0, 3, 1, 2) - 1))
    np.testing.assert_allclose(network(images), expected, atol=1e-4)


def test_the_discriminator_is_read_too(tmp_path):
    network, line = read_network(progan_files.write(tmp_path / "net.pkl"), "D_paper")
    assert line.startswith("D ")
    weights = progan_files.arrays("D_paper", SMALL, 1)
    assert network.kind == "D_paper" and set(network.arrays) == set(weights)
    for name, value in weights.items():
        np.testing.assert_array_equal(network.arrays[name], value)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
