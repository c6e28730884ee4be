"""Training graphs with their checkpoints compute what inference did."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from graph import bare, exports

from tfinv.errors import UserError
from tfinv.graph.reading.meta_graph import read_meta

v1 = tf.compat.v1
TENSORS = (["z", "training=false"], "G/image")


def refused(prefix, message: str, *arguments) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read_meta(prefix, *arguments)
    assert "\n" not in str(raised.value) and str(prefix) in str(raised.value)


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("partitions", [0, 3])
def test_generator_of_a_training_graph(tmp_path, resource, partitions):
    saved = bare.checkpoint(tmp_path / "model.ckpt", resource=resource, partitions=partitions)
    model, notes = read_meta(saved.path, *TENSORS)
    (image,) = exports.evaluate(model, {"z": saved.z}).values()
    np.testing.assert_allclose(image, saved.image, atol=1e-6)
    assert model.producer == "TF1 checkpoint" and notes == ()
    assert not [name for name in model.nodes if name.startswith(("D/", "gradients", "save"))]


@pytest.mark.parametrize("name", ["a,b [1]*", "what?", "back\\slash"])
def test_names_that_are_patterns(tmp_path, monkeypatch, name):
    """TensorFlow's reader takes the name of a checkpoint for one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    (tmp_path / name).mkdir()
    saved = bare.checkpoint(tmp_path / "model.ckpt")
    for file in tmp_path.glob("model.ckpt*"):
        os.replace(file, tmp_path / name / file.name.replace("model", name))
    model, _ = read_meta(str(tmp_path / name / f"{name}.ckpt-10"), *TENSORS)
    (image,) = exports.evaluate(model, {"z": saved.z}).values()
    np.testing.assert_allclose(image, saved.image, atol=1e-6)
    gc.collect()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_switch_with_a_default_needs_no_value(tmp_path):
    saved = bare.checkpoint(tmp_path / "model.ckpt", default=True)
    model, notes = read_meta(saved.path, [], "G/image")
    (image,) = exports.evaluate(model, {"z": saved.z}).values()
    np.testing.assert_allclose(image, saved.image, atol=1e-6)
    assert "--input=z is fed" in notes[0]


def test_nothing_is_guessed_in_a_training_graph(tmp_path):
    saved = bare.checkpoint(tmp_path / "model.ckpt")
    refused(saved.path, r"z \(float32\), training \(bool\); its output may be G/image, ")


def hostile(op: str):
    def more(image):
        with tf.name_scope("pipeline"):
            if op == "ReadFile":
                tf.io.read_file("/etc/hostname")
            elif op == "PyFunc":
                v1.py_func(lambda: np.float32(0), [], tf.float32, name="PyFunc")
            elif op == "TFRecordReaderV2":
                v1.TFRecordReader()
            else:
                tf.io.write_file("/tmp/never", "x")

    return more


@pytest.mark.parametrize("op", ["ReadFile", "PyFunc", "TFRecordReaderV2", "WriteFile"])
def test_input_pipelines_are_refused_and_how_to_part_from_them_is_said(tmp_path, op):
    saved = bare.checkpoint(tmp_path / "model.ckpt", more=hostile(op))
    refused(saved.path, rf"op '{op}' \(node 'pipeline/.*extract_sub_graph", *TENSORS)


def test_files_that_are_missing_or_damaged(tmp_path):
    saved = bare.checkpoint(tmp_path / "model.ckpt")
    data = Path(saved.path + ".data-00000-of-00001")
    whole = data.read_bytes()
    data.write_bytes(whole[:10])
    refused(saved.path, "claims .* bytes, and model.ckpt-10 holds|cannot be read", *TENSORS)
    os.remove(saved.path + ".index")
    refused(saved.path, "model.ckpt-10.index is missing", *TENSORS)
    meta = Path(saved.path + ".meta")
    meta.write_bytes(meta.read_bytes()[:1000])
    refused(saved.path, "truncated or no graph of a checkpoint", *TENSORS)
    meta.write_bytes(b"\x0a\x00")
    refused(saved.path, "holds no graph", *TENSORS)
    os.remove(meta)
    refused(saved.path, "no such file", *TENSORS)


def test_variables_of_another_checkpoint(tmp_path):
    saved = bare.checkpoint(tmp_path / "model.ckpt")
    other = bare.checkpoint(tmp_path / "other.ckpt", partitions=2)
    for suffix in (".index", ".data-00000-of-00001"):
        os.replace(other.path + suffix, saved.path + suffix)
    model, _ = read_meta(saved.path, *TENSORS)
    assert model.weights["G/w"].shape == (6, 48), "whole or in parts, it is the same variable"

    def shape(shape):
        meta = v1.MetaGraphDef.FromString(Path(saved.path + ".meta").read_bytes())
        (node,) = (node for node in meta.graph_def.node if node.name == "G/w")
        node.attr["shape"].shape.dim[0].size = shape
        Path(saved.path + ".meta").write_bytes(meta.SerializeToString())

    shape(7)
    refused(
        saved.path, r"has shape \(7, 48\) in the graph and \(6, 48\) in model.ckpt-10", *TENSORS
    )


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
