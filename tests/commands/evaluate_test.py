"""`python -m tfinv.evaluate`: what it leaves, what it says first, and how it refuses."""

from __future__ import annotations

import csv
import json
import os
import sys

import numpy as np
import pytest
from applications import photos
from commands.running import Done, run
from generators import hierarchical, tiny

from tfinv.results.load import iterate_results

LEFT = {"config.cfg", "evaluation.csv", "evaluation.json", "evaluation.md", "evaluation.png"}
BUDGET = "--max_evaluations=400,20"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> str:
    return tiny.dcgan(tmp_path_factory.mktemp("generator") / "tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(photos.write(tmp_path_factory.mktemp("photos"), photos.good(3)))


@pytest.fixture(scope="module")
def evaluate(saved, folder, tmp_path_factory):
    def call(*more: str, output_dir=None, sets=None) -> Done:
        sets = sets or f"--sets=samples=sample:3;train={folder}"
        output_dir = output_dir or tmp_path_factory.mktemp("out")
        return run(
            "tfinv.evaluate",
            f"--generator={saved}",
            sets,
            f"--output_dir={output_dir}",
            "--solver=adam",
            "--batch_size=3",
            *(more or ("--sets=test=noise:3", BUDGET)),
        )

    return call


@pytest.fixture(scope="module")
def done(evaluate, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    return evaluate(output_dir=out), out


def test_the_verdict_comes_first_and_all_that_is_promised_is_there(done):
    said, out = done
    assert said.status == 0, said
    assert said.out.startswith("Trusted: 3 of 3 samples")
    assert "Trusted: 3 of 3" in said.err  # long before the end of a long run
    assert (out / "evaluation.md").read_text().startswith("Trusted: 3 of 3")
    assert set(os.listdir(out)) == LEFT | {
        "comparison.csv",
        "report.html",
        "samples",
        "train",
        "test",
    }
    for name in ("samples", "train", "test"):
        assert (out / name / "contact_sheet.png").stat().st_size > 1000
        for layer in ("latent", "dense"):
            assert (out / name / layer / "codes-00000.npz").exists()
    page = (out / "report.html").read_text()
    assert page.index("Trusted: 3 of 3") < page.index("<table>")
    assert 'href="samples/dense/report.html"' in page and "http:" not in page


def test_the_numbers_are_those_of_the_cells(done):
    _, out = done
    facts = json.loads((out / "evaluation.json").read_text())
    assert facts["verdict"]["trusted"] is True and facts["compared"] == ["train", "test"]
    with open(out / "evaluation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["set"], row["layer"]) for row in rows] == [
        (name, layer) for name in ("samples", "train", "test") for layer in ("latent", "dense")
    ]
    for row in rows:
        there = list(iterate_results(out / row["set"] / row["layer"]))
        rmse = [result.rmse for result in there]
        assert float(row["rmse_mean"]) == pytest.approx(np.mean(rmse), rel=1e-4)
        assert float(row["rmse_sd"]) == pytest.approx(np.std(rmse), rel=1e-4)
        assert int(row["images"]) == len(there) == 3
    # Noise is no photograph: the sets differ, and it says so.
    assert facts["comparisons"][1]["differ"] is True


def test_its_flags_repeat_it_and_those_of_a_cell_repeat_the_cell(done, tmp_path):
    _, out = done
    again = run(
        "tfinv.evaluate", f"--flagfile={out / 'config.cfg'}", f"--output_dir={out}", "--count=2"
    )
    assert again.status == 0 and "2 of 2 samples" in again.out
    cell = out / "train" / "dense"
    one = run(
        "tfinv.evaluate", f"--flagfile={cell / 'config.cfg'}", f"--output_dir={tmp_path / 'one'}"
    )
    assert one.status == 0 and one.out.startswith("Unknown: "), one
    codes = [[r.code for r in iterate_results(f)] for f in (cell, tmp_path / "one/train/dense")]
    np.testing.assert_array_equal(*codes)


def test_layers_can_be_added_where_they_optimise_more(tmp_path):
    """Behind the dense layer the latent is free too, which decides nothing at the latent."""
    saved, out = hierarchical.hierarchical(tmp_path / "generator"), tmp_path / "out"
    asked = [f"--generator={saved}", "--sets=noise=noise:1", f"--output_dir={out}", "--label=0"]
    few = ["--solver=adam", "--batch_size=1"]
    first = run("tfinv.evaluate", *asked, *few, "--layers=latent", "--max_evaluations=2")
    both = run("tfinv.evaluate", *asked, *few, "--layers=latent,dense", "--max_evaluations=2,2")
    assert first.status == both.status == 0, both
    assert "--optimize=code\n" in (out / "noise/latent/config.cfg").read_text()
    assert "--optimize=code,latent\n" in (out / "noise/dense/config.cfg").read_text()


def test_too_small_a_budget_is_not_trusted(evaluate):
    said = evaluate("--max_evaluations=1", "--layers=latent", sets="--sets=samples=sample:3")
    assert said.status == 0 and said.out.startswith("Not trusted: 0 of 3")
    assert "do not speak about the generator" in said.out


def test_a_picture_that_cannot_be_read_is_named_and_counted(evaluate, tmp_path):
    photos.write(tmp_path / "p", {**photos.good(1), "torn.png": b"no picture"})
    out = tmp_path / "out"
    said = evaluate(
        "--layers=latent", "--max_evaluations=20", sets=f"--sets=p={tmp_path / 'p'}", output_dir=out
    )
    assert said.status == 1 and "1 picture failed" in said.out
    assert "torn.png" in (out / "p" / "latent" / "images.csv").read_text()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--sets=x"], ["NAME=IMAGES"]),
        (["--sets=samples=noise:2"], ["samples", "twice"]),
        (["--layers=latent,nowhere"], ["nowhere"]),
        (["--layers=dense,latent,dense"], ["share a folder"]),
        (["--max_evaluations=1,2,3"], ["3 budgets", "2"]),
        (["--max_evaluations=many"], ["many"]),
        (["--compare=train"], ["two sets"]),
        (["--compare=train,nowhere"], ["nowhere", "train"]),
        (["--count=0"], ["count"]),
        (["--later_start=before"], ["later_start"]),
        (["--loss=nonsense"], ["nonsense"]),
        (["--label=3"], ["--label=3"]),
        (["--label=unknown"], ["tfinv.invert"]),
        (["--output_dir=/nowhere/at/all"], ["/nowhere/at"]),
    ],
)
def test_what_makes_no_sense_is_one_line(flags, words, evaluate):
    evaluate(*flags).refused(*words)


def test_a_folder_with_something_else_is_left_alone(evaluate, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    evaluate(output_dir=tmp_path).refused("mine.txt", "another --output_dir")
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_a_cell_of_another_seed_is_refused_unless_overwritten(done, evaluate):
    _, out = done
    evaluate("--seed=3", output_dir=out).refused("--seed=0 there, --seed=3 now", "--overwrite")
    assert "--seed=0\n" in (out / "config.cfg").read_text()


def test_help_teaches():
    said = run("tfinv.evaluate", "--help")
    assert said.status == 0
    for words in ("verdict", "--sets", "NAME=IMAGES", "noise:N", "--later_start", "latent"):
        assert words in said.out


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
