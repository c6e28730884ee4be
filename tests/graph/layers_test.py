"""Every layer on offer is an exact cut, and the offer is one that a person can read."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import graphs

from tfinv.errors import UserError
from tfinv.graph.interpret import Program
from tfinv.graph.layers import Layer, cuttable_layers, find_layer, first_dense_layer


def layers_of(case: graphs.Case) -> list[Layer]:
    return cuttable_layers(case.model, case.latent, case.output.name, case.constants)


@pytest.mark.parametrize("name", graphs.different_cases())
def test_every_layer_is_an_exact_cut_and_moves_the_picture(name):
    case = graphs.case(name)
    layers, truth = layers_of(case), case.truth(case.output)
    fed = [case.latent, *case.others]
    feeds = [case.feeds[key] for key in fed]
    tensors = [layer.name for layer in layers]
    first = Program(case.model, tensors, live=fed, constants=case.constants)
    for layer, code in zip(layers, first.run(feeds), strict=True):
        second = Program(
            case.model,
            [case.output.name],
            live=[layer.name],
            per_batch=fed,
            constants=case.constants,
        )
        frontier = second.prepare(*feeds)
        [image] = second.run([code], frontier)
        np.testing.assert_allclose(image, truth, atol=1e-4, err_msg=layer.name)
        [moved] = second.run([code + 0.1 * (1 + tf.abs(code))], frontier)
        assert np.abs(moved - truth).max() > 1e-5, layer.name
        assert not np.array_equal(code, truth)


@pytest.mark.parametrize("name", graphs.cases())
def test_shapes_and_ops_are_those_of_the_session(name):
    case = graphs.case(name)
    layers = layers_of(case)
    batch = len(case.feeds[case.latent])
    for layer, value in zip(layers, case.truth([layer.name for layer in layers]), strict=True):
        assert value.shape == (batch, *layer.shape)
        assert value[0].size == layer.size
        assert case.graph.get_tensor_by_name(layer.name).op.type == layer.op


@pytest.mark.parametrize("name", graphs.cases())
def test_the_dense_layer_is_marked_once(name):
    case = graphs.case(name)
    assert [layer.name for layer in layers_of(case) if layer.dense] == [case.dense]
    assert first_dense_layer(case.model, case.latent, case.output.name, case.constants) == (
        case.dense
    )


def test_dcgan_offers_each_stage_and_each_activation_and_no_more():
    case = graphs.case("dcgan, fused norm")
    assert [layer.name for layer in layers_of(case)] == [
        case.dense,
        "relu:0",
        "FusedBatchNormV3_1:0",
        "relu_1:0",
        "conv2d_transpose_1:0",
    ]


def test_biggan_offers_what_people_cut_at_and_not_its_gains():
    case = graphs.case("biggan")
    names = [layer.name.removeprefix("Generator_2/") for layer in layers_of(case)]
    for wanted in ("G_Z/Reshape:0", "GBlock_0/Relu:0", "GBlock_0/add:0", "attention/Softmax:0"):
        assert wanted in names
    assert not [name for name in names if "gamma/" in name or "beta/" in name]
    # A block is: norm, ReLU, convolution with the norm's constant half, conditional half, ReLU,
    # convolution, shortcut, sum.
    assert len([name for name in names if name.startswith("GBlock_0/")]) == 8
    assert names.index("G_Z/Reshape:0") == 0
    assert len(names) < 30 < len(case.model.nodes) / 30


def test_normalisations_and_gates_of_modern_generators_are_one_layer_each():
    w = graphs.Weights()
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 8], "z")
        h = tf.reshape(z @ w(8, 48), [-1, 4, 4, 3], name="dense")
        mean, variance = tf.nn.moments(h, [1, 2, 3], keepdims=True)
        scale = tf.math.rsqrt(variance + 1e-3) * w(4, 4, 3)
        h = tf.add(h * scale, w(3) - mean * scale, name="normed")
        h = tf.multiply(h, tf.sigmoid(h), name="swish")
        h = tf.add(tf.nn.conv2d(h, w(1, 1, 3, 3), 1, "SAME", name="conv"), h, name="sum")
        image = tf.tanh(h) * 0.5 + 0.5
    layers = cuttable_layers(graphs.to_model(graph, {"z": z}, image), "z", image.name)
    names = [layer.name for layer in layers]
    assert names == ["dense:0", "normed:0", "swish:0", "conv:0", "sum:0"]


def test_a_rearrangement_into_more_than_an_image_is_not_the_end_of_a_stage():
    layers = layers_of(graphs.case("progan"))
    assert max(len(layer.shape) for layer in layers) == 3


def test_the_order_is_that_of_the_graph():
    case = graphs.case("resnet")
    names = [layer.name for layer in layers_of(case)]
    assert names[0] == case.dense
    assert names.index("block1/sum:0") < names.index("block2/Relu:0") < names.index("block2/sum:0")


def test_an_output_that_does_not_depend_on_the_latent():
    case = graphs.case("resnet")
    gain = next(name for name, node in case.model.nodes.items() if node.op == "GatherV2")
    with pytest.raises(UserError, match="does not depend"):
        cuttable_layers(case.model, "z:0", gain)
    with pytest.raises(UserError, match="not an input"):
        cuttable_layers(case.model, "dense/reshape:0", case.output.name)


LAYERS = [
    Layer(name, "Relu", (4,), 4, False)
    for name in ("G/Block/Relu:0", "G/Block_1/Relu:0", "G/dense:0", "G/split:1", "dense:0")
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("G/dense:0", "G/dense:0"),
        ("G/dense", "G/dense:0"),
        ("Block/Relu", "G/Block/Relu:0"),
        ("Block_1/Relu:0", "G/Block_1/Relu:0"),
        ("split:1", "G/split:1"),
        ("dense", "dense:0"),  # an exact name wins over an end
        (" G/dense ", "G/dense:0"),
    ],
)
def test_find_layer(query, found):
    assert find_layer(LAYERS, query).name == found


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("Relu", ["G/Block/Relu:0", "G/Block_1/Relu:0"]),
        ("G/Blok/Relu", ["G/Block/Relu:0"]),
        ("elu", ["no layer"]),
        ("split", ["no layer"]),
        ("", ["no layer"]),
        ("Block/Relu:7:", ["G/Block/Relu:0"]),
    ],
)
def test_find_layer_lists_the_nearest(query, listed):
    with pytest.raises(UserError) as caught:
        find_layer(LAYERS, query)
    assert "\n" not in str(caught.value)
    for name in listed:
        assert name in str(caught.value)


def test_find_layer_does_not_list_hundreds():
    many = [Layer(f"block_{i}/Relu:0", "Relu", (4,), 4, False) for i in range(300)]
    with pytest.raises(UserError) as caught:
        find_layer(many, "Relu")
    assert len(str(caught.value)) < 400


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
