"""What the configuration in a Keras file may name: what computes, and nothing else."""

from __future__ import annotations

import sys

import keras
import pytest
import tensorflow as tf
import tf_keras
from generators import hostile_keras
from keras.src.saving import serialization_lib

from tfinv.errors import UserError
from tfinv.graph.reading import keras_archive
from tfinv.graph.reading.keras_config import vet_config

MODULES = {"keras": keras, "tf_keras": tf_keras}


@pytest.mark.parametrize("vets", [True, False])
def test_no_other_file_is_looked_at_even_where_keras_would(tmp_path, monkeypatch, vets):
    path = hostile_keras.keras_file("m.keras", hostile_keras.lookup("IndexLookup"))(tmp_path, "")
    looked = []
    monkeypatch.setattr(serialization_lib, "in_safe_mode", lambda: False)
    monkeypatch.setattr(tf.io.gfile, "exists", lambda name: looked.append(name))
    if not vets:
        monkeypatch.setattr(keras_archive, "vet_config", lambda *_: None)
    with pytest.raises(UserError):
        keras_archive.read_keras(path)
    assert ("/etc/passwd" in looked) is not vets


def entry(name, module=None, **more) -> dict:
    """What a file says of an object; those of old files have no "module"."""
    given = {} if module is None else {"module": module}
    return {"class_name": name, **given, "config": {}, **more}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    "refused",
    [
        entry("IndexLookup", "keras.src.layers.preprocessing.index_lookup"),
        entry("TextVectorization"),
        entry("DenseFeatures"),
        entry("VocabularyFileCategoricalColumn"),
        entry("FeatureSpace", "keras.layers"),
        entry("TrackingLayer", "keras.src.layers.layer"),
        entry("load_model", "keras.models"),
        entry("clone_model", "keras.src.models.cloning"),
        entry("__typespec__", "keras.models", spec_name="load_model"),
        entry("__lambda__"),
        entry("function", "keras.layers", config="TFSMLayer"),
        entry("function", "keras.layers", config="deserialize"),
        entry("function", "keras.initializers", config="deserialize"),
        entry("Wrapper", "keras.layers", config={"layer": entry("StringLookup", "keras.layers")}),
        entry("Rescaling", "keras.layers", config={"vocabulary": "/etc/passwd"}),
    ],
    ids=lambda refused: f"{refused['class_name']} {refused.get('module')}",
)
def test_what_does_more_than_compute_is_refused(name, refused):
    with pytest.raises(UserError) as raised:
        vet_config({"config": {"layers": [refused]}}, MODULES[name], "m.keras")
    assert "\n" not in str(raised.value) and "m.keras" in str(raised.value)


@pytest.mark.parametrize("name", MODULES)
def test_a_class_of_the_writers_own_with_the_name_of_one_of_keras(name):
    own = {**entry("Attention", registered_name="Attention"), "module": None}
    with pytest.raises(UserError, match=r"class 'Attention' is not part of Keras.*registers it"):
        vet_config(own, MODULES[name], "m.keras")


def test_a_refused_class_under_another_name_is_refused(monkeypatch):
    monkeypatch.setattr(keras.layers, "Terms", keras.layers.StringLookup, raising=False)
    with pytest.raises(UserError, match="does more than compute"):
        vet_config(entry("Terms", "keras.layers"), keras, "m.keras")


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    "allowed",
    [
        entry("Dense", "keras.layers"),
        entry("Conv2DTranspose", "keras.src.layers.convolutional.conv2d_transpose"),
        entry("BatchNormalization"),
        entry("Functional", "keras.src.models.functional"),
        entry("Sequential"),
        entry("GlorotUniform", "keras.initializers"),
        entry("L2", "keras.regularizers"),
        entry("Policy"),
        entry("Adam", "keras.optimizers"),
        entry("function", "builtins", config="relu"),
        entry("function", "keras.activations", config="tanh"),
        entry("__tuple__"),
        entry("IntegerLabels", "anywhere", registered_name="tests>IntegerLabels"),
    ],
    ids=lambda allowed: f"{allowed['class_name']} {allowed.get('module')}",
)
def test_what_models_are_made_of_is_welcome(name, allowed, monkeypatch):
    module = MODULES[name]
    known = {"tests>IntegerLabels": module.layers.Layer}
    monkeypatch.setattr(module.saving, "get_registered_object", known.get)
    vet_config({"config": {"layers": [allowed, entry("Dense", "keras.layers")]}}, module, "m.keras")


def test_operations_have_no_public_name():
    z = keras.Input((3,))
    model = keras.Model(z, keras.ops.concatenate([z[:, :2] * 2, keras.ops.tanh(z)], 1))
    vet_config(keras.saving.serialize_keras_object(model), keras, "m.keras")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
