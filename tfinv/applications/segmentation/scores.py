"""How well regions agree with reference regions, whatever either are called."""

from __future__ import annotations

import numpy as np

__all__ = ["adjusted_rand_index", "mean_iou"]


def adjusted_rand_index(regions: np.ndarray, reference: np.ndarray) -> float:
    """The share of pairs of pixels that both put together or apart, corrected for chance.

    Hubert and Arabie, "Comparing partitions", Journal of Classification 2 (1985), equation 5.

    Args:
      regions: int, any shape.
      reference: int, the same shape.

    Returns:
      1 for the same regions, 0 for what chance gives; at least -0.5. Where both are one region, or
      both are all pixels apart, and so the same, it is 1.
    """
    table = _table(regions, reference).astype(np.float64)
    together = _pairs(table).sum()
    rows, columns = _pairs(table.sum(1)).sum(), _pairs(table.sum(0)).sum()
    expected = rows * columns / max(_pairs(table.sum()), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def mean_iou(regions: np.ndarray, reference: np.ndarray) -> float:
    """Intersection over union of each reference region with the region assigned to it, averaged.

    Each region is assigned at most once, so that the mean is greatest (Kuhn, "The Hungarian method
    for the assignment problem", 1955; SciPy's). A reference region without one counts as 0; regions
    that are left over count nothing, so give as many regions as the reference has to compare.

    Args:
      regions: int, any shape.
      reference: int, the same shape.

    Returns:
      A number in [0, 1].
    """
    from scipy.optimize import linear_sum_assignment

    table = _table(regions, reference)
    union = table.sum(1, keepdims=True) + table.sum(0, keepdims=True) - table
    iou = table / union
    return float(iou[linear_sum_assignment(iou, maximize=True)].sum() / table.shape[1])


def _table(regions: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """How many pixels are in region r and reference region s; int64 [R, S]."""
    if np.shape(regions) != np.shape(reference):
        shapes = f"{list(np.shape(regions))} and {list(np.shape(reference))}"
        raise ValueError(f"regions of the shapes {shapes} cannot be compared")
    rows, row = np.unique(np.ravel(regions), return_inverse=True)
    columns, column = np.unique(np.ravel(reference), return_inverse=True)
    size = len(rows), len(columns)
    return np.bincount(row * size[1] + column, minlength=size[0] * size[1]).reshape(size)


def _pairs(count: np.ndarray) -> np.ndarray:
    return count * (count - 1) / 2
