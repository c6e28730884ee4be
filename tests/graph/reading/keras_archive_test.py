"""`.keras` files: what is read computes what the model did, and hostile files are refused."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from graph import exports
from graph.reading.saved_model_test import check

from tfinv.errors import UserError
from tfinv.graph.reading.keras_archive import read_keras


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return exports.keras_export(tmp_path_factory.mktemp("k") / "generator.keras", keras)


def rewritten(saved, path, changes: dict[str, bytes | None]):
    """A copy of the file with some members replaced, or left out where None."""
    with zipfile.ZipFile(saved.path) as old, zipfile.ZipFile(path, "w") as new:
        members = {name: old.read(name) for name in old.namelist()}
        for name, value in {**members, **changes}.items():
            if value is not None:
                new.writestr(name, value)
    return path


def with_layer(saved, path, **layer):
    """A copy of the file in which the second layer's configuration is changed."""
    with zipfile.ZipFile(saved.path) as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["layers"][1].update(layer)
    return rewritten(saved, path, {"config.json": json.dumps(config).encode()})


def test_file_computes_what_the_model_did(saved):
    model = read_keras(saved.path)
    check(saved, model)
    assert (model.producer, model.inputs[0].key) == ("Keras 3 file", "z0")
    assert (model.inputs[0].shape, model.outputs[0].shape) == ((None, 6), (None, 8, 8, 3))


def test_file_of_tf_keras(tmp_path):
    import tf_keras

    export = exports.keras_export(tmp_path / "m.keras", tf_keras)
    model = read_keras(export.path)
    check(export, model)
    assert model.producer == "Keras 2 file"


def test_one_output_of_several(tmp_path):
    z = keras.Input((4,), name="z")
    x = keras.layers.Dense(6, name="hidden")(z)
    keras.Model(z, {"rgb": keras.ops.tanh(x), "depth": x}).save(tmp_path / "m.keras")
    both = read_keras(tmp_path / "m.keras")
    feeds = {"z": np.ones((2, 4), np.float32)}
    values = exports.evaluate(both, feeds)
    for port in both.outputs:
        model = read_keras(tmp_path / "m.keras", port.key)
        assert [other.key for other in model.outputs] == [port.key]
        np.testing.assert_array_equal(exports.evaluate(model, feeds)[port.key], values[port.key])
    inner = next(name for name, node in both.nodes.items() if node.op == "MatMul")
    model = read_keras(tmp_path / "m.keras", inner)
    assert list(model.nodes)[-1] == inner and len(model.weights) == len(both.weights) - 1
    with pytest.raises(UserError, match="no tensor 'colour'"):
        read_keras(tmp_path / "m.keras", "colour")


def test_weights_are_the_models(saved):
    model = read_keras(saved.path)
    kernel = keras.models.load_model(saved.path).get_layer("rgb").kernel.numpy()
    assert any(np.array_equal(kernel, weight) for weight in model.weights.values())


def test_several_inputs_keep_their_order(tmp_path):
    export = exports.keras_export(tmp_path / "two.keras", keras, inputs=3)
    model = read_keras(export.path)
    assert [port.key for port in model.inputs] == ["z0", "z1", "z2"]
    check(export, model)


def test_named_inputs_and_outputs_and_integer_labels(tmp_path):
    z, y = keras.Input((4,), name="z"), keras.Input((), name="a_label", dtype="int64")
    x = keras.layers.Embedding(5, 4)(y) * z
    x = keras.layers.GaussianNoise(0.5)(x)
    model = keras.Model({"z": z, "a_label": y}, {"rgb": keras.ops.tanh(x), "depth": x})
    model.save(tmp_path / "m.keras")
    feeds = {"z": np.ones((2, 4), np.float32), "a_label": np.array([1, 4])}
    read = read_keras(tmp_path / "m.keras")
    assert {p.key: p.dtype for p in read.inputs} == {"z": tf.float32, "a_label": tf.int64}
    values = list(exports.evaluate(read, feeds).values())
    expected = model(feeds, training=False)
    found = [any(np.allclose(v, e, atol=1e-6) for v in values) for e in expected.values()]
    assert found == [True, True]


def test_sequential_models(tmp_path):
    layers = [keras.Input((4,)), keras.layers.Dense(3, activation="relu")]
    model = keras.Sequential(layers)
    model.save(tmp_path / "m.keras")
    read = read_keras(tmp_path / "m.keras")
    z = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
    (value,) = exports.evaluate(read, {read.inputs[0].key: z}).values()
    np.testing.assert_allclose(value, model(z), atol=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("inside", [False, True])
def test_how_a_model_was_trained_does_not_matter(tmp_path, inside):
    z = keras.Input((4,))
    model = keras.Sequential([z, keras.layers.Dense(3, activation="tanh")])
    model.compile("adam", lambda truth, made: made - truth)
    if inside:
        model = keras.Model(z, model(z))
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert b'"compile_config": {"optimizer"' in archive.read("config.json")
    read = read_keras(tmp_path / "m.keras")
    feeds = {read.inputs[0].key: np.ones((2, 4), np.float32)}
    (value,) = exports.evaluate(read, feeds).values()
    np.testing.assert_allclose(value, model(np.ones((2, 4))), atol=1e-6)


def test_one_named_input(tmp_path):
    z = keras.Input((4,), name="z")
    keras.Model({"z": z}, keras.ops.tanh(z)).save(tmp_path / "m.keras")
    read = read_keras(tmp_path / "m.keras")
    (value,) = exports.evaluate(read, {"z": np.ones((2, 4), np.float32)}).values()
    np.testing.assert_allclose(value, np.tanh(np.ones((2, 4))), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Layer")
def test_recurrent_layers_are_refused(tmp_path):
    z = keras.Input((4, 2))
    keras.Model(z, keras.layers.GRU(3)(z)).save(tmp_path / "m.keras")
    with pytest.raises(UserError, match="while loop"):
        read_keras(tmp_path / "m.keras")


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def test_classes_that_the_caller_registered_are_welcome(tmp_path):
    z = keras.Input((3,))
    keras.Model(z, Doubled()(z)).save(tmp_path / "m.keras")
    model = read_keras(tmp_path / "m.keras")
    key = model.inputs[0].key
    (value,) = exports.evaluate(model, {key: np.ones((1, 3), np.float32)}).values()
    np.testing.assert_array_equal(value, np.full((1, 3), 2.0))


def test_lambda_layers_are_refused(tmp_path):
    z = keras.Input((3,))
    keras.Model(z, keras.layers.Lambda(lambda x: 2 * x)(z)).save(tmp_path / "m.keras")
    with pytest.raises(UserError, match=r"layer of class Lambda runs Python code"):
        read_keras(tmp_path / "m.keras")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"class_name": "TFSMLayer", "module": "keras.layers"}, "TFSMLayer loads another model"),
        (
            {"class_name": "StringLookup", "module": "keras.layers"},
            "StringLookup reads other files",
        ),
        ({"class_name": "system", "module": "os"}, "class 'system' of 'os' is not part of Keras"),
        ({"registered_name": "evil>Dense"}, "class 'Dense' of 'keras.layers' is not part of Keras"),
        ({"class_name": "get_file", "module": "keras.utils"}, "'get_file' of 'keras.utils' is not"),
        ({"class_name": "load_model", "module": "keras.src.saving"}, "'load_model' of 'keras.src"),
        ({"class_name": ["Dense"]}, "is not the name of a class"),
        ({"class_name": "Nothing"}, "'Nothing' of .* is not part of Keras"),
        ({"config": {"units": "many"}}, "Keras cannot load it"),
        (
            {"config": {"units": 1 << 40, "name": "first", "trainable": True}},
            r"would have \d+ weights, and \d+ are",
        ),
        (
            {"class_name": "function", "module": "builtins", "config": "exec"},
            "'exec' of 'builtins' is not part of Keras",
        ),
        (
            {"class_name": "function", "module": "keras.models", "config": "load_model"},
            "'load_model' of 'keras.models' is not part of Keras",
        ),
        ({"config": None}, "Keras cannot load it"),
    ],
)
def test_hostile_configurations_are_refused(saved, tmp_path, layer, message):
    path = with_layer(saved, tmp_path / "m.keras", **layer)
    with pytest.raises(UserError, match=message) as raised:
        read_keras(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config.json": None}, "config.json is not in it"),
        ({"config.json": b"{"}, "not JSON"),
        ({"config.json": b"[" * 100000}, "not JSON"),
        ({"config.json": b"[]"}, "Keras cannot load it"),
        ({"model.weights.h5": b""}, "model.weights.h5 in it is damaged"),
        ({"model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(300)}, "weights.h5 in it is damaged"),
        ({"metadata.json": b"{"}, "metadata.json: its configuration is not JSON"),
        ({"assets/../../escape": b"x"}, "a path outside itself"),
    ],
)
def test_damaged_members_are_refused(saved, tmp_path, changes, message):
    path = rewritten(saved, tmp_path / "m.keras", changes)
    with pytest.raises(UserError, match=message) as raised:
        read_keras(path)
    assert "\n" not in str(raised.value)


def test_decompression_bombs_are_refused(saved, tmp_path):
    path = rewritten(saved, tmp_path / "m.keras", {})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(1 << 26))
    with pytest.raises(UserError, match=r"would grow from \d+ to 67108864 bytes"):
        read_keras(path)


def test_files_that_are_not_archives(saved, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_keras(tmp_path / "none.keras")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        read_keras(tmp_path / "folder.keras")
    whole = Path(saved.path).read_bytes()
    for name, content in {
        "empty": b"",
        "text": b"this is not a model",
        "half": whole[: len(whole) // 2],
        "tail": whole[len(whole) // 2 :],
    }.items():
        path = tmp_path / f"{name}.keras"
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"is not a \.keras file or is truncated"):
            read_keras(path)
    path = tmp_path / "renamed.zip"
    path.write_bytes(whole)
    with pytest.raises(UserError, match=r"ends in \.keras"):
        read_keras(path)


def test_flipped_bytes_never_end_in_anything_but_a_user_error(saved, tmp_path):
    whole = Path(saved.path).read_bytes()
    path = tmp_path / "m.keras"
    rng = np.random.default_rng(0)
    for _ in range(25):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), 20):
            damaged[at] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read_keras(path)
        except UserError as error:
            assert "\n" not in str(error)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
