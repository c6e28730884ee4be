"""Shapes, readers and roles in small graphs whose answers are plain to see."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf
from graph import graphs

from tfinv.errors import UserError
from tfinv.graph.structure import Structure

v1 = tf.compat.v1


def structure_of(build, shape=(None, 6), constants=None, **others) -> Structure:
    """The structure of image = build(z, w, **others); others are (dtype, shape)."""
    with tf.Graph().as_default() as graph:
        inputs = {"z": v1.placeholder(tf.float32, shape, "z")}
        for key, (dtype, size) in others.items():
            inputs[key] = v1.placeholder(dtype, size, key)
        z, *rest = inputs.values()
        image = tf.identity(build(z, graphs.Weights(), *rest), "image")
    return Structure(graphs.to_model(graph, inputs, image), "z", "image", constants)


def step(structure: Structure, name: str):
    [found] = [step for step in structure.steps if step.node.name == name]
    return found


@pytest.mark.parametrize("name", graphs.cases())
def test_shapes_are_the_sessions(name):
    case = graphs.case(name)
    structure = Structure(case.model, case.latent, case.output.name, case.constants)
    names = [t for t in structure.shapes if t in {o.name for o in all_tensors(case.graph)}]
    assert len(names) >= 8
    for value, tensor in zip(case.truth(names), names, strict=True):
        batch = len(case.feeds[case.latent])
        assert value.shape == (batch, *structure.shapes[tensor]), tensor


def all_tensors(graph: tf.Graph):
    return [tensor for op in graph.get_operations() for tensor in op.outputs]


def test_what_is_not_per_image_has_no_shape():
    def build(z, w):
        mixed = tf.reshape(z, [-1, 3], name="two_rows_an_image")
        turned = tf.transpose(z, name="turned")
        coupled = tf.reduce_mean(z, 0, keepdims=True, name="coupled")
        return z + tf.reshape(mixed, [-1, 6]) + tf.transpose(turned) + coupled

    structure = structure_of(build)
    assert {"two_rows_an_image:0", "turned:0", "coupled:0"} <= structure.path
    assert not {"two_rows_an_image:0", "turned:0", "coupled:0"} & set(structure.shapes)
    assert structure.shapes["z:0"] == (6,)


def test_a_dimension_as_large_as_the_batch_is_not_taken_for_it():
    def build(z, w):
        return z + tf.reduce_sum(tf.matmul(w(2, 5), tf.ones([5, 6]) * tf.reduce_sum(z)), 0)

    structure = structure_of(build)
    assert [name for name in structure.path if "MatMul" in name]
    assert not [name for name in structure.shapes if "MatMul" in name]


def test_shapes_alone_carry_nothing():
    def build(z, w):
        canvas = tf.ones(tf.stack([tf.shape(z)[0], 6]), name="canvas")
        return tf.add(canvas, z)

    structure = structure_of(build)
    assert structure.path == {"z:0", "Add:0"}


def test_what_steers_is_not_the_trunk():
    def build(z, w, y):
        trunk = tf.reshape(z @ w(6, 16 * 3), [-1, 4, 4, 3], name="trunk")
        gain = tf.reshape(z @ w(6, 3), [-1, 1, 1, 3], name="gain")
        scaled = tf.multiply(gain, trunk, name="scaled")
        norm = tf.math.rsqrt(tf.reduce_mean(scaled**2, [1, 2, 3], keepdims=True), name="norm")
        normed = tf.multiply(scaled, norm, name="normed")
        painted = tf.multiply(w(1, 4, 4, 3), tf.reshape(y @ w(2, 3), [-1, 1, 1, 3]))
        return tf.add(normed, painted, name="sum")

    structure = structure_of(build, y=(tf.float32, [None, 2]))
    assert structure.trunk_inputs(step(structure, "scaled")) == ["trunk:0"]
    assert structure.trunk_inputs(step(structure, "normed")) == ["scaled:0"]
    assert structure.carried(step(structure, "normed")) == ["scaled:0", "norm:0"]
    assert structure.trunk_inputs(step(structure, "sum")) == ["normed:0"]


def test_a_filter_made_from_the_latent_steers():
    def build(z, w):
        filters = tf.reshape(tf.reduce_mean(z @ w(6, 9 * 9), 0), [3, 3, 3, 3], name="filters")
        picture = tf.reshape(z @ w(6, 48), [-1, 4, 4, 3], name="picture")
        return tf.nn.conv2d(picture, filters, 1, "SAME", name="conv")

    structure = structure_of(build)
    assert structure.trunk_inputs(step(structure, "conv")) == ["picture:0"]
    assert structure.carried(step(structure, "conv")) == ["picture:0", "filters:0"]


LINEAR = {
    "bias": (lambda z, w: z + w(6), True),
    "from a constant": (lambda z, w: w(6) - z, True),
    "over a constant": (lambda z, w: z / (1 + w(6) ** 2), True),
    "a constant over": (lambda z, w: w(6) / z, False),
    "its square": (lambda z, w: z * z, False),
    "reshape": (lambda z, w: tf.reshape(z, [-1, 2, 3]), True),
    "by its own batch size": (lambda z, w: tf.reshape(z, tf.stack([tf.shape(z)[0], 6])), True),
    "transpose": (lambda z, w: tf.transpose(z[:, None], [0, 2, 1]), True),
    "tanh": (lambda z, w: tf.tanh(z), False),
    "product": (lambda z, w: z @ w(6, 6), False),  # linear, but where a stage begins
}


@pytest.mark.parametrize("name", LINEAR)
def test_which_steps_are_linear(name):
    build, linear = LINEAR[name]
    structure = structure_of(build)
    assert structure.is_linear(structure.steps[-1]) == linear


def test_a_per_batch_operand_is_conditional():
    structure = structure_of(lambda z, w, y: z * y, y=(tf.float32, [None, 6]))
    assert not structure.is_linear(structure.steps[-1])
    structure = structure_of(lambda z, w, t: z * t, constants={"t": 2.0}, t=(tf.float32, []))
    assert structure.is_linear(structure.steps[-1])


def test_where_a_stage_ends():
    def build(z, w):
        h = tf.reshape(z @ w(6, 48), [-1, 4, 4, 3], name="grid")
        h = tf.add(h, w(3), name="bias")
        flat = tf.reshape(h, [-1, 16, 3], name="flat")
        return tf.nn.softmax(flat)

    structure = structure_of(build)
    product = next(s for s in structure.steps if s.node.op == "MatMul")
    assert structure.end_of_stage(product.outputs[0]) == "bias:0"
    assert structure.next_linear("bias:0").node.name == "flat"
    assert structure.next_linear("flat:0") is None
    assert structure.is_picture(structure.output)
    assert not structure.is_picture("flat:0")


def test_a_branch_ends_a_stage():
    def build(z, w):
        h = tf.add(z @ w(6, 6), w(6), name="both_read_me")
        return h * 2 + tf.tanh(h)

    structure = structure_of(build)
    product = next(s for s in structure.steps if s.node.op == "MatMul")
    assert structure.end_of_stage(product.outputs[0]) == "both_read_me:0"


def test_a_hidden_fixed_batch_is_an_error_that_names_the_node():
    with pytest.raises(UserError, match="stuck"):
        structure_of(lambda z, w: tf.reshape(z, [64, 6], name="stuck"))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
