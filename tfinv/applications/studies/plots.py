"""What the figures of studies have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfinv.results.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["bars", "colour", "deviation", "mean", "picture_rows"]


def colour(place: int) -> str:
    """One for each line or bar, the same in every figure."""
    return COLOURS[place % len(COLOURS)]


def mean(values: np.ndarray) -> float:
    """Over the pictures that have a result; NaN if none has."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")


def deviation(values: np.ndarray) -> float:
    """Standard deviation (population), likewise."""
    there = values[np.isfinite(values)]
    return float(there.std()) if len(there) else float("nan")


def bars(axes: Axes, names: Sequence[str], values: Sequence[np.ndarray], label: str) -> None:
    """A bar a name: mean, standard deviation, and the mean in digits.

    Args:
      axes: where.
      names: below the bars.
      values: float [N] each, one number a picture.
      label: of the vertical axis.
    """
    means = [mean(v) for v in values]
    spread = [deviation(v) for v in values]
    colours = [colour(k) for k in range(len(names))]
    axes.bar(range(len(names)), means, yerr=spread, color=colours, width=0.62, capsize=3)
    for k, (height, more) in enumerate(zip(means, spread, strict=True)):
        axes.annotate(
            f"{height:.3g}",
            (k, height + more),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
        )
    axes.set_xticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axes.set_ylabel(label)
    axes.margins(y=0.12)


def picture_rows(
    figure: Figure | SubFigure, rows: Sequence[tuple[str, np.ndarray, np.ndarray | None]]
) -> None:
    """Pictures in rows, each row with its name.

    Args:
      figure: where.
      rows: (name, images [N, H, W, C] uint8 or float in [0, 1], RMSE [N] to write under them or
        None); all of one N.
    """
    grid = figure.subplots(len(rows), len(rows[0][1]), squeeze=False)
    for line, (name, images, rmse) in zip(grid, rows, strict=True):
        for k, (axes, image) in enumerate(zip(line, images, strict=True)):
            grey = image.shape[-1] == 1
            axes.imshow(image[..., 0] if grey else image, cmap="gray" if grey else None)
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_visible(False)
            if rmse is not None:
                axes.set_xlabel(f"{rmse[k]:.3f}", labelpad=1.5, fontsize=6)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
