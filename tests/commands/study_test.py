"""`python -m tfinv.study` as a user meets it."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from commands.running import run
from generators import tiny
from PIL import Image

from tfinv.applications.studies.registry import STUDIES

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> str:
    return tiny.labelled(tmp_path_factory.mktemp("generator") / "tiny")


def study(name, generator, folder, *more):
    given = (f"--study={name}", f"--generator={generator}", f"--output_dir={folder}")
    return run("tfinv.study", *given, "--count=2", "--max_evaluations=12", *more)


def test_a_study_leaves_its_figure_and_table_and_is_not_done_twice(generator, tmp_path):
    done = study("gradient", generator, tmp_path / "out")
    assert done.status == 0, done.err
    names = {path.name for path in (tmp_path / "out").iterdir() if "part-" not in path.name}
    assert names == {"config.cfg", "figure.png", "study.json", "table.csv", "table.md"}
    with open(tmp_path / "out" / "table.csv", newline="") as file:
        rows = {row["gradient"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["base", "random label", "modified gradient"]
    assert all(
        0 < float(row["RMSE"]) < 1 and float(row["evaluations"]) == 12 for row in rows.values()
    )
    facts = json.loads((tmp_path / "out" / "study.json").read_text())
    ratio = float(rows["base"]["RMSE"]) / float(rows["modified gradient"]["RMSE"])
    assert facts["base_over_modified"] == pytest.approx(ratio, rel=1e-4)
    assert (tmp_path / "out" / "table.md").read_text() in done.out
    with Image.open(tmp_path / "out" / "figure.png") as figure:
        assert figure.width >= 2000

    config = tmp_path / "out" / "config.cfg"
    parts = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    again = run("tfinv.study", f"--flagfile={config}", f"--output_dir={tmp_path / 'out'}")
    assert (again.status, again.out) == (0, done.out)
    assert parts == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    study("gradient", generator, tmp_path / "out", "--seed=1").refused("--seed=0 there")


def test_pictures_that_fail_cost_no_other(tmp_path):
    generator = tiny.dcgan(tmp_path / "tiny")
    (tmp_path / "a.png").write_bytes(b"torn")
    Image.new("RGB", (8, 8), (9, 99, 199)).save(tmp_path / "b.png")
    images = f"--images={tmp_path / 'a.png'},{tmp_path / 'b.png'},noise:3"
    done = study("gradient", generator, tmp_path / "out", images)
    assert done.status == 1
    assert "failed: a.png" in done.err and "1 pictures" in done.out
    assert "note: the first 2 of 5 pictures" in done.err
    assert "the generator takes no labels" in done.out


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("gradient", ["--loss=mse"], ["--loss", "drop it"]),
        ("gradient", ["--latent_evaluations=3"], ["--latent_evaluations", "--study=gradient"]),
        ("gradient", ["--feature_network=x"], ["--feature_network", "--study=gradient"]),
        ("losses", ["--feature_weight=1"], ["add --feature_network"]),
        ("losses", ["--likelihood_weight=-1"], ["--likelihood_weight=-1", "positive"]),
        ("components", ["--projection_weights=2,1"], ["--projection_weights=2,1", "rise"]),
        ("components", ["--projection_weights=0"], ["positive"]),
        ("components", ["--projection_weights=a"], ["no list of numbers"]),
        ("gradient", ["--max_evaluations=10,20"], ["--max_evaluations=10,20", "one number"]),
        ("gradient", ["--solver=newton"], ["newton", "adam"]),
        ("gradient", ["--images=nowhere.png"], ["nowhere.png"]),
        ("open_relus", [], ["lower --latent_evaluations"]),
        ("all", [], ["open_relus"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(generator, tmp_path, name, more, words):
    study(name, generator, tmp_path / "out", *more).refused(*words)


def test_every_study_has_a_config_that_names_it():
    found = {path.stem.removeprefix("study_"): path for path in CONFIGS.glob("study_*.cfg")}
    assert found.keys() == STUDIES.keys()
    for name, path in found.items():
        lines = path.read_text().splitlines()
        assert f"--study={name}" in lines
        assert any(f"--flagfile=configs/{path.name}" in line for line in lines[:12])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
