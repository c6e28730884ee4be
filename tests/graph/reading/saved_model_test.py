"""SavedModels of every generation: what is read computes what the original did."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from graph import exports

from tfinv.graph.reading.saved_model import read_saved_model

v1 = tf.compat.v1


def check(export: exports.Export, model, tolerance: float = 1e-5) -> None:
    """The Session's outputs of the flat graph are the original's, and the graph is as promised."""
    outputs = exports.evaluate(model, export.feeds)
    if len(outputs) == 1:
        outputs = dict(zip(export.outputs, outputs.values(), strict=True))
    assert outputs.keys() == export.outputs.keys()
    for key, expected in export.outputs.items():
        np.testing.assert_allclose(outputs[key], expected, rtol=tolerance, atol=tolerance)
    seen = set()
    for name, node in model.nodes.items():
        assert name == node.name
        for i in node.input:
            assert not i.startswith("^") and not i.endswith(":0")
            assert i.split(":")[0] in seen, "producers come first"
        assert not node.device and not [key for key in node.attr if key.startswith("_")]
        assert not [value for value in node.attr.values() if value.HasField("func")]
        if name in model.weights:
            assert node.op == "Const" and "value" not in node.attr
            assert tf.as_dtype(node.attr["dtype"].type) == model.weights[name].dtype
        seen.add(name)


@pytest.mark.parametrize("resource", [False, True])
def test_tf1_saved_model(tmp_path, resource):
    export = exports.tf1(tmp_path / "m", resource=resource)
    model = read_saved_model(tmp_path / "m")
    check(export, model)
    assert model.producer == "TF1 SavedModel"
    assert model.weights.keys() == export.variables.keys()
    for name, value in export.variables.items():
        np.testing.assert_array_equal(model.weights[name], value)
    assert {"Generator/G_Z/Reshape", "Generator/Relu", "Generator/Tanh"} <= model.nodes.keys()
    (z,), (image,) = model.inputs, model.outputs
    assert (z.key, z.tensor, z.dtype, z.shape) == ("z", "z:0", tf.float32, (None, 4))
    assert (image.key, image.tensor, image.shape) == ("image", "Generator/Tanh:0", (None, 5))


@pytest.mark.parametrize("truncation", [0.3, 0.9])
def test_hub_module_with_instances_conditionals_and_assignments(tmp_path, truncation):
    export = exports.hub(tmp_path / "m")
    model = read_saved_model(tmp_path / "m")
    assert model.producer == "TF1-Hub module"
    assert [port.key for port in model.inputs] == ["truncation", "y", "z"]
    check(export, model)
    assert not {n.op for n in model.nodes.values()} & {"Assign", "VariableV2", "RefSwitch"}
    assert "Generator/G_Z/G_linear/w" not in model.weights, "only the moving average is used"
    # The other side of both conditionals, against the original graph in a Session.
    feeds = {**export.feeds, "truncation": np.float32(truncation)}
    with tf.Graph().as_default(), v1.Session() as session:
        v1.saved_model.load(session, [], export.path)
        fed = {port.tensor: feeds[port.key] for port in model.inputs}
        expected = session.run(model.outputs[0].tensor, fed)
    np.testing.assert_allclose(exports.evaluate(model, feeds)["default"], expected, atol=1e-5)


@pytest.mark.parametrize("where", ["placeholder", "signature"])
def test_an_input_of_unknown_rank(tmp_path, where):
    def forget(saved_model):
        port = saved_model.meta_graphs[0].signature_def["serving_default"].inputs["z"]
        if where == "placeholder":
            port.tensor_shape.Clear()
            port.tensor_shape.unknown_rank = True
        else:
            port.ClearField("tensor_shape")

    export = exports.tf1(tmp_path / "m")
    exports.edit(export.path, forget)
    model = read_saved_model(tmp_path / "m")
    check(export, model)
    assert [port.shape for port in model.inputs] == [None]


def test_another_signature_of_a_hub_module(tmp_path):
    exports.hub(tmp_path / "m")
    model = read_saved_model(tmp_path / "m", "sample_1")
    assert {port.tensor.split("/")[0] for port in model.inputs} == {"Instance_1"}


def test_tf1_resource_gather_and_shape(tmp_path):
    def body(z):
        table = exports.variable("table", np.arange(40).reshape(8, 5))
        rows = tf.gather(table, tf.argmax(z, axis=1))
        return rows * tf.cast(tf.shape(table)[0], tf.float32) + tf.reduce_sum(z, 1, keepdims=True)

    export = exports.tf1(tmp_path / "m", body, resource=True)
    check(export, read_saved_model(tmp_path / "m"))


def test_tf1_cond_with_resource_variable_and_nested_constants(tmp_path):
    def body(z):
        w = exports.variable("w", [3.0])
        p = tf.constant(True)
        inner = lambda: tf.cond(tf.logical_not(p), lambda: 4.0, lambda: 5.0)  # noqa: E731
        return tf.cond(p, lambda: z * w + inner(), lambda: z + 1.0)

    export = exports.tf1(tmp_path / "m", body, resource=True)
    check(export, read_saved_model(tmp_path / "m"))


def test_tf1_function_calls(tmp_path):
    @tf.function
    def scaled(x, times):
        return tf.nn.relu(x, name="Relu") * times, tf.split(x, 2, axis=1)

    def body(z):
        once, (left, right) = scaled(z, 2.0)
        twice, _ = scaled(once, 3.0)
        return twice + tf.concat([right, left], 1)

    export = exports.tf1(tmp_path / "m", body)
    model = read_saved_model(tmp_path / "m")
    check(export, model)
    assert sum(node.op == "Relu" for node in model.nodes.values()) == 2


def test_placeholder_with_default_and_initialised_variables(tmp_path):
    def body(z):
        scale = v1.placeholder_with_default(3.0, [], "scale")
        w = exports.variable("w", 2.0)
        return z * scale * tf.cond(v1.is_variable_initialized(w), lambda: w, lambda: 0.0)

    export = exports.tf1(tmp_path / "m", body)
    check(export, read_saved_model(tmp_path / "m"))


@pytest.mark.parametrize("flip", [False, True])
def test_tf_module(tmp_path, flip):
    export = exports.module(tmp_path / "m", flip)
    model = read_saved_model(tmp_path / "m")
    check(export, model)
    assert model.producer == "TF2 SavedModel"
    assert [(p.key, p.dtype) for p in model.inputs] == [
        ("flip", tf.bool),
        ("label", tf.int64),
        ("z", tf.float32),
    ]
    assert "first" in model.nodes, "a name inside functions stays readable"
    assert any(w.shape == (8, 1024) for w in model.weights.values()), "large constants move out"


def test_keras_export(tmp_path):
    export = exports.keras_export(tmp_path / "m", keras)
    model = read_saved_model(tmp_path / "m")
    check(export, model)
    assert (model.producer, len(model.inputs)) == ("TF2 SavedModel", 1)
    assert not {n.op for n in model.nodes.values()} & {"ReadVariableOp", "StatefulPartitionedCall"}


def test_tf_keras_saved_model(tmp_path):
    import tf_keras

    export = exports.keras_export(tmp_path / "m", tf_keras)
    check(export, read_saved_model(tmp_path / "m"))


@pytest.mark.parametrize("resource", [False, True])
def test_reads_after_an_assignment_see_it(tmp_path, resource):
    def body(z):
        u = exports.variable("u", [1.0, 2.0, 3.0, 4.0])
        before = z * u
        with tf.control_dependencies([before, v1.assign(u, u * 10.0)]):
            after = u.read_value()
        return before + after

    export = exports.tf1(tmp_path / "m", body, resource=resource)
    # The run that the export was made with has assigned already, so its own output is one behind.
    z = export.feeds["z"]
    u = export.variables["u"]
    outputs = exports.evaluate(read_saved_model(tmp_path / "m"), {"z": z})
    np.testing.assert_allclose(outputs["image"], z * u + 10.0 * u, rtol=1e-6)


def test_reads_after_an_assignment_in_a_function_see_it(tmp_path):
    class Stateful(tf.Module):
        def __init__(self):
            super().__init__()
            self.u = tf.Variable([1.0, 2.0])

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "z")])
        def __call__(self, z):
            before = z * self.u
            self.u.assign(self.u + 1.0)
            return {"image": before + self.u}

    made = Stateful()
    tf.saved_model.save(made, str(tmp_path / "m"), signatures=made.__call__)
    feeds = {"z": np.ones((1, 2), np.float32)}
    expected = made(**feeds)["image"]
    export = exports.Export("m", feeds, {"image": expected.numpy()})
    check(export, read_saved_model(tmp_path / "m"))


def test_two_meta_graphs_are_told_apart_by_their_tags(tmp_path):
    builder = v1.saved_model.Builder(str(tmp_path / "m"))
    for tag, scale in (("gpu", 2.0), ("train", 3.0)):
        with tf.Graph().as_default(), v1.Session() as session:
            z = v1.placeholder(tf.float32, [None, 2], "z")
            w = v1.get_variable("w", initializer=5.0, use_resource=False)
            image = tf.multiply(z, w * scale, name=tag)
            session.run(v1.global_variables_initializer())
            signatures = {"default": v1.saved_model.predict_signature_def({"z": z}, {"i": image})}
            if tag == "gpu":
                builder.add_meta_graph_and_variables(session, [tag], signatures)
            else:
                builder.add_meta_graph([tag, "x"], signatures)
    builder.save()
    with pytest.raises(Exception, match=r"tagged gpu; train,x; pass --signature=default@gpu"):
        read_saved_model(tmp_path / "m")
    with pytest.raises(Exception, match=r"no graph is tagged 'tpu'; the tags are gpu; train,x"):
        read_saved_model(tmp_path / "m", "@tpu")
    model = read_saved_model(tmp_path / "m", "default@x,train")
    value = exports.evaluate(model, {"z": np.ones((1, 2), np.float32)})["i"]
    np.testing.assert_array_equal(value, np.full((1, 2), 15.0))


def test_input_that_the_output_does_not_read_is_still_there(tmp_path):
    with tf.Graph().as_default(), v1.Session() as session:
        z, y = (v1.placeholder(tf.float32, [None, 2], n) for n in "zy")
        exports.save_session(tmp_path / "m", session, {"a": ({"z": z, "y": y}, {"i": z + 1.0})})
    model = read_saved_model(tmp_path / "m")
    assert [port.key for port in model.inputs] == ["y", "z"] and "y" in model.nodes


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
