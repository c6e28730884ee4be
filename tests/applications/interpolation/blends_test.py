"""Lines and arcs against closed forms."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfinv.applications.interpolation.blends import blend_chunks, linear, positions, spherical


def vectors(size, seed=0):
    return np.random.default_rng(seed).standard_normal((2, size)).astype(np.float32)


def test_positions_hit_both_ends_whatever_is_beyond():
    np.testing.assert_array_equal(positions(3), [0.0, 0.5, 1.0])
    for count in (2, 7, 11, 50):
        a = positions(count, beyond=3)
        assert len(a) == count + 6 and (a == 0.0).sum() == (a == 1.0).sum() == 1
        np.testing.assert_allclose(np.diff(a), 1 / (count - 1))
    with pytest.raises(ValueError, match="1 positions"):
        positions(1)


@pytest.mark.parametrize("blend", [linear, spherical])
def test_ends_are_met_bit_for_bit(blend):
    first, last = vectors(31)
    found = blend(first, 3 * last, positions(10, beyond=2))
    np.testing.assert_array_equal(found[2], first)
    np.testing.assert_array_equal(found[-3], 3 * last)
    assert found.dtype == np.float32


def test_a_line_keeps_the_shape_of_codes_and_goes_on_beyond():
    first, last = vectors(24).reshape(2, 2, 3, 4)
    a = np.array([-0.5, 0.25, 2.0])
    expected = np.stack([first + t * (last - first) for t in a])
    np.testing.assert_allclose(linear(first, last, a), expected, atol=1e-6)


def test_an_arc_turns_evenly_and_keeps_the_length():
    angles = np.array([0.3, 2.4])
    first, last = (5.0 * np.array([np.cos(t), np.sin(t)]) for t in angles)
    a = positions(8, beyond=2)
    on = angles[0] + a * (angles[1] - angles[0])
    expected = 5.0 * np.stack([np.cos(on), np.sin(on)], axis=1)
    np.testing.assert_allclose(spherical(first, last, a), expected, atol=1e-6)


def test_halfway_between_latents_an_arc_is_longer_than_the_line():
    first, last = vectors(512, seed=1)
    half = np.array([0.5])
    usual = np.mean([np.linalg.norm(v) for v in (first, last)])
    assert np.linalg.norm(spherical(first, last, half)) == pytest.approx(usual, rel=0.05)
    assert np.linalg.norm(linear(first, last, half)) < 0.75 * usual


def test_vectors_that_point_the_same_way_are_joined_by_the_line():
    first, _ = vectors(16)
    a = positions(5)
    for last in (first, 2 * first, first + 1e-8):
        np.testing.assert_allclose(spherical(first, last, a), linear(first, last, a), atol=1e-6)
    zero = np.zeros(16)
    np.testing.assert_array_equal(spherical(zero, first, a), linear(zero, first, a))


@pytest.mark.parametrize("factor", [-1.0, -2.0])
def test_vectors_that_point_opposite_ways_are_joined_by_some_arc(factor):
    first, _ = vectors(16)
    a = positions(9)
    found = spherical(first, factor * first, a).astype(np.float64)
    length = np.linalg.norm(first)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), length * (1 - a - factor * a), 1e-6)
    cosines = found @ first / length / np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(cosines, np.cos(np.pi * a), atol=1e-6)
    np.testing.assert_array_equal(found[-1], (factor * first).astype(np.float32))
    np.testing.assert_array_equal(spherical(np.ones(1), -np.ones(1), a)[:, 0], 1 - 2 * a)


def test_chunks_go_on_their_own():
    first, last = vectors(9)
    a = positions(4)
    found = blend_chunks(first, last, a, "spherical", [(0, 3), (3, 9)])
    np.testing.assert_array_equal(found[:, :3], spherical(first[:3], last[:3], a))
    np.testing.assert_array_equal(found[:, 3:], spherical(first[3:], last[3:], a))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
