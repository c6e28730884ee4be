"""The class that a picture was drawn with is found among others, for each picture by itself."""

from __future__ import annotations

import functools
import sys
import types

import numpy as np
import pytest
from generators import hierarchical, tiny

import tfinv
from tfinv.errors import UserError
from tfinv.inversion.labels import LabelSearch, random_classes
from tfinv.inversion.starts import stored

COUNT, BUDGET = 5, 40


@functools.cache
def planted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures with their latents and labels."""
    generator = hierarchical.loaded()
    z, labels = generator.sample_latents(COUNT, 7), generator.sample_labels(COUNT, 7)
    return generator(z, labels).numpy(), z, labels


@functools.cache
def search(batch_size: int) -> LabelSearch:
    generator = hierarchical.loaded()
    inverter = tfinv.Inverter(generator, "latent", batch_size=batch_size)
    near = stored(planted()[1] + 0.3)
    return LabelSearch(inverter, random_classes(generator, 4), BUDGET, near)


@functools.cache
def found(batch_size: int = COUNT):
    return search(batch_size).find(planted()[0], range(COUNT))


def test_the_class_that_drew_a_picture_is_found():
    labels = planted()[2]
    np.testing.assert_array_equal(found().labels, labels)
    assert len(set(labels)) > 1
    # Every class was tried, and the loss says why this one.
    np.testing.assert_array_equal(np.sort(found().candidates), np.tile(range(4), (COUNT, 1)))
    np.testing.assert_array_equal(found().losses.argmin(1), labels)
    assert np.all(found().losses.min(1) < 0.2 * np.sort(found().losses, 1)[:, 1])
    assert np.all(found().evaluations <= 4 * BUDGET) and np.all(found().evaluations > BUDGET)


def test_neither_neighbours_nor_batch_size_nor_order_decide():
    other = found(2)
    np.testing.assert_array_equal(other.labels, found().labels)
    np.testing.assert_array_equal(other.candidates, found().candidates)
    best = [(f.losses.min(1)) for f in (other, found())]
    np.testing.assert_allclose(*best, atol=1e-3)
    images, order = planted()[0], [3, 1]
    some = search(2).find(images[order], order)
    np.testing.assert_array_equal(some.labels, found().labels[order])


def test_a_search_is_repeated_to_the_bit():
    again = search(COUNT).find(planted()[0], range(COUNT))
    for one, other in zip(again, found(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_random_classes_are_each_images_own():
    draw = random_classes(hierarchical.loaded(), 3, seed=5)
    rows = draw(None, range(200))
    assert rows.dtype == np.int32 and rows.shape == (200, 3)
    assert all(len(set(row)) == 3 for row in rows.tolist())
    np.testing.assert_array_equal(np.unique(rows), range(4))
    np.testing.assert_array_equal(draw(None, [7, 190]), rows[[7, 190]])
    other = random_classes(hierarchical.loaded(), 3, seed=6)(None, range(200))
    assert np.any(other != rows)


def test_a_picture_of_no_numbers_costs_no_other_its_class():
    images = planted()[0].copy()
    images[1] = np.nan
    kept = search(COUNT).find(images, range(COUNT)).labels
    np.testing.assert_array_equal(np.delete(kept, 1), np.delete(found().labels, 1))


def test_what_cannot_be_searched():
    inverter = tfinv.Inverter(tiny.loaded(), "latent")
    with pytest.raises(UserError, match="takes no labels"):
        LabelSearch(inverter, lambda images, indices: images)
    unknown = types.SimpleNamespace(path="some/path", conditional=True, classes=None)
    with pytest.raises(UserError, match=r"some/path.*cannot be told.*give the label"):
        random_classes(unknown, 2)
    inverter = tfinv.Inverter(hierarchical.loaded(), "latent")
    with pytest.raises(UserError, match="budget of 0"):
        LabelSearch(inverter, lambda images, indices: images, 0)


def test_weights_may_be_given_for_labels():
    """Alike for all classes, and freed, they lead to the class; held, they draw as they are."""
    images, z, labels = planted()
    generator = hierarchical.loaded()
    alike = np.full((COUNT, hierarchical.CLASSES), 1 / hierarchical.CLASSES, np.float32)
    options = {"labels": alike, "start": stored(z), "batch_size": COUNT, "max_evaluations": 200}
    options["solver"] = "adam"
    freed = tfinv.Inverter(generator, "latent", optimize=["code", "labels"], **options).run(images)
    assert freed.labels is None and freed.label_weights.shape == alike.shape
    np.testing.assert_array_equal(freed.label_weights.argmax(1), labels)
    held = tfinv.Inverter(generator, "latent", **options).run(images)
    np.testing.assert_array_equal(held.label_weights, alike)
    np.testing.assert_allclose(generator(held.latents, alike), held.images, atol=1e-5)
    assert np.all(freed.rmse < 0.5 * held.rmse)
    with pytest.raises(UserError, match=r"shape \[5, 3\] do not fit"):
        tfinv.Inverter(generator, "latent", labels=alike[:, :3])
    with pytest.raises(UserError, match="labels as whole numbers"):
        tfinv.Inverter(tiny.loaded(conditional=True), "latent", labels=alike)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
