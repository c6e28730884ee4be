"""`python -m tfinv.interpolate` as a user meets it."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
from commands.running import run
from generators import hierarchical, tiny
from PIL import Image

import tfinv
from tfinv.images.ranges import to_uint8
from tfinv.results.load import load_results


@pytest.fixture(scope="module", name="runs")
def inverted_by_two(tmp_path_factory):
    """Three samples of a generator without labels, and of one with, in folders of their own."""
    root = tmp_path_factory.mktemp("runs")
    plain = tiny.dcgan(root / "plain_generator")
    chunks = hierarchical.hierarchical(root / "chunks_generator")
    for name, generator, dense in (("plain", plain, "dense"), ("chunks", chunks, "map:0")):
        given = (f"--generator={generator}", f"--output_dir={root / name}", "--images=sample:3")
        done = run("tfinv.invert", *given, f"--stages=latent,{dense}", "--max_evaluations=15")
        assert done.status == 0, done.err
    return root


def interpolate(folder, results, path, *more):
    given = (f"--results={results}", f"--path={path}", f"--output_dir={folder}")
    return run("tfinv.interpolate", *given, "--steps=4", *more)


def cells(folder, number, side):
    """The pictures of a strip."""
    with Image.open(folder / f"strip-{number:04d}.png") as strip:
        pixels = np.asarray(strip)
    assert pixels.shape[0] == side
    return [pixels[:, left : left + side] for left in range(0, pixels.shape[1], side + 2)]


@pytest.mark.parametrize(("run_name", "side"), [("plain", 8), ("chunks", 16)])
def test_strips_of_stages_end_at_the_stored_pixels(runs, tmp_path, run_name, side):
    done = interpolate(tmp_path / "out", runs / run_name, "stages")
    assert done.status == 0, done.err
    stages = [load_results(runs / run_name, stage) for stage in ("latent", None)]
    for row in range(3):
        strip = cells(tmp_path / "out", row, side)
        assert len(strip) == 4
        for shown, stage in zip((strip[0], strip[-1]), stages, strict=True):
            np.testing.assert_array_equal(shown, to_uint8(stage.images[row]))


def test_strips_of_pictures_end_at_the_stored_pixels(runs, tmp_path):
    done = interpolate(tmp_path / "out", runs / "chunks", "pictures", "--closed", "--film=gif,mp4")
    assert done.status == 0, done.err
    images = to_uint8(load_results(runs / "chunks").images)
    for number, (one, other) in enumerate([(0, 1), (1, 2), (2, 0)]):
        strip = cells(tmp_path / "out", number, 16)
        np.testing.assert_array_equal(strip[0], images[one])
        np.testing.assert_array_equal(strip[-1], images[other])
    with Image.open(tmp_path / "out" / "film.gif") as film:
        assert film.n_frames == 3 * 4 - 2 and film.size == (256, 256)
    assert (tmp_path / "out" / "film.mp4").read_bytes()[4:8] == b"ftyp"
    assert str(tmp_path / "out" / "grid.png") in done.out


def test_codes_and_errors_are_left_beside_the_pictures(runs, tmp_path):
    out = tmp_path / "out"
    done = interpolate(out, runs / "plain", "pictures", "--pairs=2:sample-00000", "--beyond=1")
    assert done.status == 0, done.err
    assert {path.name for path in out.iterdir()} == {
        "config.cfg",
        "grid.png",
        "path-0000.npz",
        "paths.csv",
        "strip-0000.png",
    }
    results = load_results(runs / "plain")
    with np.load(out / "path-0000.npz") as arrays:
        np.testing.assert_array_equal(arrays["codes"][[1, -2]], results.codes[[2, 0]])
        np.testing.assert_allclose(arrays["a"] * 3, [-1, 0, 1, 2, 3, 4])
        images = arrays["images"]
    with open(out / "paths.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == list("012345")
    assert {(row["first"], row["last"]) for row in rows} == {("sample-00002", "sample-00000")}
    for row, image in zip(rows, images, strict=True):
        for column, place in (("rmse_first", 2), ("rmse_last", 0)):
            apart = image / 255.0 - results.targets[place]
            assert float(row[column]) == pytest.approx(np.sqrt(np.mean(apart**2)), abs=3e-3)


@pytest.mark.parametrize(("path", "more"), [("samples", ["--ends=2"]), ("classes", ["--ends=2"])])
def test_ways_to_what_is_not_stored(runs, tmp_path, path, more):
    done = interpolate(tmp_path / "out", runs / "chunks", path, "--pictures=1", *more)
    assert done.status == 0, done.err
    stored = to_uint8(load_results(runs / "chunks").images[1])
    for number in range(2):
        np.testing.assert_array_equal(cells(tmp_path / "out", number, 16)[0], stored)
    first = (tmp_path / "out" / "strip-0001.png").read_bytes()
    again = f"--flagfile={tmp_path / 'out' / 'config.cfg'}"
    assert run("tfinv.interpolate", again, f"--output_dir={tmp_path / 'again'}").status == 0
    assert (tmp_path / "again" / "strip-0001.png").read_bytes() == first


@pytest.mark.parametrize(
    ("run_name", "path", "more", "words"),
    [
        ("nothing", "stages", [], ["nothing", "no such folder"]),
        (".", "stages", [], ["holds no results"]),
        ("plain", "classes", [], ["takes no labels"]),
        ("plain", "samples", ["--to_class=1"], ["takes no labels"]),
        ("chunks", "classes", ["--to_class=9"], ["label 9 is out of range"]),
        ("chunks", "samples", ["--to_class=1,2"], ["takes one class"]),
        ("chunks", "classes", ["--to_class=1", "--ends=2"], ["--to_class", "--ends"]),
        ("plain", "stages", ["--pairs=0:1"], ["--pairs", "--path=stages"]),
        ("plain", "stages", ["--from_stage=dense"], ["--from_stage=dense", "earlier"]),
        ("plain", "stages", ["--from_stage=conv"], ["no results of stage 'conv'"]),
        ("plain", "stages", ["--stage=latent", "--from_stage=dense"], ["does not lie behind"]),
        ("plain", "pictures", ["--pairs=01"], ["--pairs=01", "0:3"]),
        ("plain", "pictures", ["--pairs=0:7"], ["has no picture 7"]),
        ("plain", "pictures", ["--pairs=0:1", "--pictures=0"], ["--pairs", "--pictures"]),
        ("plain", "pictures", ["--pictures=0"], ["two of them"]),
        ("plain", "pictures", ["--film=webm"], ["--film=webm", "gif, mp4"]),
        ("plain", "pictures", ["--hold=codes"], ["'codes' cannot be held"]),
        ("plain", "pictures", ["--steps=1"], ["steps"]),
        ("plain", "pictures", ["--way=spherical"], ["--way", "--stage=latent"]),
        ("chunks", "classes", ["--way=spherical"], ["--way", "--path=classes"]),
        ("plain", "pictures", ["--hold=labels"], ["--hold=labels", "nothing to hold"]),
        ("chunks", "pictures", ["--stage=latent", "--hold=latent"], ["--hold=latent"]),
        ("chunks", "classes", ["--hold=labels"], ["--hold=labels", "--path=classes"]),
        ("chunks", "samples", ["--to_class=1", "--hold=labels"], ["--hold=labels", "--to_class"]),
        ("plain", "pictures", ["--seed=1"], ["--seed", "--path=pictures"]),
        ("plain", "pictures", ["--rate=3"], ["--rate", "--film"]),
        ("plain", "pictures", ["--film=gif,gif"], ["--film=gif", "twice"]),
        ("plain", "pictures", ["--solver=adam"], ["--solver", "nothing to this command"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(runs, tmp_path, run_name, path, more, words):
    interpolate(tmp_path / "out", runs / run_name, path, *more).refused(*words)


def test_a_run_is_never_overwritten(runs):
    before = (runs / "plain" / "config.cfg").read_bytes()
    for results in ("plain", "chunks"):
        done = interpolate(runs / "plain", runs / results, "pictures", "--overwrite")
        done.refused("choose another")
    assert (runs / "plain" / "config.cfg").read_bytes() == before


def test_another_generator_is_refused(runs, tmp_path):
    other = tiny.dcgan(tmp_path / "other", seed=1)
    done = interpolate(tmp_path / "out", runs / "plain", "stages", f"--generator={other}")
    done.refused("was inverted with another generator")
    assert tfinv.load_generator(other).latent_size == 8


def test_mp4_without_its_extra_is_one_line(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    done = interpolate(tmp_path / "out", runs / "plain", "pictures", "--film=mp4")
    done.refused("--film=mp4", "pip install 'tfinv[video]'")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
