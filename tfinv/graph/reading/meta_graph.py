"""Reads the graph and the variables that tf.train.Saver of TensorFlow 1 left: `.meta` and so on."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tensorflow.core.protobuf import meta_graph_pb2

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel
from tfinv.graph.reading.checkpoint import Variables
from tfinv.graph.reading.frozen_graph import parse
from tfinv.graph.reading.pick import BareGraph, read_graph

__all__ = ["read_meta"]


def read_meta(
    prefix: str | os.PathLike, inputs: Sequence[str] = (), output: str | None = None
) -> tuple[GraphModel, tuple[str, ...]]:
    """Reads one part of a training graph with the values of a checkpoint.

    Args:
        prefix: of the checkpoint: `<prefix>.meta`, `<prefix>.index` and `<prefix>.data-...`.
        inputs: the tensors to feed; see `read_graph`.
        output: the tensor of the picture; see `read_graph`.

    Returns:
        The model, and notes for the user.

    Raises:
        UserError: anything that is wrong with the files or the names, in one line.
    """
    prefix = os.fspath(prefix)
    path = prefix + ".meta"
    meta_graph = parse(path, meta_graph_pb2.MetaGraphDef)
    if not meta_graph.graph_def.node:
        raise UserError(f"{path}: holds no graph; copy the file again")
    variables = Variables(path, meta_graph, prefix)
    graph = BareGraph(meta_graph.graph_def, variables.read, "TF1 checkpoint", path)
    return read_graph(graph, inputs, output)
