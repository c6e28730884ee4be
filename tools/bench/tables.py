"""What was measured, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.contest import Measured
from bench.contestants import CONTESTANTS

__all__ = ["REFERENCE", "markdown", "reach_table", "rows"]

REFERENCE = "torch"  # what the others' times are divided by


def rows(results: Mapping[str, Measured], batch: int, gflop: float) -> list[dict[str, Any]]:
    """One record for each contestant.

    The ratio is the median over the rounds of the ratio within a round: what slows the machine for
    a while slows both. Beside it stands the ratio of the quickest rounds: what disturbs one
    processor in a round costs a program that keeps all of them busy the most.
    """
    reference = results.get(REFERENCE)
    made = []
    for name, found in results.items():
        ms = np.asarray(found.ms)
        speed = batch * gflop / float(ms.min()) * 1e3
        ratio = least_ratio = None
        if reference is not None:
            others = np.asarray(reference.ms)
            ratio = float(np.median(ms / others))
            least_ratio = float(ms.min() / others.min())
        made.append(
            {
                "program": name,
                "ms": float(np.median(ms)),
                "least_ms": float(ms.min()),
                "gflops": speed,
                "peak_gflops": max(found.peak),
                "share_of_peak": speed / max(found.peak),
                "ratio": ratio,
                "least_ratio": least_ratio,
                "first_seconds": found.first,
                "rounds_ms": found.ms,
            }
        )
    return made


def markdown(
    generator: str, layer: str, batch: int, gflop: float, records: Sequence[dict[str, Any]]
) -> str:
    """A table of `rows`."""
    lines = [
        f"{generator}, layer {layer}, batch {batch}: {gflop:.3g} GFLOP an image and step",
        "",
        "| program | ms a step: median (least) | / PyTorch eager | GFLOP/s at least ms "
        "| of the peak matmul | first step, s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in records:
        ratio = ""
        if row["ratio"] is not None:
            ratio = f"{row['ratio']:.2f} ({row['least_ratio']:.2f})"
        lines.append(
            f"| {CONTESTANTS[row['program']].title} | {row['ms']:.3g} ({row['least_ms']:.3g}) "
            f"| {ratio} | {row['gflops']:.0f} | {row['share_of_peak']:.0%} of "
            f"{row['peak_gflops']:.0f} | {row['first_seconds']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def reach_table(
    rmse: float, batch: int, needed: Mapping[str, int | None], records: Sequence[dict[str, Any]]
) -> str:
    """Seconds an image to an RMSE: evaluations needed, times what one takes.

    Args:
      rmse: to be reached on average.
      batch: that `records` were measured at.
      needed: evaluations by solver, "lbfgs" and "adam".
      records: of `rows`.
    """
    lines = [
        f"To a mean RMSE of {rmse:g}, by the milliseconds above:",
        "",
        "| program | evaluations | s an image | times as long |",
        "| --- | --- | --- | --- |",
    ]
    seconds = {}
    for row in records:
        solver = "lbfgs" if row["program"] == "tfinv" else "adam"
        if needed[solver] is not None:
            seconds[row["program"]] = needed[solver] * row["ms"] / batch / 1e3
    for name, value in seconds.items():
        times = f"{value / seconds['tfinv']:.3g}" if "tfinv" in seconds else ""
        count = needed["lbfgs" if name == "tfinv" else "adam"]
        lines.append(f"| {CONTESTANTS[name].title} | {count} | {value:.3g} | {times} |")
    return "\n".join(lines) + "\n"
