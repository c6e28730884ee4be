"""Dissimilarities by the thesis's formula, clusters by brute force, planted regions found again."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster
from scipy.spatial.distance import squareform

from tfinv.applications.segmentation.affinity import (
    affinity,
    condensed_dissimilarity,
    spread_keys,
)
from tfinv.applications.segmentation.clustering import cut, hierarchy, segment


def random_map(queries, keys, seed=0) -> np.ndarray:
    """Rows that sum to one, positions in reading order."""
    rng = np.random.default_rng(seed)
    weights = rng.random((np.prod(queries), np.prod(keys))).astype(np.float32) ** 4
    return weights / weights.sum(1, keepdims=True)


def partition(labels) -> set[frozenset]:
    return {frozenset(np.flatnonzero(labels == label)) for label in np.unique(labels)}


@pytest.mark.parametrize("keys", [(4, 6), (2, 3), (2, 2), (3, 6), (1, 1)])
def test_the_weight_of_a_key_is_shared_by_the_positions_that_it_covers(keys):
    queries, matrix = (4, 6), random_map((4, 6), keys)
    wide = spread_keys(matrix, queries, keys)
    np.testing.assert_allclose(wide.sum(1), 1, atol=1e-6)
    covers = {}  # key -> positions, spelled out
    for y in range(4):
        for x in range(6):
            covers.setdefault((y * keys[0] // 4, x * keys[1] // 6), []).append(6 * y + x)
    for (a, b), positions in covers.items():
        for position in positions:
            share = matrix[:, keys[1] * a + b] / len(positions)
            np.testing.assert_allclose(wide[:, position], share, rtol=1e-6)


def test_dissimilarity_is_the_thesiss_formula():
    matrix = random_map((4, 4), (4, 4)).astype(np.float64)
    expected = (1 - (matrix + matrix.T) / 2) * (1 - np.eye(16))
    condensed = condensed_dissimilarity(affinity(matrix, (4, 4), (4, 4)))
    assert condensed.min() >= 0 and condensed.max() <= 1
    np.testing.assert_allclose(squareform(condensed), expected, atol=1e-6)


def test_repeating_a_keys_weight_in_the_place_of_sharing_it_gives_the_same_regions():
    matrix = random_map((6, 6), (3, 3))
    shared = segment(matrix, (6, 6), (3, 3), range(1, 37))
    repeated = np.repeat(np.repeat(matrix.reshape(36, 3, 3), 2, 1), 2, 2).reshape(36, 36) / 36
    tree = hierarchy(condensed_dissimilarity((repeated + repeated.T) / 2))
    for count in range(1, 37):
        assert partition(cut(tree, count)) == partition(shared[count - 1].ravel())


def by_brute_force(distances: np.ndarray, count: int) -> set[frozenset]:
    """Average linkage as it is defined: always merge the two with the least mean distance."""
    clusters = [frozenset([i]) for i in range(len(distances))]
    while len(clusters) > count:
        means = {
            (a, b): np.mean([distances[i, j] for i in a for j in b])
            for k, a in enumerate(clusters)
            for b in clusters[:k]
        }
        a, b = min(means, key=means.get)
        clusters = [c for c in clusters if c not in (a, b)] + [a | b]
    return set(clusters)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 15, 16])
def test_clusters_are_those_of_brute_force(count):
    distances = squareform(condensed_dissimilarity(affinity(random_map((4, 4), (2, 2)),
                                                            (4, 4), (2, 2))))  # fmt: skip
    rng = np.random.default_rng(1)
    noise = rng.random(distances.shape) * 1e-3  # or ties could be broken either way
    distances = distances + np.triu(noise, 1) + np.triu(noise, 1).T
    np.fill_diagonal(distances, 0)
    tree = hierarchy(squareform(distances))
    assert partition(cut(tree, count)) == by_brute_force(distances, count)


def test_without_ties_the_cut_is_scipys_by_a_threshold():
    tree = hierarchy(np.random.default_rng(0).random(40 * 39 // 2))
    for count in range(1, 41):
        assert partition(cut(tree, count)) == partition(fcluster(tree, count, "maxclust"))


def test_ties_are_parted_and_larger_clusters_come_first():
    tree = hierarchy(np.ones(10 * 9 // 2))  # fcluster finds 1 cluster or 10
    for count in range(1, 11):
        labels = cut(tree, count)
        assert labels.dtype == np.int32
        sizes = np.bincount(labels)
        assert len(sizes) == count and np.all(np.diff(sizes) <= 0)
    singles = cut(tree, 10)
    np.testing.assert_array_equal(singles, np.arange(10))


def test_more_clusters_lie_within_fewer():
    regions = segment(random_map((6, 4), (6, 4)), (6, 4), (6, 4), [5, 2, 11])
    assert regions.shape == (3, 6, 4)
    assert [len(np.unique(r)) for r in regions] == [5, 2, 11]
    for coarse, fine in ((1, 0), (0, 2)):
        pairs = {*zip(regions[fine].ravel(), regions[coarse].ravel(), strict=True)}
        assert len(pairs) == len(np.unique(regions[fine]))


def test_a_number_that_cannot_be_is_refused():
    tree = hierarchy(np.ones(3))
    for count in (0, 4):
        with pytest.raises(ValueError, match=f"3 points make no {count} clusters"):
            cut(tree, count)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
