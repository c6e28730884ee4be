"""Frozen graphs compute what the graph did, between the tensors that the user names."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from graph import bare, exports

from tfinv.errors import UserError
from tfinv.graph.reading import frozen_graph as read_frozen_file
from tfinv.graph.reading.frozen_graph import parse, read_frozen
from tfinv.graph.reading.pick import BareGraph, read_graph

v1 = tf.compat.v1


def check(saved: bare.Trained, model, scale: float = 1.0) -> None:
    (key,) = (port.key for port in model.inputs)
    (image,) = exports.evaluate(model, {key: saved.z}).values()
    np.testing.assert_allclose(image, scale * saved.image, atol=1e-6)


def refused(path, message: str, *arguments) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read_frozen(path, *arguments)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["m.pb", "m.pbtxt"])
def test_the_only_picture_of_the_only_placeholder(tmp_path, name):
    saved = bare.frozen(tmp_path / name)
    model, notes = read_frozen(saved.path)
    check(saved, model)
    assert (model.producer, model.outputs[0].shape) == ("Frozen graph", (None, 4, 4, 3))
    assert [note.split(" ")[0] for note in notes] == ["--output=G/image", "--input=z"]


@pytest.mark.parametrize(("z", "output"), [("z", "G/image"), ("z:0", "G/image:0")])
def test_tensors_by_name(tmp_path, z, output):
    saved = bare.frozen(tmp_path / "m.pb", outputs=["mean", "twice"])
    model, notes = read_frozen(saved.path, [z], output)
    check(saved, model)
    assert notes == ()
    check(saved, read_frozen(saved.path, [z], "twice")[0], scale=2.0)


def test_a_picture_beside_other_outputs(tmp_path):
    saved = bare.frozen(tmp_path / "m.pb", outputs=["mean", "twice"])
    model, notes = read_frozen(saved.path)
    check(saved, model, scale=2.0)
    assert notes[0].startswith("--output=twice is taken")


def test_where_there_is_a_choice_it_is_listed(tmp_path):
    saved = bare.frozen(tmp_path / "m.pb", outputs=["mean", "twice", "half"], training=True)
    refused(
        saved.path,
        r"z \(float32\), training \(bool\); its output may be G/image, twice, half, mean",
    )


def test_a_placeholder_may_be_given_a_value(tmp_path):
    saved = bare.frozen(tmp_path / "m.pb", training=True)
    model, notes = read_frozen(saved.path, ["training=false"])
    check(saved, model)
    assert "--input=z is fed" in notes[-1]
    refused(saved.path, r"needs 'training'.* where training=VALUE fixes one", ["z"], "G/image")
    refused(saved.path, "'maybe' is no value for training, which is bool", ["z", "training=maybe"])
    refused(saved.path, "G/Reshape is no placeholder", ["z", "G/Reshape=1"])


def test_an_inner_tensor_may_be_fed(tmp_path):
    saved = bare.frozen(tmp_path / "m.pb", training=True)
    model, _ = read_frozen(saved.path, ["G/MatMul", "training=0"], "G/image:0")
    assert [(port.key, port.shape) for port in model.inputs] == [("G/MatMul", (None, 48))]
    h = np.random.default_rng(2).standard_normal((2, 48)).astype(np.float32)
    (image,) = exports.evaluate(model, {"G/MatMul": h}).values()
    np.testing.assert_allclose(image, np.tanh(h).reshape(2, 4, 4, 3), atol=1e-6)


def test_names_that_are_not_there(tmp_path):
    path = bare.frozen(tmp_path / "m.pb").path
    refused(path, "no tensor 'image'; the nearest are G/image", ["z"], "image")
    refused(path, "no tensor 'G/imag'; the nearest are G/image", ["z"], "G/imag")
    refused(path, "no tensor 'y'", ["y"], "G/image")
    with pytest.raises(UserError, match="'G/image' has 1 outputs"):
        read_frozen(path, ["z"], "G/image:3")


def test_a_graph_that_is_not_frozen(tmp_path):
    with tf.Graph().as_default() as graph:
        bare.draw(v1.placeholder(tf.float32, [None, 6], "z"), None)
    tf.io.write_graph(graph, str(tmp_path), "m.pb", as_text=False)
    refused(
        tmp_path / "m.pb",
        "variable 'G/w' has no value in it: the graph is not frozen",
        ["z"],
        "G/image",
    )


def test_a_graph_without_placeholders(tmp_path):
    with tf.Graph().as_default() as graph:
        bare.draw(tf.zeros([2, 6]), None)
    tf.io.write_graph(graph, str(tmp_path), "m.pb", as_text=False)
    refused(tmp_path / "m.pb", "G/image needs no placeholder", [], "G/image")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.pb", b""),
        ("m.pb", b"no graph"),
        ("m.pbtxt", b"node {"),
        ("m.pbtxt", b"\xff\xfe"),
        ("m.pbtxt", b"node { attr { value { func { attr { value { list { func " * 3000),
    ],
)
def test_files_that_are_no_graph(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, "cannot be a graph|truncated or no graph")


def test_truncated_graphs(tmp_path):
    path = Path(bare.frozen(tmp_path / "m.pb").path)
    whole = path.read_bytes()
    read = 0
    for end in range(1, len(whole), 97):
        path.write_bytes(whole[:end])
        try:
            read_frozen(path)
            read += 1
        except UserError as error:
            assert "\n" not in str(error)
    assert read < 5, "a cut between the last nodes may leave a graph"


def test_the_graph_of_a_saved_model_is_known(tmp_path):
    path = Path(exports.tf1(tmp_path / "m").path) / "saved_model.pb"
    path = path.rename(tmp_path / "renamed.pb")
    refused(path, "is the graph of a SavedModel")


def test_a_graph_is_parsed_once(tmp_path, monkeypatch):
    saved = bare.frozen(tmp_path / "m.pb")
    parsed = []

    def counted(path, kind):
        parsed.append(kind)
        return parse(path, kind)

    monkeypatch.setattr(read_frozen_file, "parse", counted)
    check(saved, read_frozen(saved.path)[0])
    assert parsed == [v1.GraphDef]


def test_values_are_written_into_the_graph_and_not_into_a_copy(tmp_path):
    saved = bare.frozen(tmp_path / "m.pb", training=True)
    graph_def = parse(saved.path, v1.GraphDef)
    graph = BareGraph(graph_def, lambda node: None, "Frozen graph", saved.path)
    check(saved, read_graph(graph, ["training=false"], None)[0])
    (training,) = (node for node in graph_def.node if node.name == "training")
    assert training.op == "Const" and not training.attr["value"].tensor.bool_val[0]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
