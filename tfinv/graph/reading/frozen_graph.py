"""Reads graphs that are a file of their own: a frozen GraphDef, binary or text."""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel
from tfinv.graph.reading.pick import BareGraph, read_graph
from tfinv.graph.reading.regular import check_regular

__all__ = ["parse", "parse_frozen", "read_frozen"]

_MAX_BYTES = 1 << 31  # a protocol buffer cannot be larger
_MAX_TEXT = 1 << 28  # text takes twenty times its size in memory
_MALFORMED = (DecodeError, text_format.ParseError, UnicodeDecodeError, RecursionError)


def read_frozen(
    path: str | os.PathLike, inputs: Sequence[str] = (), output: str | None = None
) -> tuple[GraphModel, tuple[str, ...]]:
    """Reads a frozen GraphDef, `.pb` or `.pbtxt`.

    Args:
        path: the file.
        inputs: the tensors to feed; see `read_graph`.
        output: the tensor of the picture; see `read_graph`.

    Returns:
        The model, and notes for the user.

    Raises:
        UserError: anything that is wrong with the file or the names, in one line.
    """
    path = os.fspath(path)
    graph_def = parse_frozen(path)

    def read_variable(node):
        raise UserError(
            f"{path}: variable {node.name!r} has no value in it: the graph is not frozen; give its "
            ".meta file with the checkpoint beside it, or freeze it first"
        )

    return read_graph(BareGraph(graph_def, read_variable, "Frozen graph", path), inputs, output)


def parse_frozen(path: str) -> tf.compat.v1.GraphDef:
    """Parses the graph in a `.pb` or `.pbtxt` file.

    Raises:
        UserError: it holds none; says so where it holds that of a SavedModel.
    """
    try:
        graph_def = parse(path, tf.compat.v1.GraphDef)
        if not graph_def.node:
            raise UserError(
                f"{path}: holds no graph; give a frozen GraphDef or a SavedModel's folder"
            )
        return graph_def
    except UserError as error:
        if not _holds_saved_model(path):
            raise
        raise UserError(
            f"{path} is the graph of a SavedModel: call it saved_model.pb, put its folder "
            "variables/ beside it, and give the folder that holds the two"
        ) from error


def _holds_saved_model(path: str) -> bool:
    try:
        held = parse(path, saved_model_pb2.SavedModel)
    except UserError:
        return False
    return any(meta_graph.graph_def.node for meta_graph in held.meta_graphs)


def parse(path: str, kind: type):
    """Parses a protocol buffer, as text if the file's name ends in "txt".

    Args:
        path: the file.
        kind: the class of message that it holds.

    Raises:
        UserError: it cannot be read, or holds no such message.
    """
    called = {tf.compat.v1.GraphDef: "graph", meta_graph_pb2.MetaGraphDef: "graph of a checkpoint"}
    what = called.get(kind, "SavedModel")
    text = path.lower().endswith("txt")
    check_regular(path, f"a {what}")
    try:
        size = os.path.getsize(path)
        if size == 0 or size >= (_MAX_TEXT if text else _MAX_BYTES):
            raise UserError(f"{path}: {size} bytes cannot be a {what}; copy the file again")
        with open(path, "rb") as stream:
            content = stream.read()
        if text:
            return text_format.Parse(content.decode(), kind())
        return kind.FromString(content)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except _MALFORMED as error:
        said = " ".join(str(error).split())[:100]
        raise UserError(
            f"{path}: is truncated or no {what} ({size} bytes: {said}); copy the file again"
        ) from error
