"""What g2 reads beside the code can be given at every evaluation, with its true gradient."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import hierarchical, tiny

from tfinv.errors import UserError
from tfinv.generators.load import load_generator

WISHES = [(), ("latent",), ("labels",), ("latent", "labels"), ("labels", "latent")]
FIRST = slice(0, hierarchical.CHUNK)


def inputs(count: int = 3, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = hierarchical.loaded()
    return generator.sample_latents(count, seed), generator.sample_labels(count, seed)


@pytest.mark.parametrize("free", WISHES, ids=str)
def test_a_free_cut_draws_the_same_pictures(free):
    generator, (z, labels) = hierarchical.loaded(), inputs()
    split = generator.split("dense", free)
    assert set(split.free) == set(free)
    assert split.reads_latent and split.reads_labels
    h = split.g1(z, labels)
    np.testing.assert_allclose(split.g2(h, z, labels), generator(z, labels), atol=1e-6)
    # What is held comes with the frontier, what is free with every call.
    frontier = split.frontier(
        None if "latent" in free else z, None if "labels" in free else labels, count=len(z)
    )
    rows = np.eye(hierarchical.CLASSES, dtype=np.float32)[labels]
    drawn = split.draw(h, frontier, z=z, labels=rows)
    np.testing.assert_allclose(drawn, generator(z, labels), atol=1e-6)


def test_what_is_held_costs_nothing_at_each_evaluation():
    generator = hierarchical.loaded()
    nodes = {free: generator.split("dense", free).live_nodes for free in WISHES}
    assert nodes[()] < nodes["labels",] <= nodes["latent",] <= nodes["latent", "labels"]


def test_gradients_by_all_unknowns_are_those_of_the_whole_generator():
    """d(G)/dz is that by the first chunk, through the code, plus that by the others, beside it."""
    generator, (z, labels) = hierarchical.loaded(), inputs()
    split = generator.split("dense", ("latent", "labels"))
    made = hierarchical.Hierarchical()
    z, y = tf.constant(z), tf.one_hot(labels, hierarchical.CLASSES)
    with tf.GradientTape() as whole:
        whole.watch([z, y])
        image = (made.draw(z, y)["image"] + 1) / 2
        loss = tf.reduce_sum(image**2)
    true_z, true_y = whole.gradient(loss, [z, y])

    code = split.g1(z, labels)
    frontier = split.frontier(count=len(z))
    with tf.GradientTape() as cut:
        cut.watch([code, z, y])
        image = split.draw(code, frontier, z=z, labels=y)
        loss = tf.reduce_sum(image**2)
    by_code, by_z, by_y = cut.gradient(loss, [code, z, y])
    np.testing.assert_allclose(by_y, true_y, atol=1e-4)
    assert np.abs(by_z[:, FIRST]).max() == 0
    np.testing.assert_allclose(by_z[:, FIRST.stop :], true_z[:, FIRST.stop :], atol=1e-4)
    through = tf.reshape(by_code, [len(z), -1]) @ tf.transpose(made.dense)
    np.testing.assert_allclose(through, true_z[:, FIRST], atol=1e-4)


def test_the_numbers_of_z_that_are_read_are_those_with_a_gradient():
    generator, (z, labels) = hierarchical.loaded(), inputs()
    for layer in ("dense", "Relu_1", "Conv2D"):
        split = generator.split(layer, ("latent",))
        h, latents = split.g1(z, labels), tf.constant(z)
        with tf.GradientTape() as tape:
            tape.watch(latents)
            image = split.draw(h, split.frontier(None, labels, count=len(z)), z=latents)
        by_z = tape.gradient(image, latents) if split.free else tf.zeros_like(latents)
        np.testing.assert_array_equal(np.abs(by_z).max(0) > 0, split.latent_read, layer)
        # The same is known of a cut that holds z.
        held = generator.split(layer)
        np.testing.assert_array_equal(held.latent_read, split.latent_read)


def test_what_is_not_read_is_not_free():
    generator = hierarchical.loaded()
    late = generator.split("Conv2D", ("latent", "labels"))
    assert late.free == () and not late.reads_latent and not late.latent_read.any()
    assert late.live_nodes == generator.split("Conv2D").live_nodes
    assert tiny.loaded().split("dense", ("latent", "labels")).free == ()
    # At the latent the code is z itself; the labels are beside it.
    assert generator.split("latent", ("latent", "labels")).free == ("labels",)


def test_labels_that_are_numbers_cannot_be_free():
    with pytest.raises(UserError, match="labels as whole numbers, which have no gradient"):
        tiny.loaded(conditional=True).split("dense", ("labels",))
    with pytest.raises(UserError, match="'code' cannot be free: latent and labels can"):
        hierarchical.loaded().split("dense", ("code",))


def test_what_is_free_must_be_given():
    split, (z, labels) = hierarchical.loaded().split("dense", ("latent",)), inputs()
    h = split.g1(z, labels)
    with pytest.raises(UserError, match="still reads the latents behind"):
        split.g2(h, None, labels)
    with pytest.raises(UserError, match="still reads the labels behind"):
        split.g2(h, z)


def test_labels_may_be_weights_everywhere():
    generator, (z, labels) = hierarchical.loaded(), inputs()
    rows = np.eye(hierarchical.CLASSES, dtype=np.float32)[labels]
    np.testing.assert_array_equal(generator(z, rows), generator(z, labels))
    mixed = np.full_like(rows, 1 / hierarchical.CLASSES)
    module = hierarchical.Hierarchical()
    made = module.draw(z, mixed)["image"]
    for layer in ("latent", "dense"):
        split = generator.split(layer)
        drawn = split.g2(split.g1(z, mixed), z, mixed)
        np.testing.assert_allclose(drawn, (made + 1) / 2, atol=1e-6)
    with pytest.raises(UserError, match=r"weights of classes of shape \[3, 3\].*\[count, 4\]"):
        generator(z, mixed[:, :3])
    with pytest.raises(UserError, match="2 labels do not fit 3 latents"):
        generator(z, mixed[:2])
    with pytest.raises(UserError, match="labels are whole numbers"):
        tiny.loaded(conditional=True)(np.zeros((3, tiny.LATENT), np.float32), mixed)


def test_every_chunk_of_a_hub_module_is_told_apart(tmp_path):
    truth = tiny.session(tmp_path / "m", "biggan, stateful truncation", hub=True)
    generator = load_generator(truth.path, constants=truth.constants)
    split = generator.split("dense", ("latent", "labels"))
    assert list(np.flatnonzero(split.latent_read)) == list(range(5, 15))
    h = split.g1(truth.z, truth.labels)
    drawn = split.g2(h, truth.z, truth.labels)
    np.testing.assert_allclose(drawn, (truth.raw + 1) / 2, atol=1e-4)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
