"""One interface for every generator: pictures, samples, labels, layers, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import tiny
from graph import graphs

from tfinv.errors import UserError
from tfinv.generators.generator import Generator


def of_graph(draw, latent: int = 8) -> Generator:
    """A generator whose body is `draw(z, weights)`."""
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, latent], "z")
        output = draw(z, graphs.Weights())
    return Generator(graphs.to_model(graph, {"z": z}, output))


def refused(call, *words: str) -> None:
    with pytest.raises(UserError) as raised:
        call()
    assert "\n" not in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def test_what_is_known_of_a_generator():
    generator = tiny.loaded()
    assert (generator.latent_size, generator.image_shape) == (8, (8, 8, 3))
    assert (generator.conditional, generator.classes) == (False, None)
    assert (generator.border.range, generator.border.layout) == ("-1,1", "NHWC")
    assert generator.producer == "TF2 SavedModel"
    assert generator.notes == []


def test_pictures_are_in_0_1_whatever_the_batch():
    generator = tiny.loaded()
    z = generator.sample_latents(5)
    together = generator(z).numpy()
    assert together.dtype == np.float32 and together.shape == (5, 8, 8, 3)
    assert together.min() >= 0 and together.max() <= 1
    apart = np.concatenate([generator(row[None]).numpy() for row in z])
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_samples_are_the_priors_and_depend_on_seed_and_place_alone():
    generator = tiny.loaded(conditional=True)
    z = generator.sample_latents(2000, seed=3)
    assert z.dtype == np.float32
    assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02
    np.testing.assert_array_equal(generator.sample_latents(3, seed=3), z[:3])
    assert not np.array_equal(generator.sample_latents(3, seed=4), z[:3])
    assert generator.sample_latents(0).shape == (0, 8)
    assert tiny.loaded().sample_labels(4) is None


def test_sampled_labels_are_classes():
    labels = tiny.loaded(conditional=True).sample_labels(500, seed=1)
    assert set(labels.tolist()) == set(range(tiny.CLASSES))


def test_the_number_of_classes_is_read_off_the_graph():
    assert tiny.loaded(conditional=True).classes == tiny.CLASSES
    case = graphs.case("resnet")
    assert Generator(case.model).classes == 10
    biggan = graphs.case("biggan")
    assert Generator(biggan.model, constants={"truncation": 0.5}).classes == 7


def test_one_hot_labels_are_given_as_numbers():
    case = graphs.case("biggan")
    generator = Generator(case.model, constants={"truncation": 0.55})
    drawn = generator(case.feeds["z:0"], [1, 4]).numpy()
    np.testing.assert_allclose(drawn, (case.truth(case.output) + 1) / 2, atol=1e-4)


@pytest.mark.parametrize("labels", [[tiny.CLASSES], [-1], [10**9]])
def test_labels_out_of_range(labels):
    generator = tiny.loaded(conditional=True)
    z = generator.sample_latents(1)
    refused(lambda: generator(z, labels), f"label {labels[0]} is out of range", "0 to 4")


def test_other_labels_that_do_not_fit():
    generator = tiny.loaded(conditional=True)
    z = generator.sample_latents(2)
    refused(lambda: generator(z), "conditional", "label for each")
    refused(lambda: generator(z, [0.5, 1.0]), "whole numbers", "float64")
    refused(lambda: generator(z, [1, 2, 3]), "3 labels", "2 latents")
    # An unconditional generator has no use for labels, and the same call fits both kinds.
    assert tiny.loaded()(z, [1, 2]).shape == (2, 8, 8, 3)


def named(tmp_path):
    """A generator of five classes, with names."""
    generator = Generator(tiny.loaded(conditional=True)._model)
    file = tmp_path / "names.txt"
    file.write_text("tench\ngoldfish\nn02123045 tabby, tabby cat\ncrane\ncrane\n")
    generator.use_class_names(file)
    return generator


def test_labels_by_name(tmp_path):
    generator = named(tmp_path)
    assert [generator.label(text) for text in ("Tabby_Cat", "n02123045", "0", 4)] == [2, 2, 0, 4]
    z = generator.sample_latents(2)
    np.testing.assert_array_equal(generator(z, ["tabby", "1"]), generator(z, [2, 1]))
    refused(lambda: generator.label("taby"), "'taby'", "2: n02123045 tabby, tabby cat")
    refused(lambda: generator.label("crane"), "3: crane", "4: crane")
    refused(lambda: generator.label("5"), "label 5 is out of range")
    refused(lambda: generator.label("-1"), "label -1 is out of range")
    refused(lambda: generator(z, ["tabby", "dog"]), "'dog'")


def test_names_that_there_are_not(tmp_path):
    refused(lambda: tiny.loaded(conditional=True).label("tabby"), "--class_names", "'tabby'")
    refused(lambda: tiny.loaded().label("tabby"), "takes no labels")
    refused(lambda: tiny.loaded().use_class_names(tmp_path), "takes no labels")
    file = tmp_path / "names.txt"
    file.write_text("one\ntwo\n")
    refused(lambda: tiny.loaded(conditional=True).use_class_names(file), "2 class names", "5")


def test_a_thousand_classes_have_the_names_of_imagenet():
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 8], "z")
        y = tf.compat.v1.placeholder(tf.float32, [None, 1000], "y")
        w = graphs.Weights()
        image = tf.tanh(tf.reshape(z @ w(8, 48) + y @ w(1000, 48), [-1, 4, 4, 3]))
    generator = Generator(graphs.to_model(graph, {"z": z, "y": y}, image))
    assert generator.class_names.source == "ImageNet" and generator.label("cheeseburger") == 933


def test_a_truncation_is_sampled_as_biggans_authors_do():
    model = graphs.case("biggan").model
    for truncation in (0.5, 1.0):
        generator = Generator(model, constants={"truncation": truncation})
        z = generator.sample_latents(200, seed=1)
        assert 1.8 * truncation < np.abs(z).max() <= 2 * truncation
        np.testing.assert_array_equal(generator.sample_latents(2, seed=1, first=3), z[3:5])
    assert np.abs(Generator(graphs.case("resnet").model).sample_latents(200)).max() > 2.5


@pytest.mark.parametrize("shape", [(8,), (2, 7), (2, 8, 1)])
def test_latents_that_do_not_fit(shape):
    refused(lambda: tiny.loaded()(np.zeros(shape)), str(list(shape)), "[count, 8]")


def test_layers_are_in_order_and_one_is_the_dense():
    layers = tiny.loaded().layers()
    assert [layer.dense for layer in layers].count(True) == 1
    assert layers[0].dense and layers[0].shape == (4, 4, 16)
    split = tiny.loaded().split("dense")
    assert (split.layer, split.code_shape) == (layers[0], (4, 4, 16))
    layers.clear()  # a copy: the generator keeps its own
    assert tiny.loaded().layers()


def test_layer_names_that_match_none_or_several():
    refused(lambda: tiny.loaded().split("opne"), "opne", "open")
    relu = Generator(graphs.case("resnet").model)
    refused(lambda: relu.split("sum"), "block1/sum:0", "block2/sum:0")
    assert relu.split("block2/sum").layer.name == "block2/sum:0"


def test_a_generator_without_a_dense_layer():
    generator = of_graph(lambda z, w: tf.tanh(tf.reshape(tf.sin(z), [-1, 4, 4, 3])), 48)
    refused(lambda: generator.split("dense"), "dense")
    assert generator.split("latent").code_shape == (48,)


def test_the_range_is_measured_where_the_graph_proves_none_and_can_be_given():
    def draw(z, w):
        return tf.reshape(z @ w(8, 48) * 20 + 128, [-1, 4, 4, 3])

    generator = of_graph(draw)
    assert generator.border.range == "0,255"
    assert "measured" in generator.notes[0] and "--image_range" in generator.notes[0]
    assert generator.border.range_from == "measured from 100 samples"
    assert tiny.loaded().border.range_from == "Tanh"
    model = graphs.case("dcgan, fused norm").model
    assert Generator(model, image_range="0,1").border.range == "0,1"
    refused(lambda: Generator(model, image_range="0,2"), "0,2", "-1,1", "0,255")


def test_a_picture_can_be_grey():
    generator = of_graph(lambda z, w: tf.reshape(tf.tanh(z @ w(8, 16)), [-1, 4, 4, 1]))
    assert generator.image_shape == (4, 4, 1)


@pytest.mark.parametrize("order", ["NHWC", "NCHW"])
def test_a_flat_picture_has_the_axes_that_it_had_before(order):
    shape = [-1, 2, 8, 3] if order == "NHWC" else [-1, 3, 2, 8]

    def draw(z, w):
        return tf.reshape(tf.tanh(tf.reshape(z @ w(8, 48), shape)), [-1, 48])

    generator = of_graph(draw)
    assert (generator.image_shape, generator.border.layout) == ((2, 8, 3), order)
    assert generator.notes == []
    z = generator.sample_latents(3)
    raw = np.tanh(z @ graphs.Weights()(8, 48)).reshape(shape)
    raw = raw if order == "NHWC" else raw.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(generator(z), (raw + 1) / 2, atol=1e-5)
    for layer in generator.layers():
        split = generator.split(layer.name)
        np.testing.assert_allclose(split.g2(split.g1(z)), (raw + 1) / 2, atol=1e-5)


def test_a_flat_picture_that_nothing_tells_the_axes_of_is_taken_for_a_square():
    generator = of_graph(lambda z, w: tf.sigmoid(z @ w(8, 16)))
    assert generator.image_shape == (4, 4, 1)
    assert "square" in generator.notes[0] and "--image_layout" in generator.notes[0]


def test_a_picture_without_channels_is_grey():
    generator = of_graph(lambda z, w: tf.reshape(tf.tanh(z @ w(8, 24)), [-1, 4, 6]))
    assert generator.image_shape == (4, 6, 1)
    assert generator(generator.sample_latents(2)).shape == (2, 4, 6, 1)


def test_a_picture_that_depends_on_its_neighbours_is_refused():
    def draw(z, w):
        h = z @ w(8, 48)
        h = (h - tf.reduce_mean(h, 0)) / (1e-3 + tf.math.reduce_std(h, 0))
        return tf.reshape(tf.tanh(h), [-1, 4, 4, 3])

    refused(lambda: of_graph(draw), "depends on the others of its batch", "batch normalisation")


def test_numbers_that_are_not_finite_are_called_so():
    refused(
        lambda: of_graph(lambda z, w: tf.reshape(tf.math.log(z @ w(8, 48)), [-1, 4, 4, 3])),
        "not finite",
    )


def test_what_is_beyond_black_and_white_is_clipped_where_it_is_shown():
    generator = of_graph(lambda z, w: tf.reshape(30 * z @ w(8, 48), [-1, 4, 4, 3]))
    z, split = generator.sample_latents(3), generator.split("latent")
    drawn = generator(z).numpy()
    assert drawn.min() == 0.0 and drawn.max() == 1.0
    np.testing.assert_array_equal(drawn, split.g2(z))
    codes = tf.constant(z)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(codes)
        shown, raw = split.g2(codes), split.draw(codes, split.frontier(count=3))
    np.testing.assert_allclose(np.clip(raw, 0, 1), shown)
    np.testing.assert_allclose(tape.gradient(shown, codes), tape.gradient(raw, codes))
    assert np.abs(np.asarray(raw) - 0.5).max() > 0.6


def test_one_hot_labels_may_be_truths():
    def draw(z, labels, w):
        h = z @ w(8, 48) + tf.cast(labels, tf.float32) @ w(5, 48)
        return tf.tanh(tf.reshape(h, [-1, 4, 4, 3]))

    def model(dtype):
        with tf.Graph().as_default() as graph:
            z = tf.compat.v1.placeholder(tf.float32, [None, 8], "z")
            y = tf.compat.v1.placeholder(dtype, [None, 5], "y")
            return graphs.to_model(graph, {"z": z, "y": y}, draw(z, y, graphs.Weights()))

    truths, numbers = Generator(model(tf.bool)), Generator(model(tf.int32))
    assert truths.conditional and truths.classes == 5
    z = truths.sample_latents(2)
    np.testing.assert_array_equal(truths(z, [1, 4]), numbers(z, [1, 4]))


def test_what_the_format_says_of_the_range_wins_over_the_graph_and_the_user_over_both():
    model = graphs.case("dcgan, fused norm").model
    known = Generator(model, known_range="0,1")
    assert (known.border.range, known.border.range_from) == ("0,1", "the file's format")
    both = Generator(model, known_range="0,1", image_range="0,255")
    assert (both.border.range, both.border.range_from) == ("0,255", "--image_range")


def test_the_layout_can_be_given():
    def draw(z, w):  # fits both: 3 wide and of 3 channels
        return tf.reshape(tf.tanh(z @ w(8, 45)), [-1, 3, 5, 3])

    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 8], "z")
        model = graphs.to_model(graph, {"z": z}, draw(z, graphs.Weights()))
    assert Generator(model).image_shape == (3, 5, 3)
    given = Generator(model, image_layout="NCHW")
    assert given.image_shape == (5, 3, 3)
    refused(lambda: Generator(model, image_layout="NWHC"), "NWHC", "NHWC, NCHW")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ([-1, 4, 3, 4], ["[4, 3, 4]", "4 channels", "--output"]),
        ([-1, 6, 4, 2], ["[6, 4, 2]", "no picture"]),
        ([-1, 2, 2, 4, 3], ["[2, 2, 4, 3]", "no picture"]),
        ([1, -1, 4, 3], ["for two latents"]),
        ([-1], ["for two latents"]),
        ([-1, 1], ["discriminator's score", "--output"]),
    ],
)
def test_what_draws_no_picture(shape, words):
    size = 1 if shape == [-1, 1] else 48
    refused(lambda: of_graph(lambda z, w: tf.reshape(tf.tanh(z @ w(8, size)), shape)), *words)


def test_a_layout_cannot_make_a_picture_of_what_is_none():
    case = graphs.case("dcgan, fused norm")
    refused(lambda: Generator(case.model, image_layout="NCHW"), "no picture", "NCHW")


def test_scalars_that_there_are_not():
    model = graphs.case("dcgan, fused norm").model
    refused(lambda: Generator(model, constants={"truncation": 0.5}), "'truncation'", "none")
    biggan = graphs.case("biggan").model
    refused(lambda: Generator(biggan, constants={"psi": 0.5}), "'psi'", "truncation")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
