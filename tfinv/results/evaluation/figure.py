"""evaluation.png: mean RMSE of every set at every layer, as the thesis's figure 5.4."""

from __future__ import annotations

import io

import numpy as np

from tfinv.results.evaluation.tables import Evaluated
from tfinv.results.plots import COLOURS

__all__ = ["draw_bars"]

_DOTS = 200  # an inch: fit for print
_LONGEST = 20


def draw_bars(evaluated: Evaluated) -> bytes:
    """Draws a group of bars for each layer and a bar for each set.

    Error bars are one standard deviation over the pictures. The axis is linear, as the thesis's;
    each bar's mean stands above it, because those behind the dense layer are hard to see.

    Returns:
      A PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sets, layers = evaluated.sets, evaluated.layers
    width = 0.82 / len(sets)
    figure = Figure(figsize=(max(5.0, 1.0 + 0.62 * len(sets) * len(layers)), 3.6))
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    top = 0.0
    for i, name in enumerate(sets):
        cells = [evaluated.cells[name, layer] for layer in layers]
        means = np.array([cell.mean("rmse") for cell in cells])
        spread = np.nan_to_num([cell.sd("rmse") for cell in cells])
        places = np.arange(len(layers)) + (i - (len(sets) - 1) / 2) * width
        # No bar reaches below 0, and neither does its error.
        errors = np.stack([np.minimum(spread, np.nan_to_num(means)), spread])
        bars = axes.bar(
            places,
            np.nan_to_num(means),
            width * 0.94,
            yerr=errors,
            label=name,
            color=COLOURS[(i + 1) % len(COLOURS)],
            error_kw={"elinewidth": 0.8, "capsize": 2, "ecolor": "#444444"},
        )
        texts = ["" if np.isnan(mean) else f"{mean:.2g}" for mean in means]
        axes.bar_label(bars, texts, padding=2, fontsize=6.5)
        top = max(top, float(np.nanmax(np.append(means + spread, 0.0))))
    axes.set_xticks(np.arange(len(layers)), [_short(layer) for layer in layers])
    axes.set_xlabel("layer")
    axes.set_ylabel("RMSE, pictures in [0, 1]")
    axes.set_ylim(0, 1.12 * top or 1.0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=_DOTS, metadata={"Software": None})
    return buffer.getvalue()


def _short(layer: str) -> str:
    """A name of several scopes on as many lines, each of which fits its group."""
    parts = layer.removesuffix(":0").split("/")
    return "/\n".join(p if len(p) <= _LONGEST else f"{p[: _LONGEST - 3]}..." for p in parts)
