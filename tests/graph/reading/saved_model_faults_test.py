"""Everything that can be wrong with a SavedModel ends in one clear line, and runs nothing."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from graph import exports

from tfinv.errors import UserError
from tfinv.graph.reading.saved_model import read_saved_model

v1 = tf.compat.v1
FLOAT = tf.float32.as_datatype_enum


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    exports.tf1(folder / "tf1")
    exports.module(folder / "tf2")
    return folder


@pytest.fixture(params=["tf1", "tf2"])
def saved(request, originals, tmp_path):
    """A fresh copy of a SavedModel, to damage."""
    shutil.copytree(originals / request.param, tmp_path / "m")
    return str(tmp_path / "m")


@pytest.fixture
def tf1(originals, tmp_path):
    shutil.copytree(originals / "tf1", tmp_path / "m")
    return str(tmp_path / "m")


@pytest.fixture
def tf2(originals, tmp_path):
    shutil.copytree(originals / "tf2", tmp_path / "m")
    return str(tmp_path / "m")


def refused(path, message: str, signature: str | None = None) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read_saved_model(path, signature)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)


def node(saved_model, name: str):
    return next(n for n in saved_model.meta_graphs[0].graph_def.node if n.name == name)


def test_paths_that_are_no_saved_model(tmp_path):
    refused(tmp_path / "none", "no such file or folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "saved_model.pb is not in the folder, which holds nothing")
    (tmp_path / "empty" / "readme.txt").write_text("hello")
    refused(tmp_path / "empty", "which holds readme.txt")
    refused(tmp_path / "empty" / "readme.txt", "is a file")
    for content, message in (
        (b"", "0 bytes cannot be a SavedModel"),
        (b"this is not a protobuf", "truncated or not a SavedModel"),
        (bytes(range(256)), "truncated or not a SavedModel"),
        (b"\x08\x01", "or holds no graph"),
    ):
        (tmp_path / "empty" / "saved_model.pb").write_bytes(content)
        refused(tmp_path / "empty", message)


def test_truncated_graphs(saved):
    file = os.path.join(saved, "saved_model.pb")
    whole = Path(file).read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        with open(file, "wb") as stream:
            stream.write(whole[: int(len(whole) * share)])
        refused(saved, "truncated or not a SavedModel")


def test_signatures(tf1):
    refused(tf1, "has no signature 'sample'; pass --signature with one of serving_def", "sample")

    def several(saved_model):
        signatures = saved_model.meta_graphs[0].signature_def
        for name in ("a", "b"):
            signatures[name].CopyFrom(signatures["serving_default"])
        del signatures["serving_default"]

    exports.edit(tf1, several)
    refused(tf1, "has several signatures; pass --signature with one of a, b")
    assert read_saved_model(tf1, "b").inputs[0].key == "z"
    exports.edit(tf1, lambda s: s.meta_graphs[0].signature_def["a"].outputs.clear())
    refused(tf1, "signature 'a' has no outputs", "a")
    exports.edit(tf1, lambda s: s.meta_graphs[0].signature_def.clear())
    refused(tf1, "holds no signature")


@pytest.mark.parametrize("name", ["", "z", ":0", "z:x", "a:b:0"])
def test_signature_tensors_that_are_none(tf1, name):
    def change(saved_model):
        saved_model.meta_graphs[0].signature_def["serving_default"].inputs["z"].name = name

    exports.edit(tf1, change)
    refused(tf1, "is not a plain tensor|cannot be fed")


def test_signature_with_another_dtype_than_the_graph(tf1):
    def change(saved_model, dtype):
        saved_model.meta_graphs[0].signature_def["serving_default"].inputs["z"].dtype = dtype

    exports.edit(tf1, lambda s: change(s, tf.int32.as_datatype_enum))
    refused(tf1, "input 'z' is int32 in the signature and float32 in the graph")
    exports.edit(tf1, lambda s: change(s, 99))
    refused(tf1, "no valid dtype or shape")
    exports.edit(tf1, lambda s: change(s, FLOAT))
    exports.edit(tf1, lambda s: setattr(node(s, "z").attr["dtype"], "type", 0))
    refused(tf1, "input 'z' is float32 in the signature and of no known type in the graph")


def test_signature_with_a_negative_size(tf1):
    def change(saved_model):
        port = saved_model.meta_graphs[0].signature_def["serving_default"].inputs["z"]
        port.tensor_shape.dim[1].size = -4

    exports.edit(tf1, change)
    refused(tf1, "no valid dtype or shape")


def test_variables_that_are_missing_or_damaged(saved):
    folder = os.path.join(saved, "variables")
    index, data = (os.path.join(folder, f) for f in sorted(os.listdir(folder))[::-1])
    assert index.endswith(".index")
    for file in (data, index):
        whole = Path(file).read_bytes()
        for damaged in (b"", whole[: len(whole) // 2], bytes(len(whole))):
            with open(file, "wb") as stream:
                stream.write(damaged)
            refused(saved, "variables/ cannot be read|is damaged|is missing")
        with open(file, "wb") as stream:
            stream.write(whole)
    os.remove(index)
    refused(saved, r"variables\.index is missing; copy the whole model")
    shutil.rmtree(folder)
    refused(saved, "the folder is missing")


def test_variables_of_another_model(tf1, originals):
    other = originals.parent / "other"
    exports.tf1(other, lambda z: z * exports.variable("scale", [2.0]))
    shutil.rmtree(os.path.join(tf1, "variables"))
    shutil.copytree(other / "variables", os.path.join(tf1, "variables"))
    refused(tf1, "variable 'Generator/.*' is missing from variables/")


def test_variables_of_another_dtype_or_shape(tf1):
    def dtype(saved_model):
        node(saved_model, "Generator/G_Z/w").attr["dtype"].type = tf.float64.as_datatype_enum

    def shape(saved_model):
        dims = node(saved_model, "Generator/G_Z/w").attr["shape"].shape.dim
        dims[0].size = 9
        node(saved_model, "Generator/G_Z/w").attr["dtype"].type = FLOAT

    exports.edit(tf1, dtype)
    refused(tf1, "variable 'Generator/G_Z/w' is float64 in the graph and float32 in variables/")
    exports.edit(tf1, shape)
    refused(tf1, r"has shape \(9, 12\) in the graph and \(4, 12\) in variables/")
    w = "Generator/G_Z/w"
    exports.edit(tf1, lambda s: setattr(node(s, w).attr["dtype"], "type", 0))
    refused(tf1, "is of no known type in the graph and float32 in variables/")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: n.input.__setitem__(0, "nowhere"), "'nowhere' is missing"),
        (lambda n: n.input.__setitem__(0, "z:x"), "input 'z:x' does not exist"),
        (lambda n: n.input.__setitem__(0, "Generator/Tanh"), "feeds itself"),
        (lambda n: setattr(n, "op", "NoSuchOp"), "op 'NoSuchOp' .* is not among the ops"),
        (lambda n: setattr(n, "op", "ReadFile"), "op 'ReadFile' .* reads or writes files"),
        (lambda n: setattr(n, "op", "PyFunc"), "op 'PyFunc' .* runs Python"),
        (lambda n: setattr(n, "op", "SaveV2"), "op 'SaveV2' .* is not among the ops"),
        (lambda n: setattr(n, "op", "Enter"), "while loop"),
        (lambda n: setattr(n, "op", "PartitionedCall"), "function '' is missing"),
        (lambda n: setattr(n, "op", "If"), "predicate of .* is not a bool"),
        (lambda n: setattr(n, "name", "z"), "two nodes are called 'z'"),
        (lambda n: n.input.__delitem__(slice(None)), "the graph is damaged .*MatMul"),
    ],
)
def test_damaged_and_hostile_nodes(tf1, change, message):
    exports.edit(tf1, lambda s: change(node(s, "Generator/MatMul")))
    refused(tf1, message)


def test_hostile_ops_off_the_path_and_in_the_library(saved):
    def graph(saved_model):
        saved_model.meta_graphs[0].graph_def.node.add(name="quiet", op="WriteFile")

    def library(saved_model):
        functions = saved_model.meta_graphs[0].graph_def.library.function
        function = functions.add()
        function.signature.name = "unused"
        function.node_def.add(name="quiet", op="EagerPyFunc")

    exports.edit(saved, graph)
    refused(saved, "op 'WriteFile' .node 'quiet'. reads or writes files")
    exports.edit(saved, lambda s: s.meta_graphs[0].graph_def.node.pop())
    exports.edit(saved, library)
    refused(saved, "node 'quiet' in function 'unused'. runs Python")


def test_constants_that_claim_more_than_they_hold(tf1):
    def claim(saved_model):
        tensor = node(saved_model, "Generator/Reshape/shape").attr["value"].tensor
        tensor.tensor_shape.dim[0].size = 10 << 30

    exports.edit(tf1, claim)
    refused(tf1, r"claims \d+ bytes and holds \d+; refused")


def test_tensors_too_large_to_compute(tmp_path):
    huge = exports.tf1(tmp_path / "m", lambda z: z + tf.reduce_sum(tf.fill([1000, 3], 1.0)))

    def claim(saved_model):
        tensor = tf.make_tensor_proto([1 << 20, 1 << 20])
        node(saved_model, "Fill/dims").attr["value"].tensor.CopyFrom(tensor)

    exports.edit(huge.path, claim)
    refused(huge.path, r"'Fill:0' \(Fill\) would take 4398046511104 bytes")


@pytest.mark.parametrize(
    "value",
    [
        tf.make_tensor_proto([1.0, 2.0]),
        tf.make_tensor_proto("text"),
        tf.make_tensor_proto(np.ones(2, np.int32)).__class__(dtype=tf.resource.as_datatype_enum),
    ],
)
def test_constants_of_another_dtype(tf1, value):
    exports.edit(
        tf1,
        lambda s: node(s, "Generator/Reshape/shape").attr["value"].tensor.CopyFrom(value),
    )
    refused(tf1, "is not a tensor")


def test_placeholders_outside_the_signature(tf1):
    def forget(saved_model):
        del saved_model.meta_graphs[0].signature_def["serving_default"].inputs["z"]

    exports.edit(tf1, forget)
    refused(tf1, r"the output needs 'z', which is not among the inputs \(there are none\)")


def test_flipped_bytes_never_end_in_anything_but_a_user_error(saved):
    file = os.path.join(saved, "saved_model.pb")
    whole = Path(file).read_bytes()
    rng = np.random.default_rng(0)
    read = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 4)):
            damaged[at] ^= 1 << rng.integers(8)
        with open(file, "wb") as stream:
            stream.write(damaged)
        try:
            read_saved_model(saved)
            read += 1
        except UserError as error:
            assert "\n" not in str(error)
    assert 0 < read < 300, "some damage matters and some does not"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
