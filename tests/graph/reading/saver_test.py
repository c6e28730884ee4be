"""Variables are found where the graph's own Saver puts them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import exports

from tfinv.graph.reading.checkpoint import Variables
from tfinv.graph.reading.saver import Stored, stored_variables

v1 = tf.compat.v1
W = np.arange(40, dtype=np.float32).reshape(10, 4)


def saved(prefix, make_savers, *, parts: int = 0, resource: bool = False):
    """Saves the variables w, in parts if any, and b by the first saver; the MetaGraphDef."""
    rows = np.split(W, [4, 7]) if parts else [W]
    partitioner = v1.fixed_size_partitioner(parts) if parts else None
    with tf.Graph().as_default(), v1.Session() as session:
        with v1.variable_scope("", use_resource=resource):
            v1.get_variable("w", [10, 4], partitioner=partitioner)
            exports.variable("b", [1.0, 2.0])
        *made, b = v1.global_variables()
        session.run([b.initializer, *(v1.assign(v, r) for v, r in zip(made, rows, strict=True))])
        savers = make_savers(made, b)
        savers[0].save(session, str(prefix))
        return v1.train.export_meta_graph(saver_def=savers[0].as_saver_def())


def read(meta_graph, prefix, *names: str) -> list[np.ndarray]:
    variables = Variables("m", meta_graph, str(prefix))
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    return [variables.read(nodes[name]) for name in names]


@pytest.mark.parametrize("resource", [False, True])
def test_parts_of_a_variable_are_slices_of_one_tensor(tmp_path, resource):
    prefix = tmp_path / "model.ckpt"
    meta_graph = saved(prefix, lambda *_: [v1.train.Saver()], parts=3, resource=resource)
    *parts, b = read(meta_graph, prefix, "w/part_0", "w/part_1", "w/part_2", "b")
    assert [part.shape for part in parts] == [(4, 4), (3, 4), (3, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), W)
    np.testing.assert_array_equal(b, [1.0, 2.0])


def test_a_saver_may_use_any_key(tmp_path):
    prefix = tmp_path / "model.ckpt"
    meta_graph = saved(prefix, lambda w, b: [v1.train.Saver({"b": w[0], "other": b})])
    w, b = read(meta_graph, prefix, "w", "b")
    np.testing.assert_array_equal(w, W)
    np.testing.assert_array_equal(b, [1.0, 2.0])


def test_another_saver_of_the_graph_does_not_move_a_variable(tmp_path):
    prefix = tmp_path / "model.ckpt"
    swapped = lambda w, b: v1.train.Saver({"b": w[0], "w": b})  # noqa: E731
    meta_graph = saved(prefix, lambda w, b: [v1.train.Saver(), swapped(w, b)])
    np.testing.assert_array_equal(read(meta_graph, prefix, "b")[0], [1.0, 2.0])
    own, others = stored_variables(meta_graph)
    assert own == {"w": Stored("w"), "b": Stored("b")}
    assert others == {"w": Stored("b"), "b": Stored("w")}


def test_checkpoints_of_the_first_format(tmp_path):
    prefix = tmp_path / "model.ckpt"
    first = v1.train.SaverDef.V1
    meta_graph = saved(prefix, lambda *_: [v1.train.Saver(write_version=first)])
    assert prefix.is_file() and not prefix.with_suffix(".ckpt.index").exists()
    np.testing.assert_array_equal(read(meta_graph, prefix, "w")[0], W)


def test_a_partitioned_saved_model(tmp_path):
    def body(z):
        start = v1.constant_initializer(2.0)
        partitioner = v1.fixed_size_partitioner(2)
        w = v1.get_variable("w", [4, 5], initializer=start, partitioner=partitioner)
        return tf.matmul(z, tf.convert_to_tensor(w))

    from tfinv.graph.reading.saved_model import read_saved_model

    export = exports.tf1(tmp_path / "m", body)
    image = exports.evaluate(read_saved_model(tmp_path / "m"), export.feeds)["image"]
    np.testing.assert_allclose(image, export.outputs["image"], rtol=1e-6)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
