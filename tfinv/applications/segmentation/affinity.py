"""From an attention map to how unlike each two positions of the picture are.

Thesis, section 8.2: with A_ij, what position i takes from position j, on the grid of the queries,

    D = (1 - (A + A^T) / 2) * (1 - I),

symmetric, in [0, 1], and zero on the diagonal. Where keys are pooled, A is first expanded to the
queries' grid. There the thesis does not say how; here the weight of a pooled key is shared equally
by the positions that it covers, so that rows still sum to one. (Repeating the weight instead
multiplies A by a constant; average linkage then merges in the same order.)
"""

from __future__ import annotations

import numpy as np

__all__ = ["affinity", "condensed_dissimilarity", "spread_keys"]


def spread_keys(matrix: np.ndarray, queries: tuple[int, int], keys: tuple[int, int]) -> np.ndarray:
    """Expands an attention map from pooled keys to all positions.

    Args:
      matrix: float32 [H * W, h * w], rows sum to one; both grids in reading order.
      queries: H and W.
      keys: h and w, at most H and W. A position belongs to the key whose cell it lies in.

    Returns:
      float32 [H * W, H * W]; rows sum to one.
    """
    if keys == queries:
        return np.asarray(matrix, np.float32)
    rows, columns = (np.arange(n) * k // n for n, k in zip(queries, keys, strict=True))
    key = (rows[:, None] * keys[1] + columns).ravel()
    share = 1 / np.bincount(key, minlength=keys[0] * keys[1])
    return (matrix * share.astype(np.float32))[:, key]


def affinity(matrix: np.ndarray, queries: tuple[int, int], keys: tuple[int, int]) -> np.ndarray:
    """How much positions attend to each other, (A + A^T) / 2; arguments as `spread_keys`.

    Returns:
      float32 [H * W, H * W], symmetric, in [0, 1].
    """
    wide = spread_keys(matrix, queries, keys)
    both = wide + wide.T
    both *= 0.5
    return both


def condensed_dissimilarity(affinity: np.ndarray) -> np.ndarray:
    """One minus the affinity of each two different positions.

    Args:
      affinity: float32 [N, N], symmetric, in [0, 1].

    Returns:
      float64 [N * (N - 1) / 2] in [0, 1], rows of the upper triangle without the diagonal, which
      is zero: `scipy.spatial.distance.squareform` makes the full matrix of it.
    """
    count = len(affinity)
    condensed = np.empty(count * (count - 1) // 2)
    start = 0
    for i in range(count - 1):  # row by row: an index of the triangle would take twice the memory
        stop = start + count - 1 - i
        np.subtract(1, affinity[i, i + 1 :], out=condensed[start:stop])
        start = stop
    return np.clip(condensed, 0, 1, out=condensed)
