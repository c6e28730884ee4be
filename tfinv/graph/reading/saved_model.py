"""Reads SavedModels of every generation: TF1, TF1-Hub, TF2, Keras 3 and tf_keras exports."""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfinv.errors import UserError
from tfinv.graph import ops
from tfinv.graph.model import GraphModel, Port
from tfinv.graph.reading.checkpoint import Variables
from tfinv.graph.reading.freeze import build_model
from tfinv.graph.reading.pick import BareGraph, read_graph
from tfinv.graph.reading.regular import check_regular
from tfinv.graph.reading.safety import check_file
from tfinv.graph.reading.select import find_tensor, with_output

__all__ = ["read_saved_model", "read_saved_tensors"]

_DEFAULTS = ("default", "serving_default")
_NOT_SIGNATURES = ("__saved_model_init_op", "__saved_model_train_op")
_TAG_SETS = ((), ("serve",))


def read_saved_model(
    path: str | os.PathLike, signature: str | None = None, output: str | None = None
) -> GraphModel:
    """Reads one signature of a SavedModel folder as a flat, frozen graph.

    The file is parsed, never loaded: no Session runs, no function of it is called, no initialiser
    and no restore op. Variables are read one by one from the checkpoint beside it.

    Args:
        path: a folder with saved_model.pb in it, and variables/ if the model has variables.
        signature: which one to read. It may be left out if there is only one, or one is called
            "default" or "serving_default". Where a file holds several graphs under different tags,
            "name@tag,tag" picks one.
        output: the only output that is wanted: a key of the signature, or any tensor, by its name
            in the file's graph or in the flat one; all of the signature's if None.

    Returns:
        The model; inputs and outputs are sorted by their signature keys.

    Raises:
        UserError: anything that is wrong with the path, the file, the signature or the variables,
            in one line.
    """
    path = os.fspath(path)
    meta_graph, name = _choose(_checked(path), signature, path)
    definition = meta_graph.signature_def[name]
    if not definition.outputs:
        raise UserError(f"{path}: signature {name!r} has no outputs; pass another with --signature")
    model = build_model(
        meta_graph.graph_def,
        _ports(definition.inputs, path),
        _wanted(output, _ports(definition.outputs, path), meta_graph.graph_def.node, path),
        Variables(path, meta_graph).read,
        _producer(path, meta_graph),
        path,
    )
    return model if output is None else with_output(model, output)


def read_saved_tensors(
    path: str | os.PathLike, signature: str | None, inputs: Sequence[str], output: str | None
) -> tuple[GraphModel, tuple[str, ...]]:
    """Reads a SavedModel between tensors, whatever its signatures say.

    Args:
        path: the folder.
        signature: "@tag,tag" picks one of several graphs; what stands before the "@" is not used.
        inputs: the tensors to feed; see `read_graph`.
        output: the tensor of the picture; see `read_graph`.

    Returns:
        The model, and notes for the user.

    Raises:
        UserError: anything that is wrong with the path, the file or the names, in one line.
    """
    path = os.fspath(path)
    meta_graphs = _tagged(_checked(path), (signature or "").partition("@")[2], path)
    if len(meta_graphs) > 1:
        raise UserError(
            f"{path}: holds several graphs, tagged {_listed(meta_graphs)}; pick one with "
            f"--signature=@{','.join(_tags(meta_graphs[0])) or 'tags'}"
        )
    (meta_graph,) = meta_graphs
    read_variable = Variables(path, meta_graph).read
    graph = BareGraph(meta_graph.graph_def, read_variable, _producer(path, meta_graph), path)
    return read_graph(graph, inputs, output)


def _wanted(output: str | None, ports: Sequence[Port], nodes, path: str) -> Sequence[Port]:
    """The outputs to read so that `output` is one of them or lies on the way to one."""
    if output is None:
        return ports
    chosen = [port for port in ports if port.key == output]
    named = {node.name: node for node in nodes}
    if chosen or output.split(":")[0] not in named:
        return chosen or ports
    tensor = find_tensor(output, named, path)
    return [Port(output, tensor, ops.tensor_type(named, tensor), None)]


def _producer(path: str, meta_graph) -> str:
    if os.path.isfile(os.path.join(path, "tfhub_module.pb")):
        return "TF1-Hub module"
    return "TF2 SavedModel" if meta_graph.HasField("object_graph_def") else "TF1 SavedModel"


def _checked(path: str):
    meta_graphs = _parse(path).meta_graphs
    for meta_graph in meta_graphs:
        check_file(meta_graph.graph_def, path)
    return meta_graphs


def _parse(path: str) -> saved_model_pb2.SavedModel:
    if not os.path.exists(path):
        raise UserError(f"{path}: no such file or folder; give the folder of a SavedModel")
    if not os.path.isdir(path):
        raise UserError(
            f"{path}: is a file; give the folder of a SavedModel, with saved_model.pb in it"
        )
    file = os.path.join(path, "saved_model.pb")
    if not os.path.lexists(file):
        held = ", ".join(sorted(os.listdir(path))[:5]) or "nothing"
        raise UserError(
            f"{path}: is not a SavedModel; saved_model.pb is not in the folder, which holds {held}"
        )
    check_regular(file, "the graph of a SavedModel")
    size = os.path.getsize(file)
    if size == 0 or size >= 1 << 31:
        raise UserError(f"{file}: {size} bytes cannot be a SavedModel; copy the file again")
    try:
        with open(file, "rb") as stream:
            saved_model = saved_model_pb2.SavedModel.FromString(stream.read())
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    except DecodeError as error:
        raise UserError(
            f"{file}: is truncated or not a SavedModel ({size} bytes); copy the file again"
        ) from error
    if not any(meta_graph.graph_def.node for meta_graph in saved_model.meta_graphs):
        raise UserError(f"{file}: is not a SavedModel, or holds no graph; copy the file again")
    return saved_model


def _choose(meta_graphs, wanted: str | None, path: str):
    """The MetaGraphDef and the signature's name that `wanted`, "name" or "name@tag,tag", means."""
    wanted, _, tags = (wanted or "").partition("@")
    meta_graphs = _tagged(meta_graphs, tags, path)
    names = sorted({name for m in meta_graphs for name in _signatures(m)})
    if not names:
        raise UserError(
            f"{path}: holds no signature, so its inputs and outputs are unknown; name them with "
            "--input and --output, or save it again with signatures=..."
        )
    if not wanted:
        defaults = [name for name in _DEFAULTS if name in names]
        wanted = names[0] if len(names) == 1 else next(iter(defaults), "")
    if wanted not in names:
        fault = f"has no signature {wanted!r}" if wanted else "has several signatures"
        raise UserError(f"{path}: {fault}; pass --signature with one of {', '.join(names)}")
    holders = [m for m in meta_graphs if wanted in _signatures(m)]
    for usual in _TAG_SETS:
        if len(holders) > 1:
            holders = [m for m in holders if _tags(m) == list(usual)] or holders
    if len(holders) > 1:
        raise UserError(
            f"{path}: several graphs have the signature {wanted!r}, tagged {_listed(holders)}; "
            f"pass --signature={wanted}@{','.join(_tags(holders[0])) or 'tags'} to pick one"
        )
    return holders[0], wanted


def _tagged(meta_graphs, tags: str, path: str):
    """The graphs with just these tags, "tag,tag"; all of them if none are given."""
    if not tags:
        return meta_graphs
    chosen = [m for m in meta_graphs if _tags(m) == sorted(tags.split(","))]
    if not chosen:
        raise UserError(f"{path}: no graph is tagged {tags!r}; the tags are {_listed(meta_graphs)}")
    return chosen


def _signatures(meta_graph) -> list[str]:
    return [name for name in meta_graph.signature_def if name not in _NOT_SIGNATURES]


def _tags(meta_graph) -> list[str]:
    return sorted(meta_graph.meta_info_def.tags)


def _listed(meta_graphs) -> str:
    return "; ".join(",".join(_tags(m)) or "(none)" for m in meta_graphs)


def _ports(tensors, path: str) -> tuple[Port, ...]:
    ports = []
    for key, info in sorted(tensors.items()):
        node, colon, index = info.name.rpartition(":")
        if not (node and colon and index.isdigit()):
            raise UserError(
                f"{path}: {key!r} of the signature is not a plain tensor; sparse and composite "
                "inputs and outputs cannot be read"
            )
        try:
            dtype = tf.as_dtype(info.dtype)
            shape = _shape(info)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{path}: {key!r} of the signature has no valid dtype or shape; the file is damaged"
            ) from error
        ports.append(Port(key, info.name, dtype, shape))
    return tuple(ports)


def _shape(info) -> tuple[int | None, ...] | None:
    """The shape of a TensorInfo; None for unknown rank, which TF1 placeholders often have."""
    if not info.HasField("tensor_shape") or info.tensor_shape.unknown_rank:
        return None
    sizes = [None if dim.size == -1 else dim.size for dim in info.tensor_shape.dim]
    if any(size is not None and size < 0 for size in sizes):
        raise ValueError("negative dimension")
    return tuple(sizes)
