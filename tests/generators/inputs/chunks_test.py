"""How a graph cuts its latent: every way of cutting, and what is no cut."""

from __future__ import annotations

import itertools
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import facts_of, model_of
from graph import graphs

from tfinv.generators.generator import Generator
from tfinv.generators.inputs.chunks import find_chunks


def chunks(cut, size: int = 12):
    """Of a graph that reads each of the pieces that `cut(z)` gives."""

    def draw(z):
        return sum(tf.reduce_sum(tf.tanh(piece) * (k + 1)) for k, piece in enumerate(cut(z)))

    return find_chunks(facts_of(model_of({"z": (tf.float32, [None, size])}, draw)), "z:0", size)


THREE = [(0, 4), (4, 8), (8, 12)]


@pytest.mark.parametrize(
    ("cut", "found"),
    [
        (lambda z: tf.split(z, 3, axis=1), THREE),
        (lambda z: tf.split(tf.identity(z), [5, 3, 4], axis=1), [(0, 5), (5, 8), (8, 12)]),
        (lambda z: tf.split(z, [5, -1, 4], axis=1), [(0, 5), (5, 8), (8, 12)]),
        (lambda z: [z[:, :4], z[:, 4:8], z[:, 8:]], THREE),
        (lambda z: [z[:, -4:], z[:, :8]], [(0, 8), (8, 12)]),
        (lambda z: [tf.slice(z, [0, k], [-1, 4]) for k in (0, 4, 8)], THREE),
        (lambda z: tf.unstack(tf.reshape(z, [-1, 3, 4]), axis=1), THREE),
        (lambda z: [tf.reshape(z, [-1, 3, 4])[:, k] for k in range(3)], THREE),
        (lambda z: tf.split(tf.reshape(z, [-1, 3, 4]), 3, axis=1), THREE),
        (lambda z: tf.split(tf.cast(z, tf.float16), 3, axis=1), THREE),
        (lambda z: [*tf.split(z[:, :8], 2, axis=1), z[:, 8:]], THREE),
        (lambda z: [*tf.split(z, 3, axis=1), tf.split(z, 3, axis=1)[0]], THREE),
        # Something reads it all, or what is cut is not all of it, or it is not cut along z.
        (lambda z: [*tf.split(z, 3, axis=1), z], [(0, 12)]),
        (lambda z: [z], [(0, 12)]),
        (lambda z: [z[:, :4], z[:, 8:]], [(0, 12)]),
        (lambda z: [z[:, :7], z[:, 5:]], [(0, 12)]),
        (lambda z: [z[:, ::2], z[:, 1::2]], [(0, 12)]),
        (lambda z: [z[:1], z[1:]], [(0, 12)]),
        (lambda z: [tf.reshape(z, [-1, 4])], [(0, 12)]),
        (lambda z: [tf.cast(tf.shape(z), tf.float32), *tf.split(z, 3, axis=1)], THREE),
    ],
)
def test_cuts(cut, found):
    assert chunks(cut) == found


@hypothesis.given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.booleans())
def test_any_sizes(sizes, slices):
    ends = np.cumsum([0, *sizes]).tolist()
    pieces = list(itertools.pairwise(ends))

    def cut(z):
        return [z[:, a:b] for a, b in pieces] if slices else tf.split(z, sizes, axis=1)

    assert chunks(cut, ends[-1]) == pieces


def test_a_hierarchical_generator():
    biggan = Generator(graphs.case("biggan").model, constants={"truncation": 0.5})
    assert biggan.chunks == [(0, 5), (5, 10), (10, 15)]
    before, labels = biggan.what_reaches(biggan.split("dense").layer.name)
    np.testing.assert_array_equal(before, np.arange(15) < 5)
    assert not labels
    flat = Generator(graphs.case("resnet").model)
    assert flat.chunks == [(0, 8)]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
