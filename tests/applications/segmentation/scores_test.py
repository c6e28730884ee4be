"""Scores against their definitions, counted pair by pair and assignment by assignment."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from tfinv.applications.segmentation.scores import adjusted_rand_index, mean_iou


def rand_by_pairs(one, other) -> float:
    """Hubert and Arabie's index from the four kinds of pairs (Steinley 2004, equation 9)."""
    a = b = c = d = 0
    for i, j in itertools.combinations(range(len(one)), 2):
        here, there = one[i] == one[j], other[i] == other[j]
        a += here and there
        b += here and not there
        c += there and not here
        d += not here and not there
    pairs = a + b + c + d
    chance = (a + b) * (a + c) + (c + d) * (b + d)
    return (pairs * (a + d) - chance) / (pairs**2 - chance)


def iou_by_trying(one, other) -> float:
    regions, wanted = np.unique(one), np.unique(other)
    padded = [*regions, *[None] * len(wanted)]  # a reference region may go without
    best = 0.0
    for chosen in itertools.permutations(padded, len(wanted)):
        total = 0.0
        for region, reference in zip(chosen, wanted, strict=True):
            if region is not None:
                inside, target = one == region, other == reference
                total += (inside & target).sum() / (inside | target).sum()
        best = max(best, total / len(wanted))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_both_are_what_their_definitions_count(seed):
    rng = np.random.default_rng(seed)
    other = rng.integers(0, 3, 40)
    one = np.where(rng.random(40) < 0.7, other * 5 + 1, rng.integers(0, 4, 40) * 5)
    assert adjusted_rand_index(one, other) == pytest.approx(rand_by_pairs(one, other))
    shape = (5, 8)
    small = one[:20] % 3, other[:20]
    assert mean_iou(*small) == pytest.approx(iou_by_trying(*small))
    assert mean_iou(one.reshape(shape), other.reshape(shape)) == mean_iou(one, other)


def test_names_of_regions_do_not_matter():
    regions = np.random.default_rng(0).integers(0, 5, (9, 7))
    names = np.array([70, -3, 8, 0, 255])
    assert adjusted_rand_index(names[regions], regions) == 1
    assert mean_iou(names[regions], regions) == 1


def test_known_values():
    # The example of Hubert and Arabie's index in most textbooks: two of three pairs kept.
    assert adjusted_rand_index([0, 0, 1, 2], [0, 0, 1, 1]) == pytest.approx(4 / 7)
    assert adjusted_rand_index([0, 1, 0, 1], [0, 0, 1, 1]) == pytest.approx(-0.5)
    assert mean_iou([0, 0, 0, 0], [0, 0, 1, 1]) == 0.25  # one region is left without
    assert mean_iou([0, 0, 1, 2], [0, 0, 1, 1]) == 0.75


def test_one_region_and_single_pixels():
    one, apart = np.zeros(6, int), np.arange(6)
    assert adjusted_rand_index(one, one) == adjusted_rand_index(apart, apart) == 1
    assert adjusted_rand_index(one, apart) == 0
    assert adjusted_rand_index([3], [0]) == 1


def test_chance_is_near_nought():
    rng = np.random.default_rng(0)
    assert abs(adjusted_rand_index(rng.integers(0, 4, 20000), rng.integers(0, 6, 20000))) < 0.001


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\[2, 3\] and \[6\]"):
        mean_iou(np.zeros((2, 3), int), np.zeros(6, int))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
