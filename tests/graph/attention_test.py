"""Attention maps are found wherever they stand, and each entry's position is the true one."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.attending import FORMS, LATENT, Attending, latents
from graph import graphs

from tfinv.graph.attention import find_attention
from tfinv.graph.interpret import Program
from tfinv.graph.positions import grid_of_proportions

FOUND = [name for name in FORMS if not name.startswith(("of ", "stacked"))]


def model_of(made: Attending):
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, LATENT], "z")
        return graphs.to_model(graph, {"z": z}, tf.identity(made.draw(z), name="picture"))


def maps_of(made: Attending):
    model = model_of(made)
    size = (2 * made.height, 2 * made.width)
    return model, find_attention(model, "z:0", "picture:0", size)


def value(model, found, z) -> np.ndarray:
    program = Program(model, [found.name], live=["z:0"])
    return program.run([tf.constant(z)])[0].numpy()


def same_region(made: Attending, regions: np.ndarray) -> np.ndarray:
    """What the map is but for rounding: 1 / size of the region, where both are in one."""
    keys = regions[::2, ::2] if made.pooled else regions
    same = regions.reshape(-1, 1) == keys.reshape(1, -1)
    return same / same.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("form", "channels_first"),
    [(form, False) for form in FOUND] + [(form, True) for form in ("plain", "heads", "normalised")],
)
def test_every_way_to_write_a_block_gives_the_same_planted_matrix(form, channels_first):
    made = Attending(height=8, width=12, form=form, channels_first=channels_first)
    model, found = maps_of(made)
    assert len(found) == (2 if form == "twice" else 1)
    z = latents(2)
    for row, regions in zip(value(model, found[0], z), made.regions(z), strict=True):
        matrix = found[0].matrix(row)
        assert matrix.dtype == np.float32 and matrix.shape == (96, 24)
        np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(matrix, same_region(made, regions), atol=0.1)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("size", [(8, 8), (12, 8), (8, 16)])
def test_grids_are_those_of_queries_and_keys(pooled, size):
    _, [found] = maps_of(Attending(*size, pooled=pooled))
    assert (found.queries.height, found.queries.width) == size
    assert (found.keys.height, found.keys.width) == tuple(s // (2 if pooled else 1) for s in size)
    assert found.heads == ()


def test_heads_are_told_from_positions():
    _, [found] = maps_of(Attending(form="heads"))
    assert found.shape == (2, 64, 16) and found.heads == (0,)


def test_positions_in_another_order_are_put_into_reading_order():
    _, [found] = maps_of(Attending(height=8, width=12, form="turned"))
    by_columns = np.arange(96).reshape(12, 8).T.reshape(-1)
    np.testing.assert_array_equal(found.queries.order, by_columns)


@pytest.mark.parametrize("form", ["of channels", "of a table"])
def test_a_softmax_that_is_not_over_positions_or_weighs_no_picture_is_none(form):
    assert maps_of(Attending(pooled=False, form=form))[1] == []


@pytest.mark.parametrize("name", ["biggan", "biggan, stateful truncation"])
def test_that_of_biggan_is_found_through_its_residual_blocks(name):
    case = graphs.case(name)
    [found] = find_attention(case.model, case.latent, case.output.name, (16, 16), case.constants)
    assert found.name.endswith("attention/Softmax:0") and found.shape == (64, 16)
    assert (found.queries.height, found.keys.height) == (8, 4)


def test_generators_without_attention_have_none():
    for name in ("resnet", "progan", "dcgan, fused norm"):
        case = graphs.case(name)
        assert find_attention(case.model, case.latent, case.output.name, (16, 16)) == []


def test_without_anything_spatial_in_front_the_proportions_of_the_picture_decide():
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 3], "z")
        weights = graphs.Weights()
        x = tf.reshape(tf.matmul(z, tf.constant(weights(3, 32 * 4))), [-1, 32, 4])
        attended = tf.matmul(tf.nn.softmax(tf.matmul(x, x, transpose_b=True)), x)
        picture = tf.reshape(tf.reduce_sum(attended, -1), [-1, 4, 8, 1])
        model = graphs.to_model(graph, {"z": z}, tf.tanh(picture, name="picture"))
    [found] = find_attention(model, "z:0", "picture:0", (4, 8))
    assert (found.queries.height, found.queries.width) == (4, 8)
    np.testing.assert_array_equal(found.keys.order, np.arange(32))
    assert find_attention(model, "z:0", "picture:0", (8, 8)) == []  # 32 make no square


def test_a_block_right_behind_another_is_found_too():
    _, found = maps_of(Attending(height=8, width=12, pooled=False, form="stacked"))
    assert [one.shape for one in found] == [(96, 96)] * 2
    for one in found:
        assert (one.queries.height, one.queries.width) == (one.keys.height, one.keys.width)
        np.testing.assert_array_equal(one.queries.order, np.arange(96))


def test_pieces_of_the_latent_are_no_positions():
    """Positions attend to four vectors made of z, which would make a grid of 2x2."""
    weights = graphs.Weights()
    with tf.Graph().as_default() as graph:
        z = tf.compat.v1.placeholder(tf.float32, [None, 3], "z")
        x = tf.reshape(tf.matmul(z, tf.constant(weights(3, 64 * 5))), [-1, 8, 8, 5])
        x = tf.nn.relu(tf.nn.conv2d(x, tf.constant(weights(1, 1, 5, 5)), 1, "SAME"))
        pieces = tf.reshape(tf.matmul(z, tf.constant(weights(3, 4 * 5))), [-1, 4, 5])
        flat = tf.reshape(x, [-1, 64, 5])
        attended = tf.matmul(tf.nn.softmax(tf.matmul(flat, pieces, transpose_b=True)), pieces)
        x += tf.reshape(attended, [-1, 8, 8, 5])
        picture = tf.tanh(x, name="picture")
        model = graphs.to_model(graph, {"z": z}, picture)
    assert find_attention(model, "z:0", "picture:0", (8, 8)) == []


def test_a_grid_has_the_proportions_of_the_picture_or_is_none():
    grid = grid_of_proportions(24, (8, 12))
    assert (grid.height, grid.width) == (4, 6)
    assert grid_of_proportions(24, (8, 8)) is None and grid_of_proportions(1, (8, 8)) is None


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
