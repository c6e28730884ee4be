"""images.csv and summary.json, written in one pass over the shards."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import BinaryIO

from tfinv.results.record import ImageResult
from tfinv.results.store import Store
from tfinv.results.tally import RunInfo, Tally

__all__ = ["COLUMNS", "summary", "write_tables"]

COLUMNS = ("name", "label", "stage", "rmse", "psnr", "ssim", "evaluations", "status", "note")
"""The columns of images.csv; a metric of a failed image is empty."""


def write_tables(store: Store, info: RunInfo) -> Tally:
    """Writes images.csv (a row an image and stage, in the order of completion) and summary.json.

    Args:
      store: whose rows are written.
      info: what the rows do not say.

    Returns:
      The run's numbers.

    Raises:
      UserError: if a file cannot be written or a shard is damaged.
    """
    tally = Tally(info.stages)

    def write_csv(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in tally.count(store.rows()):
            writer.writerow(_cell(row, column) for column in COLUMNS)
        text.flush()
        text.detach()

    store.write("images.csv", write_csv)
    text = json.dumps(summary(tally, info), indent=2, allow_nan=False) + "\n"
    store.write("summary.json", lambda file: file.write(text.encode()))
    return tally


def summary(tally: Tally, info: RunInfo) -> dict:
    """What summary.json holds; a number that does not exist is null.

    RMSE has its mean and (population) standard deviation by stage, over the images that did not
    fail; PSNR in decibels, SSIM and evaluations have their means. Slots tell how many evaluations
    were computed for all images, and how many of them in vain: for one that was done already, or
    for none.
    """
    means = {
        name: {stage: _number(numbers.mean(name)) for stage, numbers in tally.stages.items()}
        for name in ("psnr", "ssim", "evaluations")
    }
    solved = tally.images if info.solved is None else info.solved
    return {
        "images": tally.images,
        "failed": tally.failed,
        "partial": info.partial,
        "generator": info.generator,
        "stages": list(info.stages),
        "solver": info.solver,
        "seconds": round(info.seconds, 3),
        "images_per_second": _number(solved / info.seconds) if info.seconds > 0 else None,
        "rmse": {
            stage: {
                "mean": _number(numbers.rmse.mean()) if numbers.count else None,
                "std": _number(numbers.rmse.std()) if numbers.count else None,
            }
            for stage, numbers in tally.stages.items()
        },
        **means,
        "slots": _slots(*info.spending),
    }


def _slots(computed: int, wasted: int) -> dict[str, int] | None:
    return {"computed": computed, "wasted": wasted} if computed else None


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _cell(row: ImageResult, column: str) -> str | int:
    value = getattr(row, column)
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
