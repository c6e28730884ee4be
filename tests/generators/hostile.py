"""Files that a stranger could have written, each by the name of what is wrong with it.

A maker gets an empty folder and the path of a marker, which the file creates if anything of it is
run; it returns what a user would give to --generator.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from graph import bare, exports

v1 = tf.compat.v1
Maker = Callable[[Path, str], str]
FLOAT = tf.float32.as_datatype_enum


def picture(z: tf.Tensor) -> tf.Tensor:
    return tf.tanh(tf.reshape(tf.concat([z, z], 1), [-1, 2, 2, 3]), name="image")


def graph(add: Callable, change: Callable = lambda graph_def: None) -> Maker:
    """A GraphDef; `add` gets the latent and the marker, and may return what to add to the image."""

    def make(folder: Path, marker: str) -> str:
        with tf.Graph().as_default() as made, exports.tf1_control_flow():
            z = v1.placeholder(tf.float32, [None, 6], "z")
            more = add(z, marker)
            image = picture(z)
            if tf.is_tensor(more):
                tf.add(image, tf.reshape(tf.cast(more, tf.float32), [-1])[0], name="out")
        graph_def = made.as_graph_def()
        change(graph_def)
        (folder / "m.pb").write_bytes(graph_def.SerializeToString())
        return str(folder / "m.pb")

    return make


def op(name: str, **attributes) -> Maker:
    """A GraphDef with one more node, off the path."""

    def change(graph_def):
        graph_def.node.add(name="quiet", op=name)

    return graph(lambda z, marker: None, change)


def module(call: Callable, **variables) -> Maker:
    """A TF2 SavedModel; `call` gets the latent and the marker inside the signature's function."""

    def make(folder: Path, marker: str) -> str:
        made = tf.Module()

        @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32, "z")])
        def draw(z):
            more = call(z, marker)
            return {"image": picture(z) + (more if tf.is_tensor(more) else 0.0)}

        tf.saved_model.save(made, str(folder / "m"), signatures={"serving_default": draw})
        return str(folder / "m")

    return make


def saved_model(change: Callable) -> Maker:
    """A TF1 SavedModel of one variable, changed: `change` gets its SavedModel and its folder."""

    def make(folder: Path, marker: str) -> str:
        path = folder / "m"
        exports.tf1(path, lambda z: z * exports.variable("w", [2.0, 3.0, 4.0, 5.0]))
        exports.edit(str(path), lambda message: change(message, path))
        return str(path)

    return make


def node(message, name: str):
    return next(n for n in message.meta_graphs[0].graph_def.node if n.name == name)


def written(name: str, content: bytes | str) -> Maker:
    def make(folder: Path, marker: str) -> str:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return make


def loop(z, marker=None):
    return tf.while_loop(lambda x: tf.reduce_sum(x) < 9.0, lambda x: [x * 2.0 + 9.0], [z])[0]


def write(marker: str) -> np.float32:
    Path(marker).write_text("run")
    return np.float32(0)


def table(z, marker):
    made = tf.lookup.KeyValueTensorInitializer(["a"], [1.0])
    return tf.lookup.StaticHashTable(made, 0.0).lookup(tf.constant("a"))


def restored(z, marker):
    return tf.raw_ops.RestoreV2(
        prefix=marker, tensor_names=["w"], shape_and_slices=[""], dtypes=[tf.float32]
    )[0]


def claim(graph_def):
    """A constant of ten gigabytes in a few bytes."""
    (made,) = [n for n in graph_def.node if n.name == "large"]
    made.attr["value"].tensor.tensor_shape.dim[0].size = 10 << 28


def enlarged(graph_def):
    """Numbers that TensorFlow would have computed with while the graph was made."""
    for made in graph_def.node:
        if made.name.startswith("much"):
            made.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.int64([1 << 16])))


def much():
    return tf.constant([2], tf.int64, name="much")


def functions(calls: list[list[int]]) -> Callable:
    """Functions that call each other, by number; the image goes through the first."""

    def change(graph_def):
        for i, callees in enumerate(calls):
            function = graph_def.library.function.add()
            function.signature.name = f"f{i}"
            function.signature.input_arg.add(name="x", type=FLOAT)
            function.signature.output_arg.add(name="y", type=FLOAT)
            argument = "x"
            for k, callee in enumerate(callees):
                _call(function.node_def, f"c{k}", f"f{callee}", argument)
                argument = f"c{k}:output:0"
            function.ret["y"] = argument
        _call(graph_def.node, "entry", "f0", "image")

    return change


def _call(nodes, name: str, function: str, argument: str) -> None:
    made = nodes.add(name=name, op="PartitionedCall", input=[argument])
    made.attr["f"].func.name = function
    made.attr["Tin"].list.type.append(FLOAT)
    made.attr["Tout"].list.type.append(FLOAT)


def feed_itself(graph_def):
    (made,) = [n for n in graph_def.node if n.op == "ConcatV2"]
    made.input[1] = "image"


def checkpoint(name: str, shape_and_slice: str = "", size: int = 4) -> Callable:
    """Overwrites the checkpoint of a SavedModel by one of a single variable."""

    def change(message, path: Path) -> None:
        tf.raw_ops.SaveV2(
            prefix=str(path / "variables" / "variables"),
            tensor_names=[name],
            shape_and_slices=[shape_and_slice],
            tensors=[tf.ones([size])],
        )

    return change


def huge_variable(message, path: Path) -> None:
    """A checkpoint that says a variable has ten gigabytes, and holds one number of it."""
    checkpoint("w", f"{10 << 28} 0,1", 1)(message, path)
    node(message, "w").attr["shape"].shape.dim[0].size = 10 << 28


def diverted(message, path: Path) -> None:
    """Where the checkpoint should be is a folder with a list that names another file."""
    prefix = path / "variables" / "variables"
    os.remove(f"{prefix}.index")
    prefix.mkdir()
    (prefix / "checkpoint").write_text('model_checkpoint_path: "/etc/passwd"')


def wrong_dtype(message, path: Path) -> None:
    node(message, "w").attr["dtype"].type = tf.float64.as_datatype_enum


def training(more: Callable) -> Maker:
    """A training graph with its checkpoint."""

    def make(folder: Path, marker: str) -> str:
        return bare.checkpoint(folder / "model.ckpt", more=lambda image: more(marker)).path

    return make


def listed(target: str) -> Maker:
    """A folder whose list of checkpoints names a file elsewhere."""

    def make(folder: Path, marker: str) -> str:
        bare.checkpoint(folder / "other" / "model.ckpt")
        (folder / "run").mkdir()
        (folder / "run" / "checkpoint").write_text(f'model_checkpoint_path: "{target}"')
        return str(folder / "run")

    return make


def archive(name: str, *members: tuple[str, bytes | dict]) -> Maker:
    """A tar of files, given as bytes, and of other members, given as fields of their headers."""

    def make(folder: Path, marker: str) -> str:
        with tarfile.open(folder / name, "w:gz" if name.endswith("gz") else "w") as made:
            for member, content in members:
                info = tarfile.TarInfo(member.replace("MARKER", marker))
                data = content if isinstance(content, bytes) else b""
                for key, value in ({} if data else dict(content or {})).items():
                    setattr(info, key, value)
                info.size = len(data)
                made.addfile(info, io.BytesIO(data))
        return str(folder / name)

    return make


def packed(make_inner: Maker, name: str = "m.zip") -> Maker:
    """A zip of another hostile file."""

    def make(folder: Path, marker: str) -> str:
        (folder / "inner").mkdir()
        make_inner(folder / "inner", marker)
        with zipfile.ZipFile(folder / name, "w") as made:
            for file in (folder / "inner").rglob("*"):
                made.write(file, file.relative_to(folder / "inner"))
        return str(folder / name)

    return make


class Payload:
    """Writes the marker when an ordinary unpickler reads it."""

    def __init__(self, marker: str):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def pickled(protocol: int) -> Maker:
    def make(folder: Path, marker: str) -> str:
        (folder / "m.pkl").write_bytes(pickle.dumps(Payload(marker), protocol))
        return str(folder / "m.pkl")

    return make


def zipped_graph(folder: Path, marker: str) -> str:
    content = gzip.compress(b"\x0a\x02\x0a\x00" * 100)
    (folder / "saved_model.pb.gz").write_bytes(content)
    return str(folder / "saved_model.pb.gz")
