"""What a graph says at a glance, and that looking changes nothing in it."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import facts_of, model_of
from graph import graphs

from tfinv.generators.inputs.chunks import find_chunks
from tfinv.generators.inputs.roles import find_roles
from tfinv.generators.inputs.vectors import vector_size
from tfinv.generators.output.intervals import prove_range
from tfinv.graph.facts import Facts
from tfinv.graph.layers import cuttable_layers
from tfinv.graph.model import GraphModel

AttrValue = tf.compat.v1.AttrValue
W = graphs.Weights()(8, 6)


def simple():
    def draw(z, unused):
        return tf.tanh(tf.identity(tf.cast(tf.identity(z, "a"), tf.float64), "b"), name="image")

    return model_of({"z": (tf.float32, [None, 8]), "unused": (tf.float32, [])}, draw)


def test_who_reads_what():
    facts = facts_of(simple())
    assert facts.is_needed("z:0") and not facts.is_needed("unused")
    assert [node.op for node, _ in facts.readers("z")] == ["Identity"]
    names = facts.renamed("z:0")
    assert names[0] == "z:0" and names[-1] == "b:0" and "a:0" in names
    assert facts.source("b:0").name == "z"


@pytest.mark.parametrize(
    ("weight", "shape"),
    [
        (lambda: tf.identity(tf.constant(W)), (8, 6)),
        (lambda: tf.constant(W) / tf.norm(tf.constant(W)), (8, 6)),
        (lambda: 0.5 * tf.constant(W), (8, 6)),
        (lambda: tf.transpose(tf.constant(W.T.copy())), (8, 6)),
        (lambda: tf.exp(tf.constant(W)), None),
    ],
)
def test_the_shape_of_a_weight(weight, shape):
    model = model_of({"z": (tf.float32, [None, 8])}, lambda z: tf.matmul(z, weight(), name="mm"))
    assert facts_of(model).weight_shape(model.nodes["mm"].input[1]) == shape


def test_the_value_of_a_constant():
    model = model_of({"z": (tf.float32, [None, 8])}, lambda z: tf.matmul(z, W, name="mm"))
    facts = facts_of(model)
    np.testing.assert_array_equal(facts.constant(model.nodes["mm"].input[1]), W)
    assert facts.constant("z:0") is None and facts.constant("mm:0") is None


def stripped(model: GraphModel) -> GraphModel:
    """A copy without the attributes that have their usual values, as exporters write them."""
    nodes = {}
    for name, node in model.nodes.items():
        nodes[name] = type(node)()
        nodes[name].CopyFrom(node)
        for key, value in USUAL.items():
            if key in node.attr and node.attr[key] == value:
                del nodes[name].attr[key]
    return dataclasses.replace(model, nodes=nodes)


USUAL = {
    "data_format": AttrValue(s=b"NHWC"),
    "transpose_a": AttrValue(b=False),
    "transpose_b": AttrValue(b=False),
    "shrink_axis_mask": AttrValue(i=0),
}


@pytest.mark.parametrize("name", ["biggan", "dcgan of PyTorch", "progan"])
def test_looking_leaves_every_node_as_it_was(name):
    case = graphs.case(name)
    model, output = stripped(case.model), case.output.name
    before = {key: node.SerializeToString(deterministic=True) for key, node in model.nodes.items()}
    facts = Facts(model, output)
    roles = find_roles(facts)
    find_chunks(facts, roles.latent.tensor, roles.latent_size)
    prove_range(facts, output)
    assert cuttable_layers(model, case.latent, output, case.constants)
    after = {key: node.SerializeToString(deterministic=True) for key, node in model.nodes.items()}
    assert before == after


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((None, 8), 8),
        ((64, 1, 1, 8), 8),
        ((None, 8, 1, 1), 8),
        ((None, 1), 1),
        ((None, 0), 0),
        ((None, 4, 8), None),
        ((None, None), None),
        ((None,), None),
        ((), None),
        (None, None),
    ],
)
def test_what_is_a_vector(shape, size):
    assert vector_size(shape) == size


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
