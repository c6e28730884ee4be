"""The one plot of a report: how RMSE is distributed, stage by stage."""

from __future__ import annotations

import io

import numpy as np

from tfinv.results.tally import Tally

__all__ = ["rmse_histogram"]

# matplotlib knows no "colour of the surrounding text"; this stands for it and is replaced.
_INK = "#010203"
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
COLOURS = ("#8a93a6", "#2f6fb7", "#c2702a", "#3f8f5b", "#8d5aa5")
"""One a stage, readable on white and on black; the first is the palest because it matters least."""


def rmse_histogram(tally: Tally) -> str:
    """Draws the histograms of all stages over one axis.

    Args:
      tally: the run's numbers.

    Returns:
      An `<svg>` element without outside references, its text in the colour of the page's text
      (the page sets its font and width by CSS); "" if no image has a result.
    """
    stages = {stage: n.rmse[np.isfinite(n.rmse)] for stage, n in tally.stages.items()}
    stages = {stage: values for stage, values in stages.items() if len(values)}
    if not stages:
        return ""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    largest = max(values.max() for values in stages.values()) or 1.0
    count = max(len(values) for values in stages.values())
    bins = np.linspace(0, largest * 1.02, 2 + min(48, max(10, 2 * int(np.sqrt(count)))))
    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "tfinv",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
    }
    with rc_context(style):
        figure = Figure(figsize=(6.4, 2.3), layout="constrained")
        axes = figure.add_subplot()
        for i, (stage, values) in enumerate(stages.items()):
            colour = COLOURS[min(i + (len(stages) == 1), len(COLOURS) - 1)]
            label = f"{stage}, mean {values.mean():.3f}"
            axes.hist(values, bins, color=colour, alpha=0.75, label=label)
        axes.set_xlim(0, bins[-1])
        axes.yaxis.get_major_locator().set_params(integer=True, nbins=4)
        axes.set_xlabel("RMSE", color=_INK)
        axes.set_ylabel("images", color=_INK)
        axes.tick_params(colors=_INK, length=3)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("bottom", "left"))
            spine.set_color(_INK)
        axes.legend(frameon=False, labelcolor=_INK)
        axes.patch.set_alpha(0)
        figure.patch.set_alpha(0)
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata=_NO_METADATA)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :].replace(_INK, "currentColor")
