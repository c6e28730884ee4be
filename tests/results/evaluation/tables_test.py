"""The tables of an evaluation: what is written is what was measured."""

from __future__ import annotations

import csv
import io
import json
import sys

import numpy as np
import pytest
from PIL import Image
from results.evaluation import made

from tfinv.results.evaluation.figure import draw_bars
from tfinv.results.evaluation.tables import markdown, write_evaluation_tables


def some(**options):
    rng = np.random.default_rng(0)
    cells = [
        made.cell(name, layer, size * rng.uniform(0.5, 1, 6), labels=[0, 1] * 3)
        for name in ("samples", "test", "train")
        for layer, size in (("latent", 0.1), ("de|nse", 0.01))
    ]
    return made.evaluated(cells, pair=("train", "test"), class_names={0: "cat"}, **options)


def read(path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_csv_has_a_row_a_cell_with_its_numbers(tmp_path):
    evaluated = some()
    write_evaluation_tables(tmp_path, evaluated)
    rows = read(tmp_path / "evaluation.csv")
    assert [(row["set"], row["layer"]) for row in rows] == list(evaluated.cells)
    for row in rows:
        rmse = evaluated.cells[row["set"], row["layer"]].values["rmse"]
        assert float(row["rmse_mean"]) == pytest.approx(rmse.mean(), rel=1e-5)
        assert float(row["rmse_sd"]) == pytest.approx(rmse.std(), rel=1e-5)
        assert float(row["recovered"]) == pytest.approx((rmse < 0.02).mean())


def test_csv_by_class(tmp_path):
    evaluated = some()
    write_evaluation_tables(tmp_path, evaluated)
    rows = read(tmp_path / "by_class.csv")
    assert len(rows) == 12 and [row["name"] for row in rows[:2]] == ["cat", ""]
    rmse = evaluated.cells["samples", "latent"].values["rmse"]
    assert float(rows[1]["rmse_mean"]) == pytest.approx(rmse[1::2].mean(), rel=1e-5)
    compared = read(tmp_path / "comparison.csv")
    labels = [(row["layer"], row["class"]) for row in compared]
    assert labels[:2] == [("latent", ""), ("de|nse", "")]
    assert labels[2:] == [("latent", "0"), ("latent", "1"), ("de|nse", "0"), ("de|nse", "1")]


def test_json_is_json_whatever_is_missing(tmp_path):
    empty = [made.cell("samples", "latent", []), made.cell("samples", "dense", [], failed=1)]
    write_evaluation_tables(tmp_path, made.evaluated(empty))
    plain = json.loads((tmp_path / "evaluation.json").read_text())
    assert plain["verdict"]["trusted"] is None and plain["verdict"]["recovered"] is None
    assert plain["failed"] == 1 and plain["cells"][0]["rmse_mean"] is None
    assert not (tmp_path / "by_class.csv").exists() and not (tmp_path / "comparison.csv").exists()
    assert "| samples | - | - | 0 |" in markdown(made.evaluated(empty))
    assert draw_bars(made.evaluated(empty)).startswith(b"\x89PNG")


def test_markdown_begins_with_the_verdict_and_has_the_thesiss_table():
    evaluated = some()
    text = markdown(evaluated)
    assert text.startswith(evaluated.verdict.sentence)
    lines = text.splitlines()
    head = lines.index("| RMSE, mean (SD) | latent | de\\|nse | images |")
    rmse = evaluated.cells["samples", "latent"].values["rmse"]
    assert lines[head + 2].startswith(f"| samples | {rmse.mean():.5f} ({rmse.std():.5f}) |")
    assert lines[head + 2].endswith("| 6 |")
    assert sum(line.startswith("- ") for line in lines) == 2


def test_bars_are_as_high_as_their_means():
    low = [made.cell("a", "latent", [0.2, 0.2]), made.cell("b", "latent", [0.1, 0.1])]
    picture = np.asarray(Image.open(io.BytesIO(draw_bars(made.evaluated(low)))).convert("RGB"))
    heights = []
    for colour in ((0x2F, 0x6F, 0xB7), (0xC2, 0x70, 0x2A)):
        mask = (np.abs(picture.astype(int) - colour) < 3).all(-1)
        heights.append(mask.sum(0).max())
    assert heights[0] / heights[1] == pytest.approx(2, rel=0.1)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
