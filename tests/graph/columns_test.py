"""Which numbers of a vector are read: as a gradient would tell, for every way to take one apart."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import cuts, graphs

from tfinv.graph.columns import columns_read
from tfinv.graph.interpret import Program
from tfinv.graph.plan import make_plan

SIZE = 6

WAYS = {
    "split": (lambda z: tf.split(z, 3, axis=1)[1], [2, 3]),
    "split, last axis": (lambda z: tf.split(z, 3, axis=-1)[2], [4, 5]),
    "split by sizes": (lambda z: tf.split(z, [1, 2, 3], axis=1)[1], [1, 2]),
    "split by sizes and the rest": (lambda z: tf.split(z, [1, -1, 2], axis=1)[0], [0]),
    "split of a split": (lambda z: tf.split(tf.split(z, 2, axis=1)[1], 3, axis=1)[0], [3]),
    "slice": (lambda z: z[:, 1:4], [1, 2, 3]),
    "slice from the end": (lambda z: z[:, -2:], [4, 5]),
    "slice with a stride": (lambda z: z[:, ::2], [0, 2, 4]),
    "slice of a slice": (lambda z: z[:, 2:][:, 1:3], [3, 4]),
    "slice of rows too": (lambda z: z[:1, 1:4], range(SIZE)),
    "one column": (lambda z: z[:, 2], [2]),
    "through an identity": (lambda z: tf.split(tf.identity(z), 3, axis=1)[0], [0, 1]),
    "two parts": (lambda z: tf.concat([z[:, :1], z[:, 5:]], 1), [0, 5]),
    "whole": (lambda z: 2 * z, range(SIZE)),
    "shape only": (lambda z: tf.ones([tf.shape(z)[0], 2]), []),
    "split along the batch": (lambda z: tf.split(z, [1, 1], axis=0)[0], range(SIZE)),
}


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_the_columns_that_an_output_needs(way, live):
    take, needed = WAYS[way]
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, SIZE], "z")
        output = tf.multiply(take(z), 3.0, name="output")
    model = graphs.to_model(graph, {"z": z}, output)
    fed = {"live": ["z"]} if live else {"per_batch": ["z"]}
    found = np.flatnonzero(columns_read(make_plan(model, ["output"], **fed), "z:0", SIZE))
    assert list(found) == list(needed)
    # Nothing else changes the output: the truth, run by the graph itself.
    rng = np.random.default_rng(0)
    here, there = rng.standard_normal((2, 2, SIZE)).astype(np.float32)
    there[:, found] = here[:, found]
    with tf.compat.v1.Session(graph=graph) as session:
        a, b = (session.run(output, {z: value}) for value in (here, there))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", cuts.CUTS)
def test_each_piece_of_every_cut(name):
    """Against the gradient, which is zero for what is not read."""
    cut, _ = cuts.CUTS[name]
    feed = np.random.default_rng(0).standard_normal((4, cuts.SIZE)).astype(np.float32)
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, cuts.SIZE], "z")
        outputs = [tf.reduce_sum(tf.cast(tf.tanh(part), tf.float32)) for part in cut(z)]
        gradients = [tf.gradients(output, z)[0] for output in outputs]
    for output, gradient in zip(outputs, gradients, strict=True):
        model = graphs.to_model(graph, {"z": z}, output)
        read = columns_read(make_plan(model, [output.name], live=["z"]), "z:0", cuts.SIZE)
        needed = np.zeros(cuts.SIZE, bool)
        if gradient is not None:
            with tf.compat.v1.Session(graph=graph) as session:
                needed = (session.run(gradient, {z: feed}) != 0).any(0)
        assert read[needed].all()
        assert read.all() if name in cuts.MIXING_ROWS else (read == needed).all()


def test_a_part_that_is_an_output_itself():
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, SIZE], "z")
        part = tf.split(z, 3, axis=1, name="part")[1]
    model = graphs.to_model(graph, {"z": z}, part)
    read = Program(model, ["part:1"], live=["z"]).columns_read("z", SIZE)
    assert list(np.flatnonzero(read)) == [2, 3]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
