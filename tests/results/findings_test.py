"""What an experiment leaves: a figure for print, numbers that read back, a table to paste."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest
from PIL import Image

from tfinv.results.findings import FILES, Findings, Table, markdown, write_findings
from tfinv.results.parts import Parts

ROWS = [("base", 0.034712345678, 12, None), ("a|b, ü", float("nan"), 3, 1234.5)]


def draw(figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1])
    axes.set_xlabel("evaluations")


def findings(**changes) -> Findings:
    made = {
        "title": "RMSE",
        "table": Table(("arm", "RMSE", "count", "x"), ROWS),
        "size": (3.0, 2.0),
        "draw": draw,
        "facts": {"ratio": np.float64(1.5), "none": float("inf")},
        "notes": ("left out: labels.",),
    }
    return Findings(**{**made, **changes})


def write(folder, **changes) -> None:
    with Parts(folder, config_text="--seed=0\n", files=FILES) as parts:
        write_findings(parts, findings(**changes))


def test_every_number_reads_back(tmp_path):
    write(tmp_path, curves=Table(("arm", "at"), [("base", 1), ("base", 2)]))
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["arm"] for row in rows] == ["base", "a|b, ü"]
    assert float(rows[0]["RMSE"]) == 0.0347123 and rows[0]["x"] == rows[1]["RMSE"] == ""
    assert (tmp_path / "curves.csv").read_text() == "arm,at\nbase,1\nbase,2\n"
    facts = json.loads((tmp_path / "study.json").read_text())
    assert facts["ratio"] == 1.5 and facts["none"] is None and facts["notes"]
    assert facts["table"][1] == {"arm": "a|b, ü", "RMSE": None, "count": 3, "x": 1234.5}


def test_the_table_can_be_pasted():
    lines = markdown(findings()).splitlines()
    assert lines[0] == "**RMSE**" and lines[-1] == "left out: labels."
    assert lines[2:6] == [
        "| arm | RMSE | count | x |",
        "| --- | --- | --- | --- |",
        "| base | 0.0347 | 12 | – |",
        "| a\\|b, ü | – | 3 | 1234 |",
    ]


def test_the_figure_is_fit_for_print_and_the_same_each_time(tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "other")
    with Image.open(tmp_path / "one" / "figure.png") as image:
        assert image.size == (900, 600)
        assert np.asarray(image.convert("L")).std() > 5
    one, other = ((tmp_path / name / "figure.png").read_bytes() for name in ("one", "other"))
    assert one == other
    assert not (tmp_path / "one" / "curves.csv").exists()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
