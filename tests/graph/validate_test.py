"""Sizes are found before memory is taken, however a file hides them."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.interpret import Program
from tfinv.graph.model import Port
from tfinv.graph.reading.freeze import build_model
from tfinv.graph.validate import Shapes, check_growth

v1 = tf.compat.v1
GIB = 1 << 30


def read(make, shape=(None, 4)):
    """Builds a graph of one input and reads it; `make` gets the placeholder."""
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, shape, "z")
        tf.identity(make(z), "image")
    port = Port("z", "z:0", tf.float32, shape)
    image = Port("image", "image:0", tf.float32, None)
    graph_def = unshaped(graph.as_graph_def())
    return build_model(graph_def, [port], [image], lambda node: WEIGHTS[node.name], "test", "m")


WEIGHTS = {"w": np.full(1, GIB, np.int64)}


def unshaped(graph_def):
    """Large numbers go in afterwards: TensorFlow would compute them while the graph is made."""
    for node in graph_def.node:
        if node.name.startswith("much"):
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.int64([1 << 15])))
    return graph_def


def much() -> tf.Tensor:
    return tf.constant([4], tf.int64, name="much")


BOMBS = {
    "fill": lambda z: tf.raw_ops.Fill(dims=much() * much() * 4, value=1.0),
    "tile": lambda z: tf.tile(tf.zeros([4]), much() * much()),
    "range": lambda z: tf.range(0.0, tf.cast((much() * much())[0], tf.float32) * 2),
    "zeros of a shape": lambda z: tf.zeros(
        tf.raw_ops.Shape(input=tf.zeros(much()), out_type=tf.int64) * much()
    ),
    "random": lambda z: tf.random.stateless_uniform(tf.concat([much(), much()], 0), [1, 2]),
    "pad": lambda z: tf.pad(tf.zeros([4]), tf.stack([much() * much(), much()], axis=1)),
    "one hot": lambda z: tf.one_hot(tf.range(much()[0]), tf.cast((much() * 2)[0], tf.int32)),
    "resize": lambda z: tf.image.resize(
        tf.zeros([1, 2, 2, 3]), tf.cast(tf.concat([much(), much()], 0), tf.int32)
    ),
    "scatter": lambda z: tf.scatter_nd(tf.zeros([1, 1], tf.int64), [1.0], much() * much() * 3),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_a_few_bytes_grow_into_is_refused_before_it_is_computed(bomb):
    # The size of the last tensor is the sum of the bomb's: only computing it would tell.
    def make(z):
        total = tf.cast(tf.reduce_sum(BOMBS[bomb](z)), tf.int32)
        return tf.reshape(z, [total, -1])

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"m: refused, because .* would take \d{10,} bytes"):
        read(make)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300 << 10, "kilobytes"


def test_repeated_doubling_is_refused():
    def make(z):
        x = tf.ones([1, 4])
        for _ in range(30):
            x = tf.concat([x, x], 0)
        return z + tf.reduce_sum(x)

    with pytest.raises(UserError, match=r"\(ConcatV2\) would take 536870912 bytes"):
        read(make)


def test_shapes_that_a_graph_tells():
    model = read(lambda z: tf.reshape(tf.matmul(z, tf.ones([4, 12])), [-1, 2, 2, 3]))
    assert model.outputs[0].shape == (None, 2, 2, 3)
    assert "image" in model.unsized and model.nodes.keys() - model.unsized


def test_a_size_that_a_weight_tells_is_checked_before_it_is_computed():
    def make(z):
        w = v1.get_variable("w", [1], tf.int64, use_resource=False)
        return z + tf.reduce_sum(tf.raw_ops.Fill(dims=w * 2, value=1.0, name="Fill"))

    model = read(make)
    assert "Fill" in model.unsized
    message = r"m: refused, because 'Fill:0' \(Fill\) would take 8589934592 bytes"
    with pytest.raises(UserError, match=message):
        check_growth(model.nodes["Fill"], [tf.constant([2 * GIB], tf.int64), tf.constant(1.0)], "m")
    with pytest.raises(UserError, match=message):
        Program(model, ["image"], live=["z"])


def test_what_does_not_fit_its_op_is_named():
    node = v1.NodeDef(name="r", op="Relu", input=["gone"])
    with pytest.raises(UserError, match=r"the graph is damaged at node 'r' \(Relu"):
        Shapes({"r": node}, {}, "m")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
