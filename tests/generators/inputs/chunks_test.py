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
from graph.cuts import CUTS, SIZE, THREE

from tfinv.generators.generator import Generator
from tfinv.generators.inputs.chunks import find_chunks


def chunks(cut, size: int = SIZE):
    """Of a graph that reads each of the pieces that `cut(z)` gives."""

    def draw(z):
        return sum(tf.reduce_sum(tf.tanh(piece) * (k + 1)) for k, piece in enumerate(cut(z)))

    return find_chunks(facts_of(model_of({"z": (tf.float32, [None, size])}, draw)), "z:0", size)


@pytest.mark.parametrize("name", CUTS)
def test_cuts(name):
    cut, found = CUTS[name]
    assert chunks(cut) == found


@hypothesis.given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.booleans())
def test_any_sizes(sizes, slices):
    ends = np.cumsum([0, *sizes]).tolist()
    pieces = list(itertools.pairwise(ends))

    def cut(z):
        return [z[:, a:b] for a, b in pieces] if slices else tf.split(z, sizes, axis=1)

    assert chunks(cut, ends[-1]) == pieces


@pytest.mark.parametrize(
    "name", ["split", "tf.slice", "sizes and the rest", "unstacked", "unstacked, any batch"]
)
def test_behind_the_dense_layer_its_chunk_is_not_read_however_it_was_cut(name):
    cut, w = CUTS[name][0], graphs.Weights()

    def draw(z):
        first, *others = cut(z)
        h = tf.nn.relu(tf.reshape(first @ w(4, 48), [-1, 4, 4, 3], name="dense"))
        for chunk in others:
            h *= 1 + tf.reshape(chunk @ w(4, 3), [-1, 1, 1, 3])
        return tf.tanh(h)

    generator = Generator(model_of({"z": (tf.float32, [None, SIZE])}, draw))
    assert generator.chunks == THREE
    for free in ((), ("latent",)):
        split = generator.split("dense", free)
        np.testing.assert_array_equal(split.latent_read, np.arange(SIZE) >= 4)


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
