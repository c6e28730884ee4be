"""The variables beside a SavedModel, read one by one without a Session."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import trackable_object_graph_pb2

from tfinv.errors import UserError
from tfinv.graph.model import dtype_name

__all__ = ["Variables"]

NodeDef = tf.compat.v1.NodeDef
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
# TensorFlow's checkpoint reader turns some statuses into Python's own exceptions.
_UNREADABLE = (tf.errors.OpError, IndexError, RuntimeError, ValueError)


class Variables:
    """The checkpoint in a SavedModel's folder `variables`, opened when first asked.

    TF1 writes a variable under the name of its node. TF2 writes it under the path by which the
    saved object reaches it ("layer/kernel/.ATTRIBUTES/VARIABLE_VALUE"), because names there repeat.
    """

    def __init__(self, path: str, meta_graph):
        """Prepares to read the variables of a MetaGraphDef of the SavedModel `path`."""
        self._path = path
        self._prefix = os.path.join(path, "variables", "variables")
        self._meta_graph = meta_graph
        self._reader = None
        self._keys: Mapping[str, str] = {}

    def read(self, node: NodeDef) -> np.ndarray:
        """The value of the variable that `node` (VariableV2 or VarHandleOp) stands for.

        Raises:
            UserError: no checkpoint, a damaged one, the variable missing from it, or another dtype
                or shape there than in the graph.
        """
        if self._reader is None:
            self._open()
        names = (self._keys.get(node.name), node.name, node.attr["shared_name"].s.decode())
        key = next((name for name in names if name in self._shapes), None)
        if key is None:
            raise UserError(
                f"{self._path}: variable {node.name!r} is missing from variables/; the folder "
                "belongs to another model or is damaged; copy the SavedModel again"
            )
        dtype = tf.as_dtype(self._dtypes[key])
        self._check(node, dtype, tf.TensorShape(self._shapes[key]))
        try:
            return np.asarray(self._reader.get_tensor(key))
        except _UNREADABLE as error:
            raise self._damaged(error) from error

    def _check(self, node: NodeDef, dtype: tf.DType, shape: tf.TensorShape) -> None:
        wanted = node.attr["dtype"].type
        if dtype.as_datatype_enum != wanted:
            raise UserError(
                f"{self._path}: variable {node.name!r} is {dtype_name(wanted)} in the graph and "
                f"{dtype.name} in variables/; the two do not belong together"
            )
        expected = tf.TensorShape(node.attr["shape"].shape)
        if not expected.is_compatible_with(shape):
            raise UserError(
                f"{self._path}: variable {node.name!r} has shape {expected} in the graph and "
                f"{shape} in variables/; the two do not belong together"
            )
        # The index may claim any shape; values are stored raw, so they cannot outgrow their files.
        claimed = math.prod(shape) * dtype.size
        if claimed > self._stored_bytes:
            raise UserError(
                f"{self._path}: variable {node.name!r} claims {claimed} bytes, and variables/ "
                f"holds {self._stored_bytes}; the folder is damaged or incomplete"
            )

    def _open(self) -> None:
        folder = os.path.dirname(self._prefix)
        if not os.path.isfile(self._prefix + ".index"):
            what = "variables.index is" if os.path.isdir(folder) else "the folder is"
            raise UserError(
                f"{self._path}: the graph has variables, but in {folder} {what} missing; copy "
                "the whole SavedModel folder, with variables/ in it"
            )
        data = [f for f in os.listdir(folder) if f.startswith("variables.data-")]
        self._stored_bytes = sum(os.path.getsize(os.path.join(folder, f)) for f in data)
        try:
            self._reader = tf.train.load_checkpoint(self._prefix)
            # Asked once: the reader builds both maps anew at every call.
            self._shapes = self._reader.get_variable_to_shape_map()
            self._dtypes = self._reader.get_variable_to_dtype_map()
            if self._meta_graph.HasField("object_graph_def"):
                self._keys = self._object_keys()
        except (*_UNREADABLE, DecodeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> UserError:
        line = " ".join(str(getattr(error, "message", error)).split())[:200]
        return UserError(
            f"{self._path}: variables/ cannot be read ({line}); copy the SavedModel again"
        )

    def _object_keys(self) -> dict[str, str]:
        """Checkpoint key by name of the VarHandleOp, for an object-based SavedModel.

        A call in the graph passes its captures last, in the order of the function's bound inputs,
        which are objects; the checkpoint holds the same objects, reached by the same steps from the
        root.
        """
        if not self._reader.has_tensor(_OBJECT_GRAPH):
            return {}
        saved = self._meta_graph.object_graph_def
        stored = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            self._reader.get_tensor(_OBJECT_GRAPH)
        )
        key_of = _match(saved.nodes, stored.nodes)
        keys = {}
        for node in self._meta_graph.graph_def.node:
            function = node.attr["f"].func.name if "f" in node.attr else node.op
            if function not in saved.concrete_functions:
                continue
            captures = saved.concrete_functions[function].bound_inputs
            passed = [i for i in node.input if not i.startswith("^")][-len(captures) or None :]
            for handle, captured in zip(passed, captures, strict=False):
                if captured in key_of:
                    keys[handle.split(":")[0]] = key_of[captured]
        return keys


def _match(saved, stored) -> dict[int, str]:
    """Checkpoint key by index in `saved`, found by walking both object graphs from their roots."""
    keys, seen, stack = {}, set(), [(0, 0)]
    while stack:
        here, there = stack.pop()
        if here in seen or not (0 <= here < len(saved) and 0 <= there < len(stored)):
            continue
        seen.add(here)
        for attribute in stored[there].attributes:
            if attribute.name == _VALUE:
                keys[here] = attribute.checkpoint_key
        steps = {child.local_name: child.node_id for child in stored[there].children}
        for child in saved[here].children:
            if child.local_name in steps:
                stack.append((child.node_id, steps[child.local_name]))
    return keys
