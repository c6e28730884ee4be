"""From whatever a user holds to a generator, or to one line that says what was wrong with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub
from generators import tiny

from tfinv.errors import UserError
from tfinv.generators.formats.registry import FORMATS
from tfinv.generators.load import SHIPPED, load_generator


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return tiny.dcgan(tmp_path_factory.mktemp("g") / "tiny")


def refused(source, *words: str, **options) -> None:
    with pytest.raises(UserError) as raised:
        load_generator(source, **options)
    text = str(raised.value)
    assert "\n" not in text and len(text) < 600
    for word in (str(source), *words):
        assert word in text


def test_a_generator_ships_and_is_what_its_card_says():
    [name] = SHIPPED
    generator = load_generator(name)
    assert (generator.latent_size, generator.image_shape) == (128, (32, 32, 3))
    assert not generator.conditional and generator.notes == []
    split = generator.split("dense")
    assert split.code_shape == (2048,)
    z = generator.sample_latents(4)
    drawn = generator(z).numpy()
    np.testing.assert_allclose(split.g2(split.g1(z)), drawn, atol=1e-4)
    for layer in generator.layers():
        cut = generator.split(layer.name)
        np.testing.assert_allclose(cut.g2(cut.g1(z)), drawn, atol=1e-4)


def test_a_path_of_that_name_wins_over_the_shipped_one(saved, tmp_path, monkeypatch):
    shutil.copytree(saved, tmp_path / SHIPPED[0])
    monkeypatch.chdir(tmp_path)
    assert load_generator(SHIPPED[0]).latent_size == tiny.LATENT


def test_paths_may_be_path_objects(saved):
    from pathlib import Path

    assert load_generator(Path(saved)).latent_size == tiny.LATENT


def test_what_is_not_there_or_is_no_model(tmp_path):
    refused(tmp_path / "nowhere", "does not exist", "dcgan_cifar10", "handle")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "empty")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"\x89PNG")
    refused(tmp_path / "photos", "saved_model.pb")
    (tmp_path / "notes.txt").write_text("no generator")
    refused(tmp_path / "notes.txt", "no generator in a format that is known", ".keras")
    refused("", "generator")
    with pytest.raises(UserError, match="does not exist"):
        load_generator("x" * 5000)


@pytest.mark.parametrize("contents", [b"", b"not a protocol buffer", b"\x08\x01"])
def test_a_damaged_saved_model(tmp_path, contents):
    (tmp_path / "saved_model.pb").write_bytes(contents)
    refused(tmp_path, "saved_model.pb" if contents != b"\x08\x01" else "")


def test_what_could_have_been_named_is_listed(tmp_path):
    examples = [form.example for form in FORMATS]
    refused(tmp_path / "nowhere", *SHIPPED, *examples)
    (tmp_path / "notes.txt").write_text("no generator")
    refused(tmp_path / "notes.txt", *examples)


def test_a_generator_is_called_as_the_user_called_it(saved, tmp_path):
    """Not where it was found: beside the package, or in a folder that an archive went to."""
    assert load_generator(SHIPPED[0]).path == SHIPPED[0]
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", saved)
    assert load_generator(archive).path == archive


def test_a_saved_model_without_its_weights(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "m")
    shutil.rmtree(tmp_path / "m" / "variables")
    refused(tmp_path / "m", "variables")


@pytest.mark.parametrize("contents", [b"", b"no archive"])
def test_a_damaged_keras_file(tmp_path, contents):
    (tmp_path / "g.keras").write_bytes(contents)
    refused(tmp_path / "g.keras")


def test_an_archive_that_is_no_keras_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "g.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(tmp_path / "g.keras")


def test_signatures_must_be_chosen_between(tmp_path):
    path = tiny.two_signatures(tmp_path / "m")
    refused(path, "plain", "labelled", "signature")
    refused(path, "plain", "labelled", "colour", signature="colour")
    assert not load_generator(path, signature="plain").conditional
    assert load_generator(path, signature="labelled").conditional


def test_a_keras_file_has_no_signatures(tmp_path):
    truth = tiny.keras(tmp_path / "g.keras", keras)
    refused(truth.path, "no signatures", "--signature", signature="serving_default")
    assert load_generator(truth.path).producer == "Keras 3 file"


def test_signatures_are_not_advised_where_a_file_has_none(tmp_path):
    layers = [keras.Input((4,)), keras.layers.Dense(1000)]
    keras.Sequential(layers).save(tmp_path / "flat.keras")
    refused(tmp_path / "flat.keras", "no picture of 1 or 3 channels", "--output")
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 4], "z")
        tf.reduce_mean(z * z, name="loss")
    (tmp_path / "loss.pb").write_bytes(graph.as_graph_def().SerializeToString())
    refused(tmp_path / "loss.pb", "another signature, if the file has several", output="loss")
    with pytest.raises(UserError) as raised:
        load_generator(tmp_path / "flat.keras")
    assert "another signature" not in str(raised.value)


@pytest.mark.parametrize("name", ["G.KERAS", "G.H5", "g.HDF5", "G.Pb", "g.TAR.gz"])
def test_a_file_is_known_by_its_name_however_it_is_written(tmp_path, name):
    (tmp_path / name).write_bytes(b"damaged")
    assert sum(form.recognises(str(tmp_path / name)) for form in FORMATS) == 1


def test_the_graph_of_a_saved_model_by_another_name(saved, tmp_path):
    path = shutil.copy(f"{saved}/saved_model.pb", tmp_path / "graph.pb")
    for options in ({}, {"signature": "serving_default"}):
        refused(path, "is the graph of a SavedModel", **options)


def test_a_classifier_is_no_generator(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10))
    model.export(tmp_path / "m", verbose=False)
    refused(tmp_path / "m", "does not look like a generator", "float32")


def test_a_handle_goes_through_the_hub_cache(saved, monkeypatch):
    asked = []

    def resolve(handle):
        asked.append(handle)
        return saved

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    handle = "https://tfhub.dev/somebody/tiny/1"
    assert load_generator(handle).latent_size == tiny.LATENT
    assert asked == [handle]


def test_a_handle_that_cannot_be_fetched(monkeypatch):
    def resolve(handle):
        raise OSError("no route\nto host")

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    refused("https://tfhub.dev/somebody/tiny/1", "no route to host", "TFHUB_CACHE_DIR")
    refused("gs://bucket/tiny", "no route to host")


def test_loading_a_folder_does_not_import_what_it_does_not_need(saved):
    code = (
        "import sys; from tfinv.generators.load import load_generator; "
        f"load_generator({saved!r}).split('dense'); "
        "print([m for m in ('tensorflow_hub', 'tf_keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
