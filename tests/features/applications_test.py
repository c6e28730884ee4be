"""Networks that Keras builds: weights from any file that it writes, or one line."""

from __future__ import annotations

import dataclasses
import sys

import h5py
import numpy as np
import pytest
import tensorflow as tf
from features.networks import SIDE

from tfinv.errors import UserError
from tfinv.features.applications import APPLICATIONS
from tfinv.features.network import FeatureNetwork

NAME, LEAST = "inception_v3", 6
IMAGES = np.random.default_rng(1).random((3, SIDE, SIDE, 3), np.float32)
OFFLINE = "URL fetch failure on https://x/notop.h5: None -- [Errno -2] Name or service not known"


def small(top: bool, weights: str | None, size: int):
    """A network with InceptionV3's names, its blocks of one convolution each."""
    import keras

    if weights == "imagenet":
        raise Exception(OFFLINE)  # Keras itself raises no better
    given = keras.Input((size, size, 3))
    x = given
    for block, maps in (("mixed7", 4), ("mixed8", 5), ("mixed9", 3)):
        made = [keras.layers.Conv2D(maps, 3, padding="same", activation="relu")(x) for _ in "ab"]
        x = keras.layers.Concatenate(name=block)(made)
    if top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = keras.layers.Dense(7, activation="softmax", name="predictions")(x)
    return keras.Model(given, x, name=NAME)


@pytest.fixture(scope="module", autouse=True)
def application():
    """The small network in the place of the large one."""
    kept = APPLICATIONS[NAME]
    APPLICATIONS[NAME] = dataclasses.replace(kept, make=small, least=LEAST)
    yield kept
    APPLICATIONS[NAME] = kept


def write(path, model) -> str:
    """A file of weights; its name chooses the format, as it does for Keras."""
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
        return str(path)
    with h5py.File(path, "w") as file:  # as the files that Keras publishes: a group a layer
        layers = model.layers
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()
    return str(path)


def at(model, layer: str, images) -> tf.Tensor:
    """What Keras itself makes of pictures in [0, 1]."""
    import keras

    size = model.input.shape[1]
    images = tf.compat.v1.image.resize_bilinear(images, [size, size])  # as the thesis's TF1 did
    return keras.Model(model.input, model.get_layer(layer).output)(images * 2.0 - 1.0)


@pytest.mark.parametrize("top", [False, True])
@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_features_are_those_of_keras_with_these_weights(tmp_path, suffix, top):
    model = small(top, None, 12)
    path = write(tmp_path / f"some{suffix}", model)
    network = FeatureNetwork(NAME, weights=path, size=12)
    assert network.feed.range == "-1,1" and network.feed.size == (12, 12)
    np.testing.assert_allclose(network(IMAGES), at(model, "mixed8", IMAGES), atol=1e-6)
    if top:
        whole = FeatureNetwork(NAME, "output", weights=path, size=12)
        np.testing.assert_allclose(whole(IMAGES), at(model, "predictions", IMAGES), atol=1e-6)


def test_what_is_known_of_the_network_is_true_of_kerass(application):
    """Of the real one: its names, its least size, and what Keras would download."""
    import keras

    made = application.make(False, None, application.least)
    layers = [layer.name for layer in made.layers]
    assert {"mixed7", "mixed8"} <= set(layers) and made.get_layer("mixed8").output.shape[-1] == 1280
    assert set(layers).isdisjoint(application.top)
    with pytest.raises(ValueError, match=f"{application.least}x{application.least}"):
        application.make(False, None, application.least - 1)
    assert keras.applications.inception_v3.preprocess_input(np.array([0.0, 255.0])).tolist() == [
        *map(float, application.image_range.split(","))
    ]


def test_a_file_of_the_same_name_is_meant_before(tmp_path, monkeypatch):
    """And InceptionV3 in a file has the thesis's layer by default, too."""
    model = small(True, None, 10)
    model.export(tmp_path / NAME, verbose=False)
    monkeypatch.chdir(tmp_path)
    network = FeatureNetwork(NAME)
    np.testing.assert_allclose(network(IMAGES), at(model, "mixed8", IMAGES), atol=1e-6)
    with pytest.raises(UserError, match=r"its own weights: drop --feature_weights.*inception_v3"):
        FeatureNetwork(NAME, weights="some.h5")


def faults(folder) -> dict[str, tuple[dict, tuple[str, ...]]]:
    """Options that cannot be, each with words that the line must have."""
    write(folder / "notop.h5", small(False, None, 12))
    (folder / "text.h5").write_text("weights")
    (folder / "weights.npz").write_bytes(b"")
    with h5py.File(folder / "other.h5", "w") as file:
        file["numbers"] = np.zeros(3)
    with h5py.File(folder / "linked.h5", "w") as file:
        file["a"] = h5py.ExternalLink("/etc/passwd", "/")
    import keras

    given = keras.Input((12, 12, 3))
    other = keras.Model(given, keras.layers.Conv2D(4, 3, name="only")(given))
    write(folder / "foreign.h5", other)
    at_path = {name: {"weights": folder / name} for name in (p.name for p in folder.iterdir())}
    return {
        "too small": ({"size": 5}, ("6x6", "5 is too small")),
        "a signature": ({"signature": "s"}, ("drop --feature_signature",)),
        "not there": ({"weights": folder / "none.h5"}, ("none.h5", "no such file")),
        "no weights": (at_path["weights.npz"], ("weights.npz", ".h5")),
        "text": (at_path["text.h5"], ("is no HDF5 file",)),
        "no model": (at_path["other.h5"], ("no weights of a Keras model",)),
        "a link": (at_path["linked.h5"], ("refused", "/etc/passwd")),
        "another network": (at_path["foreign.h5"], ("foreign.h5", "Keras cannot load it")),
        "no top": ({"layer": "output", **at_path["notop.h5"]}, ("that classify", "kernels.h5")),
        "no network": ({}, ("(Name", "--feature_weights=", "_notop.h5", "storage.googleapis")),
        "no whole": ({"layer": "avg_pool", "flag": "x"}, ("--x_weights=", "_kernels.h5")),
    }


def test_one_line_for_what_cannot_be(tmp_path):
    for name, (options, words) in faults(tmp_path).items():
        with pytest.raises(UserError) as raised:
            FeatureNetwork(NAME, **{"size": 12, **options})
        line = str(raised.value).replace("[Errno -2] ", "")
        assert "\n" not in line and all(word in line for word in words), (name, line)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
