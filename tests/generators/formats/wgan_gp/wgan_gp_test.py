"""Checkpoints of improved_wgan_training, from whichever file is named to inverted pictures."""

from __future__ import annotations

import os
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from networks.improved_wgan import CLASSES, KINDS, LATENT, SIDES, make

import tfinv
from tfinv.errors import UserError
from tfinv.generators.formats.reading import Request
from tfinv.generators.formats.wgan_gp import statistics as wgan_gp_statistics
from tfinv.generators.formats.wgan_gp import wgan_gp
from tfinv.generators.load import load_generator

NOTE = (
    "batch norm measured on 10,000 latents and frozen: the checkpoint's own averages were never "
    "updated"
)


@pytest.fixture(autouse=True)
def few_samples(tmp_path, monkeypatch):
    """One batch of latents, and a cache that the next test does not see."""
    monkeypatch.setenv("TFINV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(wgan_gp_statistics, "SAMPLES", 100)


@pytest.fixture
def measured(monkeypatch):
    """Counts how often statistics are measured."""
    counted, measure = [], wgan_gp_statistics._batches
    monkeypatch.setattr(wgan_gp_statistics, "_batches", lambda *a: counted.append(1) or measure(*a))
    return counted


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint and what else a training leaves beside it."""
    folder = tmp_path_factory.mktemp("run")
    return make("cifar").save(folder / "model.ckpt-1000", extras=True)


def calibration_latents(kind, count=100):
    """The latents that batch norm is measured on, and the original on their statistics."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((count, LATENT), np.float32)
    labels = rng.integers(CLASSES, size=count).astype(np.int32)
    original = make(kind)
    original = type(original)(kind, z, labels)
    return original, z, labels if kind == "resnet_labelled" else None


def raw(generator, z, labels=None):
    """Pictures as the original has them: NCHW, of its own range."""
    low = generator.border.range == "-1,1"
    images = generator(z, labels).numpy().transpose(0, 3, 1, 2)
    return 2 * images - 1 if low else images


def refused(source, *words, **options):
    with pytest.raises(UserError) as caught:
        load_generator(source, **options)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 600 and str(source) in line
    for word in words:
        assert word in line


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_those_of_one_large_batch_and_need_none(kind, tmp_path):
    """On the very latents that were measured, freezing changes nothing but that."""
    original, z, labels = calibration_latents(kind)
    generator = load_generator(original.save(tmp_path / "model.ckpt-7"))
    assert generator.producer == "WGAN-GP checkpoint" and generator.latent_size == LATENT
    side = SIDES.get(kind, 32)
    assert generator.image_shape == (side, side, 1 if "mnist" in kind else 3)
    assert generator.classes == (CLASSES if kind == "resnet_labelled" else None)
    assert generator.notes == ([] if kind == "mnist" else [NOTE])
    drawn = raw(generator, z, labels)
    np.testing.assert_allclose(drawn, original.run(), atol=2e-4)
    alone = raw(generator, z[7:8], None if labels is None else labels[7:8])
    np.testing.assert_allclose(drawn[7:8], alone, atol=2e-5)


def test_any_other_large_batch_is_near(tmp_path, monkeypatch):
    monkeypatch.setattr(wgan_gp_statistics, "SAMPLES", 3000)
    original = make("resnet_labelled", count=3000, seed=5)
    generator = load_generator(original.save(tmp_path / "model.ckpt-7"))
    truth = original.run()[:50]
    error = raw(generator, original.latents[:50], original.labels[:50]) - truth
    assert np.sqrt((error**2).mean()) < 0.1 * truth.std()


@pytest.mark.parametrize(("kind", "blocks"), [("cifar", 0), ("good", 2), ("resnet_labelled", 2)])
def test_a_whole_inversion_of_two_samples(kind, blocks, tmp_path):
    """With fewer blocks than the originals, which XLA would compile for longer."""
    generator = load_generator(make(kind, blocks=blocks).save(tmp_path / "model.ckpt-7"))
    assert generator.image_shape[0] == (4 * 2**blocks if blocks else 32)
    z, labels = generator.sample_latents(4, seed=1), generator.sample_labels(4, seed=1)
    images = generator(z, labels).numpy()
    labels = None if labels is None else labels[:2]
    inverter = tfinv.Inverter(generator, labels=labels, solver="adam", max_evaluations=(30, 60))
    result = inverter.run(images[:2])
    of_others = np.sqrt(((images[:2] - images[2:]) ** 2).mean((1, 2, 3)))
    assert (result.rmse < 0.4 * of_others).all()


@pytest.mark.parametrize("part", ["", ".index", ".meta", ".data-00000-of-00001"])
def test_every_file_of_a_checkpoint_stands_for_it(saved, part):
    read = wgan_gp.read(saved + part, Request())
    assert wgan_gp.is_checkpoint(saved + part)
    assert read.model.path == saved + part and read.model.producer == "WGAN-GP checkpoint"


def test_both_spellings_slots_and_scopes_give_the_same_generator(saved, tmp_path):
    keys = tf.train.load_checkpoint(saved).get_variable_to_shape_map()
    assert "Generator.Input/Generator.Input.W" in keys and "Generator.BN1.offset" in keys
    assert "Generator.Input/Generator.Input.W/Adam_1" in keys
    assert "Generator.Input/Generator.Input.W/ExponentialMovingAverage" in keys
    z = np.random.default_rng(1).standard_normal((3, LATENT)).astype(np.float32)
    truth = load_generator(saved)(z)
    short = make("cifar").save(tmp_path / "short", short=True)
    assert "Generator.Input.W" in tf.train.load_checkpoint(short).get_variable_to_shape_map()
    scoped = make("cifar", scope="tower").save(tmp_path / "scoped")
    old = make("cifar").save(tmp_path / "old-1000", old=True)
    assert not os.path.exists(old + ".index")
    for other in (short, scoped, old):
        np.testing.assert_array_equal(load_generator(other)(z), truth, err_msg=other)


def test_a_folder_is_its_latest_checkpoint_even_after_a_move(tmp_path):
    make("mnist").save(tmp_path / "there" / "model.ckpt-1")
    make("cifar").save(tmp_path / "there" / "model.ckpt-2")
    assert load_generator(tmp_path / "there").image_shape == (32, 32, 3)
    path = tmp_path / "there" / "checkpoint"
    path.write_text('model_checkpoint_path: "/home/someone/run/model.ckpt-1"\n')
    assert load_generator(tmp_path / "there").image_shape == (28, 28, 1)
    shutil.copytree(tmp_path / "there", tmp_path / "here")
    for name in ("../there/model.ckpt-3", "", str(tmp_path / "there"), "missing"):
        (tmp_path / "here" / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')
        refused(tmp_path / "here", "name another", repr(name))
    for damage in (b"\xff\xfe", b"model_checkpoint_path: {", b"\0" * 100):
        (tmp_path / "here" / "checkpoint").write_bytes(damage)
        refused(tmp_path / "here", "is no list of checkpoints")


def test_a_second_load_measures_nothing_and_is_the_same_to_the_bit(measured, tmp_path):
    path = make("cifar").save(tmp_path / "model.ckpt-7")
    first = wgan_gp.read(path, Request()).model.weights
    second = wgan_gp.read(path, Request()).model.weights
    assert len(measured) == 1 and len(os.listdir(tmp_path / "cache")) == 1
    shutil.rmtree(tmp_path / "cache")
    third = wgan_gp.read(path, Request()).model.weights
    assert len(measured) == 2 and len(first) > 10
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
        np.testing.assert_array_equal(value, third[name])
    make("cifar", dim=3).save(tmp_path / "model.ckpt-8")
    wgan_gp.read(str(tmp_path / "model.ckpt-8"), Request())
    assert len(measured) == 3 and len(os.listdir(tmp_path / "cache")) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "folder", "pickle"])
def test_a_damaged_cache_is_measured_anew(measured, tmp_path, damage):
    path = make("cifar").save(tmp_path / "model.ckpt-7")
    truth = wgan_gp.read(path, Request()).model.weights
    [name] = os.listdir(tmp_path / "cache")
    file = tmp_path / "cache" / name
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-300])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "other":
        np.savez(file, **{"Generator.BN1.mean": np.zeros(3)})
    elif damage == "pickle":
        np.savez(file, **{"Generator.BN1.mean": np.array([object()])})
    else:
        file.unlink()
        file.mkdir()
    again = wgan_gp.read(path, Request()).model.weights
    assert len(measured) == 2
    for key, value in truth.items():
        np.testing.assert_array_equal(value, again[key])


def test_a_cache_that_cannot_be_written_is_no_error(measured, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("TFINV_CACHE_DIR", str(tmp_path / "file" / "below"))
    path = make("cifar").save(tmp_path / "model.ckpt-7")
    wgan_gp.read(path, Request())
    wgan_gp.read(path, Request())
    assert len(measured) == 2


def test_averages_that_somebody_did_update_are_said_to_be_left_aside(tmp_path):
    original = make("good")
    with original.graph.as_default():
        average = original.variables["Generator.OutputN.moving_mean"]
        average._initializer_op = tf.compat.v1.assign(average, [0.5, 0.5]).op
    [note] = wgan_gp.read(original.save(tmp_path / "model.ckpt-7"), Request()).notes
    assert "never with the checkpoint's averages" in note


def test_another_training_graph_is_left_to_its_meta_file(saved, tmp_path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.Variable([[1.0]], name="weights", use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        other = saver.save(session, str(tmp_path / "other"))
        bare = saver.save(session, str(tmp_path / "bare"), write_meta_graph=False)
    assert not wgan_gp.is_checkpoint(other) and not wgan_gp.is_checkpoint(other + ".meta")
    refused(bare, "not of improved_wgan_training", "'weights'", ".meta", "--input")
    refused(bare, "drop --signature", output="x:0")
    refused(saved, "no signatures", output="x:0", signature="default")


def test_two_generators_in_one_file_are_refused(tmp_path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for scope in ("a", "b"):
            with tf.name_scope(scope):
                tf.compat.v1.Variable([[1.0]], name="Generator.Input.W", use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        path = tf.compat.v1.train.Saver().save(session, str(tmp_path / "two"))
    os.unlink(path + ".meta")
    refused(path, "several generators", "'a', 'b'")


def with_arrays(path, change) -> str:
    """Saves the CIFAR generator with some of its arrays changed."""
    arrays = make("cifar").arrays()
    change(arrays)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        made = {k: tf.compat.v1.Variable(v, use_resource=False) for k, v in arrays.items()}
        session.run(tf.compat.v1.global_variables_initializer())
        return tf.compat.v1.train.Saver(made).save(session, str(path), write_meta_graph=False)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Generator.2.Filters", None, "is missing"),
        ("Generator.2.Biases", np.zeros(3, "f"), "has shape [3], where [4] is needed"),
        ("Generator.2.Biases", np.full(4, np.nan, "f"), "NaN"),
        ("Generator.2.Biases", np.zeros(4, np.int32), "int32"),
        ("Generator.5.Filters", None, "of no generator that is known here"),
    ],
)
def test_what_is_wrong_with_an_array_is_named(tmp_path, name, value, message):
    def change(arrays):
        del arrays[name]
        if value is not None:
            arrays[name] = value

    refused(with_arrays(tmp_path / "m", change), name.replace("5.Filters", "5"), message)


def test_other_floating_point_is_taken_as_float32(tmp_path):
    def change(arrays):
        arrays.update({name: value.astype(np.float64) for name, value in arrays.items()})

    z = np.zeros((1, LATENT), np.float32)
    truth = load_generator(with_arrays(tmp_path / "a", lambda arrays: None))(z)
    np.testing.assert_array_equal(load_generator(with_arrays(tmp_path / "b", change))(z), truth)


@pytest.mark.parametrize("part", [".index", ".data-00000-of-00001"])
@pytest.mark.parametrize("keep", [0, 100, -40])
def test_truncated_files_end_in_one_line(tmp_path, part, keep):
    path = make("cifar").save(tmp_path / "model.ckpt-7")
    contents = (tmp_path / ("model.ckpt-7" + part)).read_bytes()
    (tmp_path / ("model.ckpt-7" + part)).write_bytes(contents[:keep])
    refused(path)


def test_missing_data_ends_in_one_line(tmp_path):
    path = make("cifar").save(tmp_path / "model.ckpt-7")
    os.unlink(path + ".data-00000-of-00001")
    refused(path, "claims", "holds 0")


def test_a_claim_of_ten_gigabytes_ends_in_one_line(tmp_path):
    """One row of a matrix of 20 million rows is saved, as partitioned variables are."""
    arrays = make("cifar").arrays()
    slices = dict.fromkeys(arrays, "")
    arrays["Generator.Input.W"] = arrays["Generator.Input.W"][:1]
    slices["Generator.Input.W"] = "20000000 128 0,1:0,128"
    path = str(tmp_path / "model.ckpt-7")
    tf.raw_ops.SaveV2(
        prefix=path,
        tensor_names=list(arrays),
        shape_and_slices=list(slices.values()),
        tensors=list(arrays.values()),
    )
    refused(path, "'Generator.Input.W' claims 10240000000 bytes")


def test_flipped_bytes_never_end_in_anything_but_one_line(tmp_path):
    path = make("mnist").save(tmp_path / "model.ckpt-7")
    rng = np.random.default_rng(0)
    whole = (tmp_path / "model.ckpt-7.index").read_bytes()
    read = 0
    for _ in range(60):
        broken = bytearray(whole)
        broken[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        (tmp_path / "model.ckpt-7.index").write_bytes(bytes(broken))
        try:
            load_generator(path)
            read += 1
        except UserError as error:
            assert "\n" not in str(error)
    assert read < 60


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
