"""Hostile files: each ends in one clear line, and nothing of it is run, written or left behind."""

from __future__ import annotations

import os
import resource
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
import tensorflow as tf
from generators import hostile
from generators.hostile import archive, graph, module, op, saved_model, written
from generators.hostile_keras import keras_file, linked_weights, lookup
from graph import bare, exports
from keras.src.saving import serialization_lib

import tfinv
from tfinv.errors import UserError

v1 = tf.compat.v1
BLOCK, CHAR, FIFO = tarfile.BLKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE
LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
MUCH = hostile.much

#: Name of a file, who makes it, and what must be said about it.
TABLE = {
    # Graphs that reach outside, on the way to the output, off it, and in functions.
    "writes a file": (graph(lambda z, m: tf.io.write_file(m, "run")), "'WriteFile'.* files"),
    "reads a file": (graph(lambda z, m: tf.io.read_file("/etc/passwd")), "'ReadFile'.* files"),
    "reads a file into the picture": (
        graph(lambda z, m: tf.strings.length(tf.io.read_file("/etc/passwd"))),
        "'ReadFile'.* files",
    ),
    "py_func": (
        graph(lambda z, m: v1.py_func(lambda: hostile.write(m), [], tf.float32)),
        "'PyFunc'.* runs Python",
    ),
    "py_function": (
        graph(lambda z, m: tf.py_function(lambda: hostile.write(m), [], tf.float32)),
        "'EagerPyFunc'.* runs Python",
    ),
    "prints into a file": (
        graph(lambda z, m: tf.print("run", output_stream=f"file://{m}")),
        "'PrintV2'.* files",
    ),
    "lists files": (graph(lambda z, m: tf.io.matching_files("/*")), "'MatchingFiles'.* files"),
    "maps a file": (op("ImmutableConst"), "'ImmutableConst'.* files"),
    "receives": (op("_Recv"), "'_Recv'.* socket"),
    "calls a server": (op("RpcCall"), "'RpcCall'.* socket"),
    "aborts": (op("Abort"), "'Abort'.* ends the process"),
    "loads a library": (op("TRTEngineOp"), "'TRTEngineOp'.* did not write"),
    "restores on the way": (graph(hostile.restored), "'RestoreV2'"),
    "function writes a file": (module(lambda z, m: tf.io.write_file(m, "run")), "in function"),
    "function runs Python": (
        module(lambda z, m: tf.py_function(lambda: hostile.write(m), [], tf.float32)),
        "'EagerPyFunc'.* in function",
    ),
    "training graph writes a file": (
        hostile.training(lambda m: tf.io.write_file(m, "run")),
        "'WriteFile'.*extract_sub_graph",
    ),
    "training graph reads records": (
        hostile.training(lambda m: v1.TFRecordReader()),
        "'TFRecordReaderV2'.*extract_sub_graph",
    ),
    "archive of a graph that writes": (
        hostile.packed(graph(lambda z, m: tf.io.write_file(m, "run"))),
        "'WriteFile'.* files",
    ),
    # Graphs without end.
    "TF1 loop": (graph(hostile.loop), "belongs to a while loop"),
    "TF2 loop": (module(lambda z, m: tf.reduce_sum(hostile.loop(z))), "while loop"),
    "hash table": (graph(hostile.table), "looks something up in a table"),
    "functions in a circle": (
        graph(lambda z, m: None, hostile.functions([[1], [0]])),
        "more than 64 deep",
    ),
    "functions nested deep": (
        graph(lambda z, m: None, hostile.functions([[k + 1] for k in range(500)] + [[]])),
        "more than 64 deep",
    ),
    "node that feeds itself": (graph(lambda z, m: None, hostile.feed_itself), "feeds itself"),
    # Claims of ten gigabytes and more.
    "constant": (
        graph(lambda z, m: tf.constant([1.0], name="large"), hostile.claim),
        r"claims 10737418240 bytes and holds \d+",
    ),
    "fill": (
        graph(lambda z, m: tf.raw_ops.Fill(dims=MUCH() * MUCH(), value=1.0), hostile.enlarged),
        r"\(Fill\) would take 17179869184 bytes",
    ),
    "tile": (
        graph(lambda z, m: tf.tile(tf.ones([4]), MUCH() * MUCH()), hostile.enlarged),
        r"\(Tile\) would take 68719476736 bytes",
    ),
    "fill whose sum is a shape": (
        graph(
            lambda z, m: tf.zeros(tf.cast(tf.reduce_sum(tf.fill(MUCH() * MUCH(), 1)), tf.int32)),
            hostile.enlarged,
        ),
        r"\(Fill\) would take 17179869184 bytes",
    ),
    "random numbers": (
        graph(
            lambda z, m: tf.random.stateless_normal(tf.concat([MUCH(), MUCH()], 0), [1, 2]),
            hostile.enlarged,
        ),
        r"would take 17179869184 bytes",
    ),
    "variable": (saved_model(hostile.huge_variable), r"claims 10737418240 bytes, and variables/"),
    "layer": (
        keras_file("m.keras", lambda layer: layer["config"].update(units=1 << 32)),
        r"would have \d+ weights, and \d+ are in the file",
    ),
    "layer in HDF5": (
        keras_file("m.h5", lambda layer: layer["config"].update(units=1 << 32)),
        r"would have \d+ weights, and \d+ are in the file",
    ),
    # Variables that are not there, or elsewhere.
    "missing variable": (saved_model(hostile.checkpoint("v")), "variable 'w' is missing"),
    "variable of another dtype": (saved_model(hostile.wrong_dtype), "float64 in the graph and"),
    "checkpoint that is a folder": (saved_model(hostile.diverted), "variables.index is missing"),
    "list that names /etc/passwd": (hostile.listed("/etc/passwd"), "'/etc/passwd', and is not in"),
    "list that leads out": (
        hostile.listed("../other/model.ckpt-10"),
        r"'../other/model.ckpt-10', and is not in",
    ),
    # Keras files that name code, or weights elsewhere.
    "Lambda": (
        keras_file("m.keras", lambda layer: layer.update(class_name="Lambda")),
        "Lambda runs Python code",
    ),
    "Lambda in HDF5": (
        keras_file("m.h5", lambda layer: layer.update(class_name="Lambda")),
        "Lambda runs Python code",
    ),
    "vocabulary in another file": (
        keras_file("m.keras", lookup("IndexLookup")),
        "IndexLookup reads other files",
    ),
    "vocabulary in another file, by a class of another name": (
        keras_file("m.keras", lookup("Rescaling")),
        "would read its vocabulary from '/etc/passwd'",
    ),
    "vocabulary in another file, in HDF5": (
        keras_file("m.h5", lookup("IndexLookup")),
        "IndexLookup reads other files",
    ),
    "class of os": (
        keras_file("m.keras", lambda layer: layer.update(class_name="system", module="os")),
        "'system' of 'os' is not part of Keras",
    ),
    "function that writes": (
        keras_file(
            "m.h5",
            lambda layer: layer.update(
                class_name="TFOpLambda", config={"function": "io.write_file"}
            ),
        ),
        "calls 'io.write_file'",
    ),
    "weights in another file": (linked_weights(False), "is a link to '.*other.h5'"),
    "weights in another file, packed": (linked_weights(True), "is a link to '.*other.h5'"),
    # Archives that reach outside. What they do to the disk is in archives_test.
    "archive with ..": (archive("m.tar", ("../escape", b"run")), "a path outside of it"),
    "archive with /": (archive("m.tgz", ("MARKER", b"run")), "a path outside of it"),
    "archive with a link": (
        archive("m.tar", ("out", {"type": LINK, "linkname": "/tmp"}), ("out/x", b"run")),
        "is a link",
    ),
    "archive with a hard link": (
        archive("m.tar.gz", ("saved_model.pb", {"type": HARD, "linkname": "/etc/passwd"})),
        "is a link",
    ),
    "archive with a block device": (
        archive("m.tar", ("sda", {"type": BLOCK, "devmajor": 8})),
        "neither a file nor a folder",
    ),
    "archive with a device": (
        archive("m.tar", ("null", {"type": CHAR, "devmajor": 1})),
        "neither a file nor a folder",
    ),
    "archive with a pipe": (
        archive("m.tar", ("saved_model.pb", {"type": FIFO})),
        "neither a file nor a folder",
    ),
    "archive that grows": (archive("m.tar.gz", ("zeros", bytes(80 << 20))), "hold more than"),
    "archive of an archive": (
        hostile.packed(archive("m.tar", ("../escape", b"run"))),
        "'m.tar' in it is no generator",
    ),
    "archive of a pickle": (hostile.packed(hostile.pickled(4)), "refused"),
    # Pickles; all their tricks are in pickles_test.
    **{f"pickle, protocol {k}": (hostile.pickled(k), "refused") for k in range(6)},
    # What is something else than its name says.
    "empty graph": (written("m.pb", b""), "0 bytes cannot be a graph"),
    "page in place of a graph": (written("m.pb", "<!doctype html><html>" * 99), "or no graph"),
    "text nested deep": (written("m.pbtxt", "node { attr { value { list { func {" * 999), "graph"),
    "page in place of a model": (written("m.h5", "<!doctype html>"), "no HDF5 file"),
    "page in place of an archive": (written("m.tar.gz", "<!doctype html>" * 99), "is damaged"),
    "page in place of a pickle": (written("m.pkl", "<!doctype html>"), "m.pkl"),
    "compressed graph": (hostile.zipped_graph, "no generator in a format that is known here"),
    "address of a file": (lambda folder, marker: "file:///etc/passwd", "does not exist"),
}

#: Files whose output has to be named to get that far.
OUTPUTS = {
    "training graph writes a file": "G/image",
    "training graph reads records": "G/image",
    "node that feeds itself": "image",
}


def listing(folder: Path) -> dict[str, tuple]:
    """Every path under a folder with its kind; of files, size and time too."""
    found = {}
    for path in sorted(folder.rglob("*")):
        stat = path.lstat()
        found[str(path)] = (stat.st_mode, *(() if path.is_dir() else (stat.st_size, stat.st_mtime)))
    return found


def test_there_are_enough():
    assert len(TABLE) >= 60


@pytest.mark.parametrize("name", TABLE)
def test_a_hostile_file_is_refused_and_does_nothing(tmp_path, monkeypatch, name):
    make, says = TABLE[name]
    for sub in ("files", "scratch"):
        (tmp_path / sub).mkdir()
    marker = tmp_path / "marker"
    source = make(tmp_path / "files", str(marker))
    assert not marker.exists(), "making the file runs nothing of it"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.chdir(tmp_path / "scratch")
    # What this version of Keras refuses by itself, another need not.
    monkeypatch.setattr(serialization_lib, "in_safe_mode", lambda: False)
    before, memory = listing(tmp_path), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=says) as raised:
        tfinv.load_generator(source, output=OUTPUTS.get(name))
    text = str(raised.value)
    assert "\n" not in text and len(text) < 700 and source in text
    assert listing(tmp_path) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 400 << 10, "kilobytes"


def test_the_payloads_are_real(tmp_path):
    """What is refused above does write the marker where it is run."""
    import pickle

    (tmp_path / "files").mkdir()
    ran = []
    for name in ("writes a file", "prints into a file", "function writes a file"):
        marker = tmp_path / f"marker {len(ran)}"
        source = TABLE[name][0](tmp_path / "files", str(marker))
        if source.endswith(".pb"):
            with tf.Graph().as_default() as made:
                graph_def = v1.GraphDef.FromString(Path(source).read_bytes())
                tf.graph_util.import_graph_def(graph_def, name="")
                ops = [o for o in made.get_operations() if o.type in ("WriteFile", "PrintV2")]
                v1.Session().run(ops)
        else:
            tf.saved_model.load(source).signatures["serving_default"](z=tf.ones([1, 6]))
        ran.append(marker.exists())
    pickle.loads(Path(hostile.pickled(4)(tmp_path, str(tmp_path / "m"))).read_bytes())
    assert ran == [True] * 3 and (tmp_path / "m").exists()


@pytest.mark.parametrize("kind", ["m.pb", "saved_model.pb", "model.ckpt-10.meta"])
def test_files_cut_short_anywhere(tmp_path, kind):
    if kind == "m.pb":
        source = path = bare.frozen(tmp_path / "m.pb").path
    elif kind == "saved_model.pb":
        source = exports.module(tmp_path / "m").path
        path = os.path.join(source, kind)
    else:
        source = path = bare.checkpoint(tmp_path / "model.ckpt").path + ".meta"
    whole = Path(path).read_bytes()
    loaded = 0
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        Path(path).write_bytes(whole[:end])
        try:
            tfinv.load_generator(source, output="G/image" if kind.endswith("meta") else None)
            loaded += 1
        except UserError as error:
            assert "\n" not in str(error) and source in str(error)
    assert loaded < 5, "a cut after the nodes may leave a graph"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
