"""Functions, conditionals and loops that are damaged, endless or hostile end in one clear line."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import exports

from tfinv.errors import UserError
from tfinv.graph.reading import inline
from tfinv.graph.reading.saved_model import read_saved_model

v1 = tf.compat.v1
FLOAT = tf.float32.as_datatype_enum


def refused(path, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read_saved_model(path)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)


@pytest.fixture
def tf1(tmp_path):
    return exports.tf1(tmp_path / "m").path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: n.attr["Tin"].list.type.append(FLOAT), "numbers of inputs of .* do not agree"),
        (lambda n: n.input.__delitem__(slice(None)), "numbers of inputs of .* do not agree"),
        (lambda n: n.attr["Tout"].list.type.append(FLOAT), "numbers of outputs of .* do not agree"),
        (lambda n: n.input.__setitem__(0, ""), "node '' is missing"),
    ],
)
def test_conditionals_that_are_damaged(tmp_path, change, message):
    saved = exports.module(tmp_path / "m")

    def damage(saved_model):
        functions = saved_model.meta_graphs[0].graph_def.library.function
        ifs = [n for f in functions for n in f.node_def if n.op in ("If", "StatelessIf")]
        assert ifs
        for each in ifs:
            change(each)

    exports.edit(saved.path, damage)
    refused(saved.path, message)


class Switched(tf.Module):
    """One of three pictures, by a number."""

    def __init__(self):
        super().__init__()
        self.w = tf.Variable([2.0, 3.0, 4.0])

    @tf.function(
        input_signature=[tf.TensorSpec([None, 3], name="z"), tf.TensorSpec([], tf.int32, "which")]
    )
    def __call__(self, z, which):
        branches = [lambda: z * self.w, lambda: z + 1.0, lambda: self.w - z]
        return {"image": tf.switch_case(which, branches)}


@pytest.mark.parametrize("which", [0, 1, 2, 7, -1])
def test_cases_are_read_as_conditions(tmp_path, which):
    made = Switched()
    tf.saved_model.save(made, str(tmp_path / "m"), signatures={"f": made.__call__})
    feeds = {"z": np.ones((2, 3), np.float32), "which": np.int32(which)}
    read = exports.evaluate(read_saved_model(tmp_path / "m"), feeds)
    np.testing.assert_allclose(read["image"], made(**feeds)["image"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: n.attr["branches"].list.func.__delitem__(slice(None)), "has 0 branches"),
        (
            lambda n: n.attr["branches"].list.func.extend([n.attr["branches"].list.func[0]] * 300),
            "has 303",
        ),
        (
            lambda n: n.attr["Tin"].list.type.append(FLOAT),
            "numbers of inputs of .*Case. do not agree",
        ),
        (lambda n: n.attr["Tout"].list.type.append(FLOAT), "numbers of outputs of .*Case. do not"),
    ],
)
def test_cases_that_are_damaged(tmp_path, change, message):
    made = Switched()
    tf.saved_model.save(made, str(tmp_path / "m"), signatures={"f": made.__call__})

    def damage(saved_model):
        functions = saved_model.meta_graphs[0].graph_def.library.function
        cases = [n for f in functions for n in f.node_def if n.op in ("Case", "StatelessCase")]
        assert cases
        for each in cases:
            change(each)

    exports.edit(str(tmp_path / "m"), damage)
    refused(tmp_path / "m", message)


@pytest.mark.parametrize(
    ("op", "advice"),
    [
        ("LookupTableFindV2", "numbers for its classes in place of names"),
        ("TensorListGetItem", "belongs to a loop; export the generator with it unrolled"),
        ("QueueDequeueV2", "feed that tensor with --input"),
        ("IteratorGetNext", "feed that tensor with --input"),
        ("DecodePng", "works on text or encoded pictures"),
        ("MyOwnOp", "computes its images from its inputs and weights alone"),
    ],
)
def test_what_cannot_be_inverted_says_what_to_do(tf1, op, advice):
    def change(saved_model):
        nodes = saved_model.meta_graphs[0].graph_def.node
        next(n for n in nodes if n.name == "Generator/MatMul").op = op

    exports.edit(tf1, change)
    refused(tf1, f"op '{op}' .*{advice}")


def test_loops_are_refused(tmp_path):
    def body(z):
        return tf.while_loop(lambda x: tf.reduce_sum(x) < 100.0, lambda x: [x * 2.0 + 9.0], [z])[0]

    exports.tf1(tmp_path / "tf1", body)
    refused(tmp_path / "tf1", "belongs to a while loop on the way to the output")

    class Looped(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 4])])
        def __call__(self, z):
            return body(z)

    looped = Looped()
    tf.saved_model.save(looped, str(tmp_path / "tf2"), signatures={"f": looped.__call__})
    refused(tmp_path / "tf2", r"\((Stateless)?While\) belongs to a while loop")


def call(nodes, name: str, function: str, argument: str):
    made = nodes.add(name=name, op="PartitionedCall", input=[argument])
    made.attr["f"].func.name = function
    made.attr["Tin"].list.type.append(FLOAT)
    made.attr["Tout"].list.type.append(FLOAT)


def chain(saved_model, calls: list[tuple[str, ...]]) -> None:
    """Functions f0, f1, ...; each feeds its argument through the functions that are named."""
    library = saved_model.meta_graphs[0].graph_def.library
    for i, callees in enumerate(calls):
        function = library.function.add()
        function.signature.name = f"f{i}"
        function.signature.input_arg.add(name="x", type=FLOAT)
        function.signature.output_arg.add(name="y", type=FLOAT)
        argument = "x"
        for k, callee in enumerate(callees):
            call(function.node_def, f"c{k}", callee, argument)
            argument = f"c{k}:output:0"
        if not callees:
            relu = function.node_def.add(name="r", op="Relu", input=["x"])
            relu.attr["T"].type = FLOAT
            argument = "r:activations:0"
        function.ret["y"] = argument
    graph = saved_model.meta_graphs[0].graph_def
    call(graph.node, "entry", "f0", "z")
    outputs = saved_model.meta_graphs[0].signature_def["serving_default"].outputs
    outputs["image"].name = "entry:0"


def test_functions_are_inlined_as_often_as_they_are_called(tf1):
    exports.edit(tf1, lambda s: chain(s, [("f1", "f1"), ("f2", "f2"), ()]))
    model = read_saved_model(tf1)
    assert sum(n.op == "Relu" for n in model.nodes.values()) == 4
    z = np.array([[-1.0, 2.0, -3.0, 4.0]], np.float32)
    np.testing.assert_array_equal(exports.evaluate(model, {"z": z})["image"], np.maximum(z, 0))


def test_functions_that_call_themselves_are_refused(tf1):
    exports.edit(tf1, lambda s: chain(s, [("f1",), ("f0",)]))
    refused(tf1, "functions call each other more than 64 deep")


def test_functions_that_multiply_are_refused(tf1, monkeypatch):
    monkeypatch.setattr(inline, "MAX_NODES", 5000)
    exports.edit(tf1, lambda s: chain(s, [(f"f{i + 1}",) * 10 for i in range(12)] + [()]))
    refused(tf1, "the graph has more than 5000 nodes")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
