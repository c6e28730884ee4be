"""What an input is for is told by dtype, shape and what the graph does with it, not by its name."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import facts_of, model_of, sum_of_all

from tfinv.errors import UserError
from tfinv.generators.inputs.roles import find_roles

F, N, B = tf.float32, tf.int32, tf.bool
TABLE = np.ones((10, 8), np.float32)


def roles_of(*ports, draw=sum_of_all, **options):
    inputs = {key: (dtype, shape) for key, dtype, shape in ports}
    return find_roles(facts_of(model_of(inputs, draw)), **options)


@pytest.mark.parametrize(
    ("ports", "latent", "labels", "scalars", "classes"),
    [
        ([("input_1", F, [None, 8])], "input_1", None, [], None),
        ([("y", F, [None, 8])], "y", None, [], None),  # alone, whatever its name
        ([("z", F, [None, 1, 1, 8])], "z", None, [], None),
        ([("z", F, [None, 8, 1, 1])], "z", None, [], None),
        ([("z", F, [None, 1, 8])], "z", None, [], None),
        ([("z", F, [64, 8])], "z", None, [], None),
        ([("z", F, [None, 8]), ("y", F, [None, 10])], "z", "y", [], 10),
        ([("Labels", F, [1, 4]), ("noise", F, [1, 8])], "noise", "Labels", [], 4),
        ([("a", F, [None, 8]), ("one_hot", F, [None, 10])], "a", "one_hot", [], 10),
        ([("a", F, [None, 8]), ("class_cond", F, [None, 10])], "a", "class_cond", [], 10),
        ([("a", F, [None, 8]), ("b", N, [None, 7])], "a", "b", [], 7),
        ([("a", F, [None, 8]), ("b", F, [None, 1000])], "a", "b", [], 1000),
        ([("z", F, [None, 8]), ("which", N, [None])], "z", "which", [], None),
        ([("z", F, [None, 8]), ("k", tf.int64, [None, 1])], "z", "k", [], None),
        ([("z", F, [None, 8]), ("y", F, [None, 5]), ("t", F, [])], "z", "y", ["t"], 5),
        ([("z", F, [None, 8]), ("psi", F, []), ("n", F, [])], "z", None, ["psi", "n"], None),
        ([("z", F, [None, 8]), ("training", B, [])], "z", None, ["training"], None),
        ([("z", F, [None, 8]), ("training", B, None)], "z", None, ["training"], None),
        ([("z", F, [None, 8]), ("lod", N, [])], "z", None, ["lod"], None),
        ([("z", F, [None, 8]), ("t", F, None)], "z", None, ["t"], None),
    ],
)
def test_roles(ports, latent, labels, scalars, classes):
    roles = roles_of(*ports)
    assert roles.latent.key == latent
    assert (roles.labels and roles.labels.key) == labels
    assert [port.key for port in roles.scalars] == scalars
    assert roles.classes == classes
    assert roles.latent_size == 8
    assert roles.others == roles.unused == ()


@pytest.mark.parametrize(
    "use",
    [
        lambda y: tf.gather(TABLE, tf.cast(y, tf.int32)),
        lambda y: tf.one_hot(tf.cast(tf.reshape(y, [-1]), tf.int64), 8),
        lambda y: tf.gather(TABLE, tf.where(y < 0, tf.cast(y, N) + 10, tf.cast(y, N))),
    ],
)
@pytest.mark.parametrize("shape", [[None], [None, 1]])
def test_a_float_that_chooses_rows_of_a_table_is_a_label(use, shape):
    def draw(a, b):
        return tf.tanh(tf.reshape(a, [-1, 2, 2, 2]) + tf.reshape(use(b), [-1, 2, 2, 2]))

    roles = roles_of(("a", F, [None, 8]), ("b", F, shape), draw=draw)
    assert (roles.latent.key, roles.labels.key, roles.are_indices) == ("a", "b", True)


@pytest.mark.parametrize(
    "draw",
    [
        lambda z: z @ TABLE.T,
        lambda z: tf.matmul(z, TABLE, transpose_b=True),
        lambda z: (z * tf.math.rsqrt(tf.reduce_mean(z**2, 1, keepdims=True))) @ (TABLE.T * 0.5),
        lambda z: tf.tanh(tf.reshape(z, [-1, 2, 2, 2])),
        lambda z: tf.split(tf.ensure_shape(z, [None, 8]), 2, axis=1)[0] @ TABLE[:, :4].T,
    ],
)
def test_a_latent_of_unknown_shape_gets_it_from_the_weights(draw):
    roles = roles_of(("z", F, None), draw=draw)
    assert roles.latent.shape == (None, 8)


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_a_latent_of_unknown_shape_that_is_a_picture_of_one_pixel(data_format):
    sizes = [2, 4, 4, 3] if data_format == "NHWC" else [2, 3, 4, 4]

    def draw(z):
        filters = np.ones((4, 4, 3, 8), np.float32)
        return tf.nn.conv2d_transpose(z, filters, sizes, 1, "VALID", data_format=data_format)

    shape = (None, 1, 1, 8) if data_format == "NHWC" else (None, 8, 1, 1)
    assert roles_of(("z", F, None), draw=draw).latent.shape == shape


def test_what_else_is_read_is_held_and_what_is_not_read_is_nothing():
    ports = [("z", F, [None, 8]), ("noise", F, [None, 4, 4, 1]), ("truncation", F, [None, 1])]
    roles = roles_of(*ports)
    assert {port.key for port in roles.others} == {"noise", "truncation"}

    def draw(z, noise, truncation):
        return tf.tanh(tf.reshape(z, [-1, 2, 2, 2]))

    roles = roles_of(*ports, draw=draw)
    assert roles.others == () and {p.key for p in roles.unused} == {"noise", "truncation"}


def test_of_equals_the_one_that_is_as_wide_as_usual_labels_with_a_note():
    roles = roles_of(("a", F, [None, 8]), ("b", F, [None, 10]))
    assert roles.labels.key == "b" and "'b'" in roles.notes[0]
    assert "--label_input" in roles.notes[0]
    assert roles_of(("z", F, [None, 8]), ("y", F, [None, 10])).notes == ()


def test_a_second_vector_that_is_labels_by_its_name_alone_is_noted_and_can_be_held():
    ports = [("z", F, [None, 8]), ("c", F, [None, 8])]
    roles = roles_of(*ports)
    [note] = roles.notes
    assert roles.labels.key == "c" and "'c' of 8 numbers is taken for one-hot labels" in note
    assert "--latent_input=z" in note and "--label_input=c" in note
    held = roles_of(*ports, latent="z")
    assert held.labels is None and [port.key for port in held.others] == ["c"]
    right = roles_of(*ports, labels="c")
    assert (right.latent.key, right.labels.key, right.notes) == ("z", "c", ())
    for sure in (("c", F, [None, 10]), ("class_cond", F, [None, 8]), ("y", F, [None, 8])):
        for said in ({}, {"latent": "z"}):
            roles = roles_of(ports[0], sure, **said)
            assert (roles.labels.key, roles.notes) == (sure[0], ())


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([("a", F, [None, 8]), ("b", F, [None, 7])], ["'a' and 'b' may all be the latent"]),
        ([("z", F, [None, 8]), ("w", F, [None, 8])], ["'z' and 'w' may all be the latent"]),
        ([("a", F, [None, 10]), ("b", F, [None, 1000])], ["may all be the latent"]),
        (
            [("z", F, [None, 8]), ("label", N, [None]), ("style", N, [None])],
            ["'label' and 'style' may all be labels"],
        ),
        (
            [("z", F, [None, 8]), ("label", F, [None, 4]), ("class", F, [None, 5])],
            ["'label' and 'class' may all be labels"],
        ),
    ],
)
def test_between_equals_the_user_is_asked(ports, words):
    with pytest.raises(UserError) as raised:
        roles_of(*ports)
    for word in [*words, "--latent_input=KEY", "--label_input=KEY"]:
        assert word in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_user_may_say_which():
    equal = [("a", F, [None, 8]), ("b", F, [None, 7])]
    roles = roles_of(*equal, latent="b")
    assert (roles.latent.key, roles.labels, [p.key for p in roles.others]) == ("b", None, ["a"])
    roles = roles_of(*equal, labels="b")
    assert (roles.latent.key, roles.labels.key, roles.classes) == ("a", "b", 7)
    roles = roles_of(*equal, latent="a", labels="b:0")
    assert (roles.latent.key, roles.labels.key, roles.others) == ("a", "b", ())
    both = [("z", F, [None, 8]), ("label", N, [None]), ("style", N, [None])]
    roles = roles_of(*both, labels="style")
    assert roles.labels.key == "style" and [p.key for p in roles.others] == ["label"]
    grid = roles_of(("w", F, [None, 4, 8]), latent="w")
    assert (grid.latent.shape, grid.latent_size) == ((None, 4, 8), 32)


def test_what_the_user_says_that_cannot_be():
    for options, words in (
        ({"latent": "q"}, ["'q'", "--latent_input", "z float32 [?, 8]"]),
        ({"labels": "q"}, ["'q'", "--label_input"]),
        ({"latent": "k"}, ["k int32 [?]", "cannot be the latent"]),
    ):
        with pytest.raises(UserError) as raised:
            roles_of(("z", F, [None, 8]), ("k", N, [None]), **options)
        assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([("image", F, [None, 8, 8, 3])], ["picture to picture", "--latent_input=image"]),
        ([("z", F, [8])], ["no axis for the batch"]),
        ([("ids", N, [None, 16])], []),
        ([("flag", B, [])], []),
        ([("z", F, [None, 8]), ("noise", F, [None, None, None, 1])], ["noise float32 [?, ?,"]),
    ],
)
def test_what_is_no_generator_is_refused_in_one_line(ports, words):
    with pytest.raises(UserError, match="does not look like a generator") as raised:
        roles_of(*ports)
    text = str(raised.value)
    assert "\n" not in text and "memory" in text
    for word in [*words, "--signature"]:
        assert word in text


def test_a_picture_that_no_input_reaches():
    def draw(z):
        return tf.zeros([1, 2, 2, 3])

    with pytest.raises(UserError, match="it takes no input that the picture depends on"):
        roles_of(("z", F, [None, 8]), draw=draw)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
