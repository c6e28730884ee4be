"""The first dense layer is found by structure: in graphs that are made to mislead."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import graphs

from tfinv.errors import UserError
from tfinv.graph.layers import cuttable_layers, first_dense_layer
from tfinv.graph.model import GraphModel

v1 = tf.compat.v1


def dense_of(build, shape=(None, 8), **others) -> str:
    """The dense layer of image = build(z, w, **others); others are (dtype, shape)."""
    with tf.Graph().as_default() as graph:
        inputs = {"z": v1.placeholder(tf.float32, shape, "z")}
        for key, (dtype, size) in others.items():
            inputs[key] = v1.placeholder(dtype, size, key)
        z, *rest = inputs.values()
        image = tf.identity(build(z, graphs.Weights(), *rest), "image")
    return first_dense_layer(graphs.to_model(graph, inputs, image), "z", "image")


def picture(h: tf.Tensor, w) -> tf.Tensor:
    """A picture grown from a 4x4 image."""
    h = tf.nn.conv2d(tf.nn.relu(h), w(3, 3, h.shape[-1], 3), 1, "SAME")
    return tf.tanh(h)


def grow(h: tf.Tensor, w) -> tf.Tensor:
    return picture(tf.reshape(h, [-1, 4, 4, 6], name="grow"), w)


@pytest.mark.parametrize("name", graphs.cases())
def test_names_do_not_matter(name):
    case = graphs.case(name)
    new = {old: f"n{i}" for i, old in enumerate(reversed(list(case.model.nodes)))}

    def rename(tensor: str) -> str:
        node, colon, index = tensor.partition(":")
        return new[node] + colon + index

    nodes = {}
    for old, node in case.model.nodes.items():
        copy = v1.NodeDef()
        copy.CopyFrom(node)
        copy.name = new[old]
        del copy.input[:]
        copy.input.extend(rename(tensor) for tensor in node.input)
        nodes[copy.name] = copy
    weights = {new[old]: value for old, value in case.model.weights.items()}
    ports = [
        type(port)(port.key, rename(port.tensor), port.dtype, port.shape)
        for port in case.model.inputs
    ]
    model = GraphModel(nodes, weights, tuple(ports), (), case.model.producer, "renamed")
    constants = {rename(key): value for key, value in case.constants.items()}
    found = first_dense_layer(model, rename(case.latent), rename(case.output.name), constants)
    assert found == rename(case.dense)


def test_two_dense_layers_in_a_row_give_the_first():
    def build(z, w):
        h = tf.nn.relu(tf.nn.bias_add(z @ w(8, 20), w(20), name="first"))
        return grow(h @ w(20, 96), w)

    assert dense_of(build) == "first:0"


def test_without_a_nonlinearity_between_them_two_products_stay_two():
    def build(z, w):
        return grow(tf.matmul(z, w(8, 20), name="first") @ w(20, 96), w)

    assert dense_of(build) == "first:0"


def test_a_label_embedding_beside_or_times_the_latent():
    table = np.eye(8, dtype=np.float32)

    def beside(z, w, label):
        joined = tf.concat([z, tf.gather(table, label)], 1)
        return grow(tf.matmul(joined, w(16, 96)), w)

    def times(z, w, label):
        return grow(tf.matmul(z * tf.gather(table, label), w(8, 96)), w)

    for build in (beside, times):
        assert dense_of(build, label=(tf.int32, [None])) == "grow:0"


def test_the_deepest_of_two_entries_into_the_trunk():
    def build(z, w):
        late = tf.reshape(tf.matmul(z, w(8, 4 * 4 * 3), name="late"), [-1, 4, 4, 3])
        return grow(tf.matmul(z, w(8, 96), name="early"), w) + late

    assert dense_of(build) == "grow:0"


def test_a_gain_as_large_as_the_trunk_does_not_mislead():
    def build(z, w):
        gain = tf.matmul(z, w(8, 96), name="gain")
        h = tf.nn.relu(tf.matmul(z, w(8, 20), name="first"))
        return grow(tf.matmul(h, w(20, 96)) * (1 + gain), w)

    assert dense_of(build) == "first:0"


def test_transposed_and_flattened():
    def build(z, w):
        h = tf.reshape(tf.matmul(z, w(8, 96)), [-1, 6, 4, 4])
        return picture(tf.transpose(h, [0, 2, 3, 1], name="turned"), w)

    assert dense_of(build) == "turned:0"


def test_a_convolution_of_a_single_pixel_is_a_dense_layer():
    def build(z, w):
        h = tf.nn.conv2d(z, w(1, 1, 8, 96), 1, "SAME")
        return grow(tf.nn.bias_add(h, w(96)), w)

    assert dense_of(build, shape=(None, 1, 1, 8)) == "grow:0"


def test_einsum_and_a_latent_of_many_vectors():
    def build(z, w):
        return grow(tf.einsum("bnd,df->bnf", z, w(8, 24)), w)

    assert dense_of(build, shape=(None, 4, 8)) == "grow:0"


def test_batch_norm_on_batch_statistics_is_not_followed():
    def build(z, w):
        h = tf.reshape(tf.matmul(z, w(8, 96)), [-1, 4, 4, 6], name="before")
        h, _, _ = v1.nn.fused_batch_norm(h, w(6), w(6), is_training=True)
        return picture(h, w)

    assert dense_of(build) == "before:0"


def test_a_scale_by_the_label_is_not_followed():
    def build(z, w, y):
        h = tf.nn.bias_add(tf.matmul(z, w(8, 96)), w(96), name="before")
        return grow(h * tf.matmul(y, w(5, 96)), w)

    assert dense_of(build, y=(tf.float32, [None, 5])) == "before:0"


def test_a_reshape_that_begins_an_upsampling_is_not_followed():
    def build(z, w):
        h = tf.reshape(tf.matmul(z, w(8, 24)), [-1, 2, 2, 6], name="before")
        h = tf.tile(tf.reshape(h, [-1, 2, 1, 2, 1, 6]), [1, 1, 2, 1, 2, 1])
        return picture(tf.reshape(h, [-1, 4, 4, 6]), w)

    assert dense_of(build) == "before:0"


def test_a_fixed_batch():
    def build(z, w):
        return picture(tf.reshape(tf.matmul(z, w(8, 96)), [5, 4, 4, 6], name="fixed"), w)

    assert dense_of(build, shape=(5, 8)) == "fixed:0"


def style_based(z, w):
    """A constant picture steered by styles: all the latent makes is gains."""
    style = tf.nn.leaky_relu(tf.nn.leaky_relu(z @ w(8, 8)) @ w(8, 8), name="mapped")
    h = tf.tile(tf.constant(w(1, 4, 4, 6)), tf.stack([tf.shape(z)[0], 1, 1, 1]))
    return picture(h * (1 + (style @ w(8, 6))[:, None, None, :]), w)


def image_to_image(z, w):
    return tf.tanh(tf.nn.conv2d(z, w(3, 3, 3, 3), 1, "SAME"))


def nonlinear_first(z, w):
    return grow(tf.tanh(z) @ w(8, 96), w)


@pytest.mark.parametrize(
    ("build", "shape"),
    [(style_based, (None, 8)), (image_to_image, (None, 8, 8, 3)), (nonlinear_first, (None, 8))],
)
def test_no_dense_layer_is_said_with_a_way_out(build, shape):
    with pytest.raises(UserError, match=r"no dense layer.*--layer.*tfinv\.inspect"):
        dense_of(build, shape)


def test_a_generator_without_a_dense_layer_still_has_layers():
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 8], "z")
        image = style_based(z, graphs.Weights())
    layers = cuttable_layers(graphs.to_model(graph, {"z": z}, image), "z", image.name)
    assert not [layer for layer in layers if layer.dense]
    assert "mapped:0" in [layer.name for layer in layers]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
