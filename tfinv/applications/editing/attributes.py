"""Which pictures have an attribute: a table of labels by name, or the classes of the run itself."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.generator import Generator

__all__ = ["CLASS", "TOGETHER", "find_attribute", "read_attributes", "together"]

CLASS = "class:"
"""What the name of an attribute begins with that a class of the run's pictures is."""

TOGETHER = 0.3
"""Correlation of two attributes' labels from which on they are said to go together."""

_NAME = "name"
# With decimals, as pandas writes a column that has unknown cells.
_VALUES = {"0": 0.0, "-1": 0.0, "1": 1.0, "+1": 1.0, "0.0": 0.0, "-1.0": 0.0, "1.0": 1.0}
_UNKNOWN = ""


def read_attributes(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Reads a table of attributes.

    Args:
      path: a CSV file with a column `name`, and one for each attribute: 1 for pictures that have
        it, 0 (or -1, as CelebA writes it) for those that have not, nothing where it is not known.
      names: of the pictures; rows about others are passed over.

    Returns:
      float64 [N] by attribute: 1.0, 0.0, or NaN where it is not known. Columns with other values
      than these are no attributes, and left out.

    Raises:
      UserError: if it cannot be read, names a picture twice, or none of these, or has no attribute.
    """
    places = {name: place for place, name in enumerate(names)}
    columns, rows = _read(path)
    kept: dict[str, list[str]] = {}
    for number, row in rows:
        name = row[columns.index(_NAME)]
        if name in kept:
            raise UserError(f"{path}, line {number}: the picture {name!r} comes twice: drop one")
        if name in places:
            kept[name] = row
    if not kept:
        raise UserError(
            f"{path}: names none of the {len(names)} pictures of the run, which are called "
            f"{', '.join(list(names)[:3])} and so on: see its images.csv"
        )
    found, seen = {}, ""
    for place, column in enumerate(columns):
        texts = {name: row[place].strip() for name, row in kept.items()}
        if column == _NAME:
            continue
        strange = next((n for n, t in texts.items() if t not in {*_VALUES, _UNKNOWN}), None)
        if strange is not None:
            seen = seen or f"; {column!r} is {texts[strange]!r} for {strange}"
            continue
        values = np.full(len(names), np.nan)
        for name, text in texts.items():
            values[places[name]] = _VALUES.get(text, np.nan)
        found[column] = values
    if not found:
        raise UserError(
            f"{path}: has no attribute, that is a column of 0 and 1 (or -1) and nothing else{seen}"
        )
    return found


def find_attribute(
    name: str,
    table: Mapping[str, np.ndarray],
    classes: Sequence[int | None],
    generator: Generator,
) -> np.ndarray:
    """Who has an attribute.

    Args:
      name: a column of the table; or "class:3" for pictures of that class, against those of all
        others, by number or by the name that the generator knows.
      table: from `read_attributes`; empty if there is none.
      classes: of the pictures, None where one has none.
      generator: for names of classes.

    Returns:
      float64 [N]: 1.0, 0.0, or NaN where it is not known.

    Raises:
      UserError: if there is no such attribute.
    """
    if name.startswith(CLASS):
        return _of_class(name, classes, generator)
    if not table:
        raise UserError(
            f"attribute {name!r}: give a table with --attributes, or a class of the run's pictures "
            f"as {CLASS}3"
        )
    if name not in table:
        near = difflib.get_close_matches(name, table, 3, 0.4) or list(table)[:5]
        raise UserError(
            f"the table has no attribute {name!r}, that is a column of 0, 1 and nothing else; it "
            f"has {', '.join(near) or 'none at all'}"
        )
    return table[name]


def together(
    values: np.ndarray, others: Mapping[str, np.ndarray], least: float = TOGETHER
) -> dict[str, float]:
    """The attributes that go together with one, or exclude it.

    Args:
      values: float64 [N]: 1.0, 0.0, or NaN.
      others: the same by attribute.
      least: size of a correlation from which on it counts.

    Returns:
      Pearson's correlation of the labels, in [-1, 1], by attribute; the largest first.
    """
    found = {}
    for name, other in others.items():
        known = np.isfinite(values) & np.isfinite(other)
        one, two = values[known], other[known]
        if len(one) and one.std() > 0 and two.std() > 0:
            found[name] = float(np.corrcoef(one, two)[0, 1])
    strong = [name for name, share in found.items() if abs(share) >= least]
    return {name: found[name] for name in sorted(strong, key=lambda each: -abs(found[each]))}


def _of_class(name: str, classes: Sequence[int | None], generator: Generator) -> np.ndarray:
    text = name.removeprefix(CLASS)
    known = sorted({label for label in classes if label is not None})
    if not known:
        raise UserError(f"attribute {name!r}: the pictures of the run came without a class")
    wanted = int(text) if text.isdecimal() else generator.label(text)
    if wanted not in known:
        there = ", ".join(map(str, known[:12])) + (", ..." if len(known) > 12 else "")
        raise UserError(
            f"attribute {name!r}: none of the pictures is of that class; there are {there}"
        )
    return np.asarray([np.nan if label is None else float(label == wanted) for label in classes])


def _read(path: str | Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The columns of a table, and its rows with their lines."""
    try:
        with open(Path(path).expanduser(), newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            columns = [column.strip() for column in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is no table of comma-separated values: {error}") from error
    if columns.count(_NAME) != 1 or len(set(columns)) < len(columns):
        raise UserError(
            f"{path}: its first line names no column {_NAME!r}, or one twice: write a table such "
            "as name,smiling and then a.png,1, with commas"
        )
    for number, row in rows:
        if len(row) != len(columns):
            raise UserError(
                f"{path}, line {number}: has {len(row)} values for {len(columns)} columns"
            )
    return columns, rows
