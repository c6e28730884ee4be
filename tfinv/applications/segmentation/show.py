"""Regions as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from tfinv.images.grids import contact_sheet
from tfinv.images.labels import PALETTE

__all__ = ["mean_colours", "overlay", "sheet"]


def mean_colours(picture: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Paints each region in the mean colour of its pixels (thesis, figure 8.3).

    Args:
      picture: float32 [H, W, C] in [0, 1].
      regions: int [H, W], from 0.

    Returns:
      float32 [H, W, C] in [0, 1].
    """
    flat = regions.ravel()
    sizes = np.maximum(np.bincount(flat), 1)
    means = [np.bincount(flat, channel.ravel()) / sizes for channel in np.moveaxis(picture, -1, 0)]
    return np.stack(means, -1).astype(np.float32)[regions]


def overlay(picture: np.ndarray, regions: np.ndarray, share: float = 0.6) -> np.ndarray:
    """Lays the colours of `tfinv.images.labels.PALETTE` over a picture.

    Args:
      picture: float32 [H, W, C], C of 1 or 3, in [0, 1].
      regions: int [H, W] in [0, 256).
      share: of the colours, in [0, 1]; the rest is the picture's grey.

    Returns:
      float32 [H, W, 3] in [0, 1].
    """
    grey = picture.mean(-1, keepdims=True)
    colours = PALETTE[regions].astype(np.float32) / 255
    return share * colours + (1 - share) * grey


def sheet(
    titles: Sequence[str],
    pictures: Sequence[np.ndarray],
    drawn: Sequence[np.ndarray],
    regions: Sequence[np.ndarray],
    clusters: Sequence[int],
    masks: Sequence[np.ndarray] | None,
) -> Image.Image:
    """A row a picture: the picture, what the generator draws, the regions, their mean colours.

    Args:
      titles: what to call each picture.
      pictures: float32 [H, W, C] in [0, 1] each.
      drawn: likewise, from the code.
      regions: int [len(clusters), H, W] for each picture.
      clusters: numbers of regions.
      masks: reference regions, int [H, W] for each picture, or None.
    """
    columns = ["picture", "drawn"]
    rows = [list(pair) for pair in zip(pictures, drawn, strict=True)]
    if masks is not None:
        columns.append("reference")
        for row, mask in zip(rows, masks, strict=True):
            row.append(overlay(row[0], mask))
    columns += [f"{count} regions" for count in clusters]
    columns += [f"colours of {count}" for count in clusters]
    for row, labels in zip(rows, regions, strict=True):
        row += [overlay(row[0], found) for found in labels]
        row += [mean_colours(row[0], found) for found in labels]
    return contact_sheet(rows, titles, columns)
