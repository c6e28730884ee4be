"""Single nodes, run as TensorFlow's own Session runs them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import graphs

from tfinv.errors import UserError
from tfinv.graph import ops
from tfinv.graph.interpret import Program
from tfinv.graph.reading.allowed_ops import ALLOWED

v1 = tf.compat.v1
X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 11

# Ops whose arguments have other names in Python, ops with lists, several outputs, odd attributes.
BUILDERS = {
    "Sum": lambda x: tf.reduce_sum(x, [0, 2]),
    "Mean": lambda x: tf.reduce_mean(x, 1, keepdims=True),
    "Max": lambda x: tf.reduce_max(x, -1),
    "Min": lambda x: tf.reduce_min(x, 0),
    "Prod": lambda x: tf.reduce_prod(x, 0),
    "All": lambda x: tf.reduce_all(x > 0, 0),
    "Any": lambda x: tf.reduce_any(x > 0, 0),
    "EuclideanNorm": lambda x: tf.math.reduce_euclidean_norm(x, 1),
    "ExpandDims": lambda x: tf.expand_dims(x, 1),
    "Squeeze": lambda x: tf.squeeze(x[:, :1], [1]),
    "Select": lambda x: v1.where(x > 0, x, -2 * x),
    "Where": lambda x: tf.where(x > 0),
    "Split": lambda x: tf.split(x, 2, axis=2),
    "SplitV": lambda x: tf.split(x, [1, 2], axis=1),
    "Unpack": lambda x: tf.unstack(x, axis=1),
    "Pack": lambda x: tf.stack([x, x + 1], axis=1),
    "ConcatV2": lambda x: tf.concat([x, 2 * x, x], axis=-1),
    "AddN": lambda x: tf.add_n([x, x, x]),
    "TopKV2": lambda x: list(tf.math.top_k(x, 2)),
    "StridedSlice": lambda x: x[:, None, ::-1, ..., 1],
    "Einsum": lambda x: tf.einsum("bij,bkj->bik", x, x),
    "Cast": lambda x: tf.cast(x, tf.int32),
    "LeakyRelu": lambda x: tf.nn.leaky_relu(x, 0.3),
    "IdentityN": lambda x: tf.identity_n([x, x + 1]),
    "MirrorPad": lambda x: tf.pad(x, [[0, 0], [1, 1], [0, 2]], "REFLECT"),
    "OneHot": lambda x: tf.one_hot(tf.cast(x, tf.int32) + 11, 24, axis=0),
    "Conv2D": lambda x: tf.nn.conv2d(x[..., None], np.ones((2, 2, 1, 3)), [1, 2, 1, 1], "VALID"),
    "DepthToSpace": lambda x: v1.depth_to_space(x[..., None, :], 2),
}


@pytest.mark.parametrize("op", BUILDERS)
def test_a_node_computes_what_the_session_does(op):
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, X.shape, "x")
        results = tf.nest.flatten(BUILDERS[op](x))
        node = results[0].op
        assert node.type == op
    with v1.Session(graph=graph) as session:
        inputs, expected = session.run([list(node.inputs), results], {x: X})
    found = ops.make_runner(node.node_def)([tf.constant(value) for value in inputs])
    assert len(found) == len(expected)
    for value, truth in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, truth, rtol=1e-6)
        assert value.dtype == truth.dtype


def test_attributes_that_an_exporter_stripped_have_their_defaults():
    with tf.Graph().as_default():
        node = tf.nn.leaky_relu(v1.placeholder(tf.float32, [3])).op.node_def
        split = tf.split(v1.placeholder(tf.float32, [4]), 2)[0].op.node_def
    for name in list(node.attr):
        del node.attr[name]
    [value] = ops.make_runner(node)([tf.constant([-1.0, 0.0, 2.0])])
    np.testing.assert_allclose(value, [-0.2, 0.0, 2.0], rtol=1e-6)  # alpha is 0.2 by default
    assert ops.output_types(node) == [tf.float32]
    del split.attr["num_split"]
    with pytest.raises(UserError, match="num_split"):
        ops.make_runner(split)


@pytest.mark.parametrize("name", graphs.cases())
def test_output_types_are_those_of_the_graph(name):
    case = graphs.case(name)
    seen = 0
    for node_name, node in case.model.nodes.items():
        try:
            original = case.graph.get_operation_by_name(node_name)
        except KeyError:
            continue  # the reader adds a few
        if original.node_def.op == node.op:
            types = [tensor.dtype.base_dtype for tensor in original.outputs]
            assert ops.output_types(node) == types
            seen += 1
    assert seen > 20


def test_the_arguments_that_python_renames():
    found = {}
    for op in ALLOWED:
        if not ops.op_def(v1.NodeDef(name="n", op=op)).is_stateful:
            _, renamed = ops._raw_op(op)
            found.update({(op, ours): python for ours, python in renamed.items()})
    reductions = {"All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum"}
    assert found == {(op, "reduction_indices"): "axis" for op in reductions} | {
        ("ExpandDims", "dim"): "axis",
        ("Split", "split_dim"): "axis",
        ("SplitV", "split_dim"): "axis",
        ("Squeeze", "squeeze_dims"): "axis",
        ("Select", "t"): "x",
        ("Select", "e"): "y",
        ("Where", "input"): "condition",
    }


def test_a_weight_beside_the_graph_wins():
    node = v1.NodeDef(name="w", op="Const")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    value = ops.constant_value(node, {"w": np.float32([1, 2])})
    np.testing.assert_array_equal(value, [1, 2])


def test_an_unknown_op_is_named():
    with pytest.raises(UserError, match=r"'n'.*'Frobnicate'"):
        ops.make_runner(v1.NodeDef(name="n", op="Frobnicate"))


def test_an_op_that_draws_random_numbers_is_refused_with_a_way_out():
    with tf.Graph().as_default():
        node = tf.random.normal([2], name="noise").op.inputs[0].op.inputs[0].op.node_def
    assert node.op == "RandomStandardNormal"
    with pytest.raises(UserError, match="constants="):
        ops.make_runner(node)


def test_an_op_that_calls_a_function_is_refused():
    @tf.function
    def called(x):
        return tf.map_fn(lambda y: 2 * y, x)

    definition = called.get_concrete_function(tf.TensorSpec([3])).graph.as_graph_def()
    [loop] = [node for node in definition.node if node.op in ("While", "StatelessWhile")]
    loop.op = "StatelessWhile"  # the stateful one is refused for its state already
    with pytest.raises(UserError, match="calls a function"):
        ops.make_runner(loop)


def test_what_tensorflow_says_becomes_one_line_with_the_node():
    node = v1.NodeDef(name="layer/MatMul", op="MatMul")
    with pytest.raises(UserError) as caught, ops.naming(node):
        tf.matmul(tf.zeros([2, 3]), tf.zeros([4, 5]))
    assert str(caught.value).startswith("node 'layer/MatMul' (MatMul)")
    assert "\n" not in str(caught.value) and "[Op:" not in str(caught.value)


def test_a_fixed_batch_is_named_without_the_words_of_onednn():
    node = v1.NodeDef(name="deconvolution", op="Conv2DBackpropInput")
    with pytest.raises(UserError, match="fixed batch size") as caught, ops.naming(node):
        tf.nn.conv2d_transpose(tf.zeros([2, 4, 4, 3]), tf.zeros([5, 5, 3, 3]), [3, 8, 8, 3], 2)
    for word in ("dnn", "status", "primitive", "[op:"):
        assert word not in str(caught.value).lower()


def test_the_type_of_a_tensor():
    model = graphs.case("biggan").model
    assert ops.tensor_type(model.nodes, "z") == tf.float32
    for wrong, reason in (("nowhere:0", "no tensor"), ("z:1", "1 outputs")):
        with pytest.raises(UserError, match=reason):
            ops.tensor_type(model.nodes, wrong)


def test_attributes_are_python_values_and_defaults_are_filled_in():
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4, 4, 2])
        y = tf.nn.conv2d(x, tf.ones([3, 3, 2, 5]), [1, 2, 2, 1], "SAME", name="conv")
        tf.cast(tf.squeeze(y, 0), tf.int32, name="cast")
    nodes = {node.name: node for node in graph.as_graph_def().node}
    conv = nodes["conv"]
    del conv.attr["data_format"], conv.attr["dilations"]
    assert ops.attribute(conv, "padding") == "SAME"
    assert ops.attribute(conv, "strides") == [1, 2, 2, 1]
    assert ops.attribute(conv, "data_format") == "NHWC"
    assert ops.attribute(conv, "dilations") == [1, 1, 1, 1]
    assert ops.attribute(conv, "explicit_paddings") == []
    assert ops.attribute(nodes["cast"], "DstT") is tf.int32
    del conv.attr["padding"]
    with pytest.raises(UserError, match=r"'conv' .* lacks its attribute 'padding'"):
        ops.attribute(conv, "padding")


@pytest.mark.parametrize(
    "body",
    [
        lambda z: tf.reshape(z, [4, 2, 2]),
        lambda z: z + tf.ones([4, 4]),
        lambda z: tf.concat([z, tf.zeros([4, 1])], 1),
        lambda z: tf.nn.conv2d_transpose(z[:, None, None], tf.ones([2, 2, 3, 4]), [4, 2, 2, 3], 2),
    ],
)
def test_a_batch_size_inside_a_file_says_so(body):
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 4], "z")
        output = tf.identity(body(z))
    model = graphs.to_model(graph, {"z": z}, output)
    program = Program(model, [output.name], per_batch=["z"])
    assert program.prepare(tf.ones([4, 4]))[0].shape[0] == 4
    with pytest.raises(
        UserError, match="exported for a fixed batch size: export it with batch N"
    ) as e:
        program.prepare(tf.ones([8, 4]))
    assert "{{" not in str(e.value)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
