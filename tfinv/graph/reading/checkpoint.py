"""The arrays of a checkpoint and the variables of a graph, read without a Session."""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import trackable_object_graph_pb2

from tfinv.errors import UserError
from tfinv.graph.model import dtype_name
from tfinv.graph.reading.regular import check_regular
from tfinv.graph.reading.saver import Stored, stored_variables

__all__ = ["Checkpoint", "Variables"]

NodeDef = tf.compat.v1.NodeDef
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
_INDEX = ".index"
_PATTERN = re.compile(r"[*?\[\\]")
# TensorFlow's checkpoint reader turns some statuses into Python's own exceptions.
_UNREADABLE = (tf.errors.OpError, IndexError, RuntimeError, ValueError)


class Checkpoint:
    """A checkpoint of any age: TF1 or TF2, of tf.train.Saver or of a SavedModel.

    Attributes:
      shapes: of what it holds, by key.
      dtypes: likewise.
    """

    def __init__(self, prefix: str, path: str, name: str, remedy: str):
        """Opens it; nothing but the index is read.

        Args:
          prefix: of its files `<prefix>.index` and `<prefix>.data-...`; or the one file that old
            versions of TensorFlow wrote.
          path: what messages begin with.
          name: what messages call it, such as "variables/".
          remedy: what messages advise where it cannot be read.

        Raises:
          UserError: it is damaged.
        """
        self._path, self._name, self._remedy = path, name, remedy
        data = _data_files(prefix)
        for file in data:
            check_regular(file, "a part of a checkpoint")
        self._stored_bytes = sum(os.path.getsize(file) for file in data)
        if _PATTERN.search(prefix):  # the reader would take it for a pattern of names
            prefix = self._linked(prefix, [prefix + _INDEX, *data])
        try:
            # Not tf.train.load_checkpoint: where a folder has the name of the prefix, it would
            # follow a file "checkpoint" in there to wherever that points.
            self._reader = tf.compat.v1.train.NewCheckpointReader(prefix)
            # Asked once: the reader builds both maps anew at every call.
            self.shapes: Mapping[str, list[int]] = self._reader.get_variable_to_shape_map()
            self.dtypes: Mapping[str, tf.DType] = self._reader.get_variable_to_dtype_map()
        except _UNREADABLE as error:
            raise self.damaged(error) from error

    def _linked(self, prefix: str, files: Sequence[str]) -> str:
        """Another prefix for the same files: links, which go when the checkpoint does."""
        folder = tempfile.mkdtemp(prefix="tfinv-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        plain = os.path.join(folder, "checkpoint")
        for file in filter(os.path.isfile, files):
            os.symlink(os.path.abspath(file), plain + file.removeprefix(prefix))
        return plain

    def read(self, key: str, called: str) -> np.ndarray:
        """Reads one array; `called` is its name in messages, such as "variable 'w'".

        Raises:
          UserError: it cannot be read, or claims more than the files hold.
        """
        # The index may claim any shape; values are stored raw, so they cannot outgrow their files.
        claimed = math.prod(self.shapes[key]) * tf.as_dtype(self.dtypes[key]).size
        if claimed > self._stored_bytes:
            raise UserError(
                f"{self._path}: {called} claims {claimed} bytes, and {self._name} "
                f"holds {self._stored_bytes}; it is damaged or incomplete"
            )
        try:
            return np.asarray(self._reader.get_tensor(key))
        except _UNREADABLE as error:
            raise self.damaged(error) from error

    def read_bytes(self, key: str) -> bytes:
        """Reads one scalar of strings; raises UserError where it cannot be read."""
        try:
            value = self._reader.get_tensor(key)
        except _UNREADABLE as error:
            raise self.damaged(error) from error
        if not isinstance(value, bytes):  # an array of strings would have lost zeros at its end
            raise self.damaged(ValueError(f"{key} is not one string"))
        return value

    def damaged(self, error: Exception) -> UserError:
        """Says in one line that an error of TensorFlow or protobuf made it unreadable."""
        line = " ".join(str(getattr(error, "message", error)).split())[:200]
        return UserError(f"{self._path}: {self._name} cannot be read ({line}); {self._remedy}")


def _data_files(prefix: str) -> list[str]:
    """The files that hold the arrays of a checkpoint."""
    folder, stem = os.path.split(prefix)
    names = [name for name in os.listdir(folder or os.curdir) if name.startswith(f"{stem}.data-")]
    whole = [prefix] if os.path.isfile(prefix) else []
    return whole + [os.path.join(folder, name) for name in names]


class Variables:
    """The checkpoint of a MetaGraphDef, opened when first asked.

    TF1 writes a variable under the name of its node, unless its Saver was told another. TF2 writes
    it under the path by which the saved object reaches it
    ("layer/kernel/.ATTRIBUTES/VARIABLE_VALUE"), because names there repeat.
    """

    def __init__(self, path: str, meta_graph, prefix: str | None = None):
        """Prepares to read variables.

        Args:
            path: of the model, for messages.
            meta_graph: the MetaGraphDef that the variables belong to.
            prefix: what the checkpoint's files begin with; that of the SavedModel `path` if None.
        """
        self._path = path
        self._called = "variables/" if prefix is None else os.path.basename(prefix)
        self._prefix = prefix or os.path.join(path, "variables", "variables")
        self._meta_graph = meta_graph
        self._checkpoint: Checkpoint | None = None
        self._keys: Mapping[str, str] = {}
        self._own: Mapping[str, Stored] = {}
        self._others: Mapping[str, Stored] = {}
        self._whole: tuple[str, np.ndarray | None] = ("", None)

    def read(self, node: NodeDef) -> np.ndarray:
        """The value of the variable that `node` (VariableV2 or VarHandleOp) stands for.

        Raises:
            UserError: no checkpoint, a damaged one, the variable missing from it, or another dtype
                or shape there than in the graph.
        """
        if self._checkpoint is None:
            self._open()
        place = self._place(node)
        dtype = tf.as_dtype(self._checkpoint.dtypes[place.key])
        whole = self._checkpoint.shapes[place.key]
        self._check(node, dtype, tf.TensorShape(_part(whole, place.slices)))
        if place.slices is None or len(place.slices) != len(whole):
            return self._checkpoint.read(place.key, f"variable {node.name!r}")
        if self._whole[0] != place.key:  # the parts of a variable are read one after another
            value = self._checkpoint.read(place.key, f"variable {place.key!r}")
            self._whole = (place.key, value)
        return np.ascontiguousarray(self._whole[1][place.slices])

    def _place(self, node: NodeDef) -> Stored:
        # What the graph's own Saver says goes before the node's name: a Saver may use any key, and
        # a part of a partitioned variable has a name that no checkpoint holds.
        named = [Stored(name) for name in (node.name, node.attr["shared_name"].s.decode()) if name]
        places = [self._own.get(node.name), *named, self._others.get(node.name)]
        if node.name in self._keys:
            places.insert(0, Stored(self._keys[node.name]))
        for place in places:
            if place is not None and place.key in self._checkpoint.shapes:
                return place
        raise UserError(
            f"{self._path}: variable {node.name!r} is missing from {self._called}, which belongs "
            "to another model or is damaged; copy the model again, with all its files"
        )

    def _check(self, node: NodeDef, dtype: tf.DType, shape: tf.TensorShape) -> None:
        wanted = node.attr["dtype"].type
        if dtype.as_datatype_enum != wanted:
            raise UserError(
                f"{self._path}: variable {node.name!r} is {dtype_name(wanted)} in the graph and "
                f"{dtype.name} in {self._called}; the two do not belong together"
            )
        expected = tf.TensorShape(node.attr["shape"].shape)
        if not expected.is_compatible_with(shape):
            raise UserError(
                f"{self._path}: variable {node.name!r} has shape {expected} in the graph and "
                f"{shape} in {self._called}; the two do not belong together"
            )

    def _open(self) -> None:
        folder, stem = os.path.split(self._prefix)
        if not os.path.isfile(self._prefix + _INDEX) and not os.path.isfile(self._prefix):
            what = f"{stem}.index is" if os.path.isdir(folder or os.curdir) else "the folder is"
            raise UserError(
                f"{self._path}: the graph has variables, but in {folder or os.curdir} {what} "
                "missing; copy the whole model, with all files of its checkpoint"
            )
        self._checkpoint = Checkpoint(
            self._prefix, self._path, self._called, "copy the model again, with all its files"
        )
        self._own, self._others = stored_variables(self._meta_graph)
        if self._meta_graph.HasField("object_graph_def"):
            try:
                self._keys = self._object_keys()
            except (*_UNREADABLE, DecodeError) as error:
                raise self._checkpoint.damaged(error) from error

    def _object_keys(self) -> dict[str, str]:
        """Checkpoint key by name of the VarHandleOp, for an object-based SavedModel.

        A call in the graph passes its captures last, in the order of the function's bound inputs,
        which are objects; the checkpoint holds the same objects, reached by the same steps from the
        root.
        """
        if _OBJECT_GRAPH not in self._checkpoint.shapes:
            return {}
        saved = self._meta_graph.object_graph_def
        stored = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            self._checkpoint.read_bytes(_OBJECT_GRAPH)
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


def _part(shape: Sequence[int], slices: tuple[slice, ...] | None) -> list[int]:
    """The shape of a part of an array; of the whole where the slices are of other axes."""
    if slices is None or len(shape) != len(slices):
        return list(shape)
    return [len(range(*part.indices(size))) for part, size in zip(slices, shape, strict=True)]


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
