"""Any number of clusters of positions from one hierarchy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfinv.applications.segmentation.affinity import affinity, condensed_dissimilarity

__all__ = ["cut", "hierarchy", "segment"]


def segment(
    matrix: np.ndarray,
    queries: tuple[int, int],
    keys: tuple[int, int],
    clusters: Sequence[int],
) -> np.ndarray:
    """Regions of a picture by its attention map (thesis, section 8.2).

    Args:
      matrix: float32 [H * W, h * w], rows sum to one, as `AttentionMap.matrix` gives it.
      queries: H and W.
      keys: h and w.
      clusters: numbers of regions, each in [1, H * W]. Regions of a larger number lie within those
        of a smaller one.

    Returns:
      int32 [len(clusters), H, W]: the region of each position, from 0; larger ones first.
    """
    tree = hierarchy(condensed_dissimilarity(affinity(matrix, queries, keys)))
    return np.stack([cut(tree, count).reshape(queries) for count in clusters])


def hierarchy(condensed: np.ndarray) -> np.ndarray:
    """Merges the two clusters that are nearest on average, until one is left.

    Average linkage (UPGMA), the thesis's criterion; SciPy's, by chains of nearest neighbours, takes
    time and memory in the square of N.

    Args:
      condensed: float64 [N * (N - 1) / 2], dissimilarities.

    Returns:
      float64 [N - 1, 4], a merge a row, nearest first, as `scipy.cluster.hierarchy.linkage`.
    """
    from scipy.cluster.hierarchy import linkage

    return linkage(condensed, "average")


def cut(tree: np.ndarray, count: int) -> np.ndarray:
    """The clusters that a hierarchy has before its last `count - 1` merges.

    There are exactly so many, also where merges tie, which a threshold on the distance (SciPy's
    `fcluster`) could not part.

    Args:
      tree: float64 [N - 1, 4], from `hierarchy`.
      count: in [1, N].

    Returns:
      int32 [N], numbers from 0, the largest cluster first; of two alike, that of the first point.

    Raises:
      ValueError: if there cannot be so many.
    """
    points = len(tree) + 1
    if not 1 <= count <= points:
        raise ValueError(f"{points} points make no {count} clusters")
    kept = points - count
    parts = tree[:kept, :2].astype(np.int64)
    label = np.arange(points + kept)
    for merge in range(kept - 1, -1, -1):  # from the root of each cluster down to its points
        label[parts[merge]] = label[points + merge]
    _, first, inverse, sizes = np.unique(
        label[:points], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(count, np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(count)
    return rank[inverse]
