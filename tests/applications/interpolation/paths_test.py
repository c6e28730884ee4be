"""Paths between stored codes, on a generator that reads z and labels behind the cut as well."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from commands.running import run
from generators import hierarchical, tiny

import tfinv
from tfinv.applications.interpolation.blends import positions
from tfinv.applications.interpolation.paths import (
    class_paths,
    picture_paths,
    sample_paths,
    stage_paths,
)
from tfinv.applications.interpolation.travel import between, travel
from tfinv.applications.inverted import load_inverted
from tfinv.errors import UserError
from tfinv.images.ranges import to_uint8

DENSE = "map:0"


def invert(generator, folder, *more):
    stages = f"--stages=latent,{DENSE}" if "hierarchical" in generator else "--stages=latent,dense"
    given = (f"--generator={generator}", f"--output_dir={folder}", "--images=sample:3", stages)
    done = run("tfinv.invert", *given, "--max_evaluations=20", *more)
    assert done.status == 0, done.err
    return str(folder)


@pytest.fixture(scope="module", name="saved")
def generator_with_chunks(tmp_path_factory):
    return hierarchical.hierarchical(tmp_path_factory.mktemp("generator") / "hierarchical")


@pytest.fixture(scope="module", name="folder")
def run_of_three(saved, tmp_path_factory):
    return invert(saved, tmp_path_factory.mktemp("run") / "out")


@pytest.fixture(scope="module", name="generator")
def loaded(saved):
    return tfinv.load_generator(saved)


def drawn(z, y):
    """By TensorFlow itself."""
    made = hierarchical.Hierarchical()
    raw = made.draw(tf.constant(z), tf.constant(y))["image"]
    return np.clip((raw.numpy() + 1) / 2, 0, 1)


def test_a_path_of_stages_begins_and_ends_at_what_is_stored(folder, generator):
    earlier, later = (load_inverted(folder, generator, stage) for stage in ("latent", DENSE))
    a = positions(5)
    for row, path in enumerate(stage_paths(earlier, later)):
        journey = travel(later.split, path, a)
        for place, stage in ((0, earlier), (-1, later)):
            np.testing.assert_array_equal(journey.images[place], stage.results.images[row])
        z, y = earlier.points.latents[[row]], earlier.points.labels[[row]]
        start = later.split.g1(z, y).numpy()[0]
        delta = later.points.codes[row] - start
        expected = start + a.reshape(-1, 1, 1, 1) * delta
        np.testing.assert_allclose(journey.points.codes, expected, atol=1e-5)
        np.testing.assert_array_equal(journey.points.latents[-1], later.points.latents[row])
        assert journey.rmse[-1, 0] == pytest.approx(later.results.rmse[row], abs=1e-3)


def test_pictures_at_the_latent_are_what_tensorflow_draws(folder, generator):
    inverted = load_inverted(folder, generator, "latent")
    [path, _] = picture_paths(inverted)
    a = positions(5, beyond=1)
    journey = travel(inverted.split, path, a, way="spherical")
    y = [np.eye(hierarchical.CLASSES)[inverted.points.labels[row]] for row in (0, 1)]
    weights = np.outer(1 - a, y[0]) + np.outer(a, y[1])
    expected = drawn(journey.points.codes, weights.astype(np.float32))
    np.testing.assert_allclose(journey.images, expected, atol=2e-3)
    np.testing.assert_array_equal(journey.images[[1, -2]], inverted.results.images[:2])
    lengths = np.linalg.norm(journey.points.codes.reshape(-1, 3, hierarchical.CHUNK), axis=2)
    assert np.all(lengths[1:-1].min(0) > 0.5 * lengths[[1, -2]].min(0))


def test_what_is_held_stays_that_of_the_first(folder, generator):
    inverted = load_inverted(folder, generator)
    [path] = picture_paths(inverted, [(2, 0)])
    ends, a = (path.first.points, path.last.points), positions(3)
    free = between(inverted.split, *ends, a)
    np.testing.assert_allclose(free.latents[1], (ends[0].latents + ends[1].latents)[0] / 2, 1e-5)
    held = between(inverted.split, *ends, a, hold=("latent", "labels"))
    np.testing.assert_array_equal(held.latents, np.repeat(ends[0].latents, 3, axis=0))
    np.testing.assert_array_equal(held.labels, np.repeat(ends[0].labels, 3, axis=0))
    np.testing.assert_array_equal(held.codes, free.codes)
    journey = travel(inverted.split, path, a, hold=("latent",))
    apart = np.abs(journey.images[-1] - inverted.results.images[0])
    assert apart.max() > 0.02  # it is drawn from the other's z, and not passed for what is stored


def test_samples_are_of_the_pictures_class_and_end_as_the_generator_draws(folder, generator):
    inverted = load_inverted(folder, generator)
    paths = sample_paths(inverted, 2, seed=3)
    assert len(paths) == 6
    for number, path in enumerate(paths):
        row = number // 2
        points = path.last.points
        assert points.labels[0] == inverted.points.labels[row]
        expected = drawn(points.latents, np.eye(4, dtype=np.float32)[points.labels])
        journey = travel(inverted.split, path, positions(3))
        np.testing.assert_allclose(journey.images[-1], expected[0], atol=1e-4)
        np.testing.assert_array_equal(journey.images[0], inverted.results.images[row])
    z = np.concatenate([path.last.points.latents for path in paths])
    assert len(np.unique(z, axis=0)) == 6
    [_, some] = sample_paths(load_inverted(folder, generator, pictures=[1]), 2, seed=3)
    np.testing.assert_array_equal(some.last.points.latents[0], z[3])
    assert sample_paths(inverted, 1, label=2)[0].last.points.labels[0] == 2


def test_classes_are_blended_as_one_hot_weights_and_the_code_is_held(folder, generator):
    inverted = load_inverted(folder, generator)
    own = inverted.points.labels
    for number, path in enumerate(class_paths(inverted, count=2)):
        row, a = number // 2, positions(3)
        assert path.last.points.labels[0] != own[row]
        journey = travel(inverted.split, path, a)
        expected = (np.eye(4)[own[row]] + np.eye(4)[path.last.points.labels[0]]) / 2
        np.testing.assert_allclose(journey.points.labels[1], expected)
        assert np.ptp(journey.points.codes, axis=0).max() == 0
        np.testing.assert_array_equal(journey.images[0], inverted.results.images[row])
    assert class_paths(inverted, [3])[1].last.name == "class 3"
    with pytest.raises(UserError, match="4 other classes are more than there are: 3"):
        class_paths(inverted, count=4)


def test_labels_that_are_numbers_are_not_blended(tmp_path):
    saved = tiny.labelled(tmp_path / "labelled")
    generator = tfinv.load_generator(saved)
    inverted = load_inverted(invert(saved, tmp_path / "out"), generator)
    with pytest.raises(UserError, match="labels as whole numbers"):
        class_paths(inverted)
    rows = [(0, k) for k in (1, 2) if inverted.points.labels[k] != inverted.points.labels[0]]
    [path, *_] = picture_paths(inverted, rows)
    with pytest.raises(UserError, match="add --hold=labels"):
        travel(inverted.split, path, positions(3))
    journey = travel(inverted.split, path, positions(3), hold=("labels",))
    np.testing.assert_array_equal(journey.images[0], inverted.results.images[0])
    assert not np.array_equal(to_uint8(journey.images[-1]), to_uint8(path.last.image))


def test_what_makes_no_path_is_said_in_one_line(folder, generator):
    inverted = load_inverted(folder, generator)
    with pytest.raises(UserError, match="two of them"):
        picture_paths(load_inverted(folder, generator, pictures=[0]))
    with pytest.raises(UserError, match="does not lie behind"):
        stage_paths(inverted, load_inverted(folder, generator, "latent"))
    ends = [inverted.points.take([row]) for row in (0, 1)]
    with pytest.raises(UserError, match="'code' cannot be held"):
        between(inverted.split, *ends, positions(2), hold=("code",))
    with pytest.raises(UserError, match="'curved' is no way"):
        between(inverted.split, *ends, positions(2), way="curved")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
