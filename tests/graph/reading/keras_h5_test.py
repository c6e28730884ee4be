"""Whole Keras models in HDF5 compute what they did, and hostile files are refused."""

from __future__ import annotations

import json
import shutil
import sys

import h5py
import keras
import numpy as np
import pytest
import tf_keras
from graph import exports
from graph.reading.saved_model_test import check

from tfinv.errors import UserError
from tfinv.graph.reading.keras_h5 import read_h5

MODULES = {"keras": keras, "tf_keras": tf_keras}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("h5")
    return {n: exports.keras_export(folder / f"{n}.h5", m) for n, m in MODULES.items()}


@pytest.fixture(params=MODULES)
def saved(request, originals, tmp_path):
    """A fresh copy of a file, to damage."""
    return shutil.copy(originals[request.param].path, tmp_path / "m.h5")


def refused(path, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read_h5(path)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)


def change_config(path, change) -> None:
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"][1])
        file.attrs["model_config"] = json.dumps(config)


@pytest.mark.parametrize(("name", "version"), [("keras", "3"), ("tf_keras", "2")])
def test_file_computes_what_the_model_did(originals, name, version):
    model = read_h5(originals[name].path)
    check(originals[name], model)
    assert model.producer == f"Keras {version} HDF5 file"
    assert (model.inputs[0].key, model.outputs[0].shape) == ("z0", (None, 8, 8, 3))


@pytest.mark.parametrize("name", MODULES)
def test_sequential_models(tmp_path, name):
    layers = MODULES[name].layers
    model = MODULES[name].Sequential([layers.Input((4,)), layers.Dense(3, activation="relu")])
    model.save(tmp_path / "m.h5")
    z = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
    read = read_h5(tmp_path / "m.h5")
    (value,) = exports.evaluate(read, {read.inputs[0].key: z}).values()
    np.testing.assert_allclose(value, model(z), atol=1e-6)


def test_tensorflow_functions_of_keras_2(tmp_path):
    import tensorflow as tf

    z = tf_keras.Input((4,), name="z")
    x = tf.nn.leaky_relu(tf.reshape(z * 2.0 + 1.0, [-1, 2, 2]), 0.3)
    model = tf_keras.Model(z, tf.clip_by_value(x[:, 1], -1.0, 1.0))
    model.save(tmp_path / "m.h5")
    feed = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    (value,) = exports.evaluate(read_h5(tmp_path / "m.h5"), {"z": feed}).values()
    np.testing.assert_allclose(value, model(feed), atol=1e-6)


def test_one_output_of_several(tmp_path):
    z = tf_keras.Input((4,), name="z")
    heads = [tf_keras.layers.Dense(3, name=name)(z) for name in ("rgb", "depth")]
    model = tf_keras.Model(z, heads)
    model.save(tmp_path / "m.h5")
    feed = np.ones((2, 4), np.float32)
    for key, expected in zip(("rgb", "depth"), model(feed), strict=True):
        value = exports.evaluate(read_h5(tmp_path / "m.h5", key), {"z": feed})
        np.testing.assert_allclose(value[key], expected, atol=1e-6)


def test_files_that_are_no_models(tmp_path, originals):
    refused(tmp_path / "none.h5", "no such file")
    path = tmp_path / "m.h5"
    path.write_bytes(b"this is no HDF5")
    refused(path, "is no HDF5 file or is damaged")
    for name, module in MODULES.items():
        model = module.models.load_model(originals[name].path, compile=False)
        model.save_weights(tmp_path / f"{name}.weights.h5")
        refused(tmp_path / f"{name}.weights.h5", "holds weights and no architecture")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["pictures"] = np.zeros(3)
    refused(tmp_path / "data.h5", "no model of Keras; it holds pictures")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"class_name": "Lambda"}, "Lambda runs Python code"),
        ({"class_name": "TFSMLayer"}, "TFSMLayer loads another model"),
        ({"class_name": "system", "module": "os"}, "'system' of 'os' is not part of Keras"),
        ({"class_name": "Nothing"}, r"'Nothing'( of .*)? is not part of Keras"),
        ({"class_name": "ClassMethod"}, "calls what the file names"),
        (
            {"class_name": "TFOpLambda", "config": {"function": "io.write_file"}},
            "calls 'io.write_file' of TensorFlow",
        ),
        (
            {"class_name": "TFOpLambda", "config": {"function": "io.gfile.rmtree"}},
            "calls 'io.gfile.rmtree'",
        ),
        (
            {"class_name": "TensorFlowOpLayer", "config": {"node_def": '{"op": "ReadFile"}'}},
            "calls 'ReadFile' of TensorFlow",
        ),
        (
            {"config": {"name": "first", "units": 1 << 40, "trainable": True}},
            r"would have \d+ weights, and \d+ are in the file",
        ),
    ],
)
def test_hostile_configurations_are_refused(saved, layer, message):
    change_config(saved, lambda part: part.update(layer))
    refused(saved, message)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"class_name": "Model"}', 7])
def test_damaged_configurations_are_refused(saved, text):
    with h5py.File(saved, "r+") as file:
        file.attrs["model_config"] = text
    refused(saved, "its (configuration|model_config) is")


def external_link(file, folder):
    file["model_weights/more"] = h5py.ExternalLink(str(folder / "other.h5"), "/secret")


def soft_link(file, folder):
    file["model_weights/more"] = h5py.SoftLink("/model_weights")


def external_storage(file, folder):
    file.create_dataset("more", (8,), "u1", external=[(str(folder / "secret"), 0, 8)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((8,), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "secret", (8,))
    file.create_virtual_dataset("more", layout)


def giant(file, folder):
    file.create_dataset("more", (10 << 30,), "f4", chunks=(1024,))


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (external_link, r"'/model_weights/more' is a link to '.*other.h5'"),
        (soft_link, "'/model_weights/more' is a link to '/model_weights'"),
        (external_storage, "the values of '/more' are in another file"),
        (virtual, "the values of '/more' are in another file"),
        (giant, "'/more' claims 42949672960 bytes and holds 0"),
    ],
)
def test_arrays_that_reach_outside_or_claim_more(saved, tmp_path, add, message):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(8, np.float32)
    (tmp_path / "secret").write_bytes(b"8 secret")
    with h5py.File(saved, "r+") as file:
        add(file, tmp_path)
    refused(saved, message)


def test_groups_in_a_circle_end(saved):
    with h5py.File(saved, "r+") as file:
        file["model_weights/again"] = file["/"]
    assert read_h5(saved).outputs


def test_truncated_files(saved):
    with open(saved, "rb") as file:
        whole = file.read()
    for share in (0.01, 0.3, 0.6, 0.9):
        with open(saved, "wb") as file:
            file.write(whole[: int(len(whole) * share)])
        refused(saved, "is no HDF5 file or is damaged|Keras cannot load it")


def test_flipped_bytes_never_end_in_anything_but_a_user_error(originals, tmp_path):
    with open(originals["keras"].path, "rb") as file:
        whole = file.read()
    rng = np.random.default_rng(0)
    for _ in range(25):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), 20):
            damaged[at] ^= 1 << rng.integers(8)
        (tmp_path / "m.h5").write_bytes(damaged)
        try:
            read_h5(tmp_path / "m.h5")
        except UserError as error:
            assert "\n" not in str(error)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
