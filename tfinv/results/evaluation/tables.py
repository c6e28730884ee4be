"""evaluation.csv, by_class.csv, comparison.csv, evaluation.json and evaluation.md."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tfinv.results.evaluation.cells import METRICS, Cell
from tfinv.results.evaluation.verdict import Comparison, Verdict, sentence_of
from tfinv.results.files import write_atomically

__all__ = ["Evaluated", "rows_of", "write_evaluation_tables"]

CSV = "evaluation.csv"
COLUMNS = (
    "set",
    "layer",
    "images",
    "failed",
    *(f"{metric}_{what}" for metric in METRICS for what in ("mean", "sd")),
    "rmse_error",
    "recovered",
    "evaluations",
    "seconds",
)
"""The columns of evaluation.csv; rmse_error is the standard error of the mean."""
_TITLES = {"rmse": "RMSE", "psnr": "PSNR, dB", "ssim": "SSIM"}
_DIGITS = {"rmse": 5, "psnr": 2, "ssim": 4}


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """All that there is to say of an evaluation.

    Attributes:
      generator: its path or name.
      sets: names, in order.
      layers: names, in order.
      cells: by set and layer; every combination is there.
      verdict: of the whole.
      pair: the two sets that are compared, or None.
      comparisons: of the pair, layer by layer.
      class_comparisons: of the pair, layer by layer and class by class.
      class_names: by class, where they are known.
      config: the flags, a line each.
    """

    generator: str
    sets: tuple[str, ...]
    layers: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    verdict: Verdict
    pair: tuple[str, str] | None
    comparisons: Sequence[Comparison]
    class_comparisons: Sequence[Comparison]
    class_names: Mapping[int, str]
    config: str

    @property
    def partial(self) -> bool:
        """Whether pictures are still to be done."""
        return any(cell.partial for cell in self.cells.values())

    @property
    def failed(self) -> int:
        """How many pictures failed, each counted once a set."""
        return sum(
            max(self.cells[name, layer].failed for layer in self.layers) for name in self.sets
        )

    @property
    def labelled(self) -> list[Cell]:
        """The cells of one class each, in the order of sets, layers and classes."""
        return [
            part
            for name in self.sets
            for layer in self.layers
            for part in self.cells[name, layer].by_class().values()
        ]


def write_evaluation_tables(folder: Path, evaluated: Evaluated) -> None:
    """Writes the tables into a folder; those by class and of two sets only if there are such.

    Raises:
      UserError: if the file system refuses.
    """
    ordered = [evaluated.cells[key] for key in _keys(evaluated)]
    _write_csv(folder / CSV, COLUMNS, map(_row, ordered))
    _write(folder / "evaluation.md", markdown(evaluated))
    text = json.dumps(_plain(evaluated, ordered), indent=2, allow_nan=False)
    _write(folder / "evaluation.json", text + "\n")
    if evaluated.labelled:
        names = evaluated.class_names
        columns = ("set", "layer", "class", "name", *COLUMNS[2:-1])
        rows = (_class_row(cell, columns, names) for cell in evaluated.labelled)
        _write_csv(folder / "by_class.csv", columns, rows)
    if evaluated.comparisons:
        compared = [*evaluated.comparisons, *evaluated.class_comparisons]
        rows = [_comparison_row(comparison) for comparison in compared]
        _write_csv(folder / "comparison.csv", tuple(rows[0]), rows)


def rows_of(evaluated: Evaluated, metric: str) -> list[list[str]]:
    """A table of one metric: a row a set, its name first, then mean (SD) at every layer."""
    return [
        [name, *(_mean_and_sd(evaluated.cells[name, layer], metric) for layer in evaluated.layers)]
        for name in evaluated.sets
    ]


def markdown(evaluated: Evaluated) -> str:
    """The verdict, a table for each metric in the thesis's form (its table 5.1), the comparison."""
    parts = [evaluated.verdict.sentence]
    if evaluated.partial:
        parts.append("The evaluation is not complete: give the same command again to go on.")
    for metric in METRICS:
        head = [f"{_TITLES[metric]}, mean (SD)", *evaluated.layers, "images"]
        lines = [head, ["---", *["---:"] * (len(head) - 1)]]
        for row in rows_of(evaluated, metric):
            counts = [evaluated.cells[row[0], layer].count for layer in evaluated.layers]
            few, many = min(counts), max(counts)
            lines.append([*row, str(many) if few == many else f"{few} to {many}"])
        parts.append("\n".join("| " + " | ".join(map(_escape, line)) + " |" for line in lines))
    if evaluated.comparisons:
        sentences = (sentence_of(c, evaluated.pair) for c in evaluated.comparisons)
        parts.append("\n".join(f"- {sentence}" for sentence in sentences))
    return "\n\n".join(parts) + "\n"


def _keys(evaluated: Evaluated) -> list[tuple[str, str]]:
    return [(name, layer) for name in evaluated.sets for layer in evaluated.layers]


def _mean_and_sd(cell: Cell, metric: str) -> str:
    if not cell.count:
        return "-"
    digits = _DIGITS[metric]
    return f"{cell.mean(metric):.{digits}f} ({cell.sd(metric):.{digits}f})"


def _row(cell: Cell) -> dict:
    numbers = {
        f"{metric}_{what}": _number(getattr(cell, what)(metric))
        for metric in METRICS
        for what in ("mean", "sd")
    }
    return {
        "set": cell.set,
        "layer": cell.layer,
        "images": cell.images,
        "failed": cell.failed,
        **numbers,
        "rmse_error": _number(cell.error("rmse")),
        "recovered": _number(cell.recovered),
        "evaluations": _number(cell.mean("evaluations")),
        "seconds": round(cell.seconds, 1),
    }


def _class_row(cell: Cell, columns: Sequence[str], names: Mapping[int, str]) -> dict:
    label = cell.labels[0]
    row = {**_row(cell), "class": label, "name": names.get(label)}
    return {column: row[column] for column in columns}


def _comparison_row(comparison: Comparison) -> dict:
    return {
        "layer": comparison.layer,
        "class": comparison.label,
        "first": _number(comparison.first),
        "first_error": _number(comparison.first_error),
        "second": _number(comparison.second),
        "second_error": _number(comparison.second_error),
        "difference": _number(comparison.difference),
        "error": _number(comparison.error),
        "limit_in_errors": _number(comparison.limit),
        "differ": comparison.differ,
    }


def _plain(evaluated: Evaluated, ordered: Sequence[Cell]) -> dict:
    verdict = evaluated.verdict
    return {
        "verdict": {
            "trusted": verdict.trusted,
            "recovered": _number(verdict.recovered),
            "sentence": verdict.sentence,
        },
        "generator": evaluated.generator,
        "partial": evaluated.partial,
        "failed": evaluated.failed,
        "seconds": round(sum(cell.seconds for cell in ordered), 1),
        "sets": list(evaluated.sets),
        "layers": list(evaluated.layers),
        "cells": [_row(cell) for cell in ordered],
        "compared": list(evaluated.pair) if evaluated.pair else None,
        "comparisons": [_comparison_row(c) for c in evaluated.comparisons],
        "flags": evaluated.config.splitlines(),
    }


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write(text.encode("utf-8", "backslashreplace")))


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)
    _write(path, text.getvalue())
