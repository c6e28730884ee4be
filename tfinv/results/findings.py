"""What an experiment has found, as files: a figure, its numbers, and a table to paste."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from tfinv.results.parts import Parts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FILES", "Findings", "Table", "write_findings"]

FILES = ("figure.png", "table.md", "table.csv", "curves.csv", "study.json")
"""Every name that `write_findings` uses."""

_DPI = 300
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.0,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
}

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows of numbers and names.

    Attributes:
      columns: their names, units included.
      rows: a cell a column; a number that does not exist is None or NaN.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Findings:
    """An experiment's outcome.

    Attributes:
      title: one line.
      table: the summary.
      size: of the figure, width and height in inches.
      draw: draws the figure, empty when given.
      facts: what was done, and further numbers, as JSON has them.
      notes: sentences that a reader must know, such as what was left out.
      curves: the numbers behind lines in the figure, if it has any.
    """

    title: str
    table: Table
    size: tuple[float, float]
    draw: Callable[[Figure], None]
    facts: dict
    notes: tuple[str, ...] = ()
    curves: Table | None = None


def write_findings(folder: Parts, findings: Findings) -> None:
    """Writes `FILES`; curves.csv only if there are curves.

    Raises:
      UserError: if the file system refuses.
    """
    table, curves = findings.table, findings.curves
    folder.write("table.csv", lambda file: file.write(_csv(table)))
    if curves is not None:
        folder.write("curves.csv", lambda file: file.write(_csv(curves)))
    folder.write("table.md", lambda file: file.write(markdown(findings).encode()))
    text = json.dumps(_plain(_as_dict(findings)), indent=2, allow_nan=False) + "\n"
    folder.write("study.json", lambda file: file.write(text.encode()))
    folder.write("figure.png", lambda file: _draw(findings, file))


def markdown(findings: Findings) -> str:
    """The title, the table and the notes, ready to be pasted."""
    table = findings.table
    rows = [table.columns, ["---"] * len(table.columns)]
    rows += [[_shown(cell) for cell in row] for row in table.rows]
    lines = [f"**{findings.title}**", "", *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join([*lines, *(f"\n{note}" for note in findings.notes)]) + "\n"


def _as_dict(findings: Findings) -> dict:
    def records(table: Table) -> list[dict]:
        return [dict(zip(table.columns, row, strict=True)) for row in table.rows]

    return {
        "title": findings.title,
        **findings.facts,
        "notes": list(findings.notes),
        "table": records(findings.table),
    }


def _csv(table: Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow("" if (cell := _plain(value)) is None else cell for value in row)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _plain(value):
    """As JSON has it: six digits a number, null for one that does not exist."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (bool, str, int)) or value is None:
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _shown(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if isinstance(cell, float):
        if 1e-3 <= abs(cell) < 1:
            return f"{cell:.4f}"
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return str(cell).replace("|", "\\|")


def _draw(findings: Findings, file: BinaryIO) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=findings.size, layout="constrained", dpi=_DPI)
        canvas = FigureCanvasAgg(figure)
        findings.draw(figure)
        # Without the library's name and version, the same numbers are the same file.
        canvas.print_png(file, metadata={"Software": None})
