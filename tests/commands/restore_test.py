"""`python -m tfinv.restore` as a user meets it."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from applications import photos
from commands.inverting import QUICK
from commands.running import run
from generators import tiny
from PIL import Image

from tfinv.images.metrics import psnr
from tfinv.inversion.degradations import find_degradation
from tfinv.results.load import iterate_results, load_results

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> str:
    return tiny.dcgan(tmp_path_factory.mktemp("generator") / "tiny")


@pytest.fixture
def restore(generator, tmp_path):
    def call(*more, degradation="center:0.25", images="sample:2", out="out", quick=QUICK):
        return run(
            "tfinv.restore",
            f"--generator={generator}",
            f"--images={images}",
            f"--degradation={degradation}",
            f"--output_dir={tmp_path / out}",
            *quick,
            *more,
        )

    return call


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "restored.csv", newline="") as file:
        return list(csv.DictReader(file))


def png(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def codes(folder: Path) -> dict:
    return {row.index: row.code for row in iterate_results(folder)}


def test_a_restoration_leaves_pictures_numbers_and_codes(restore, tmp_path):
    for k in range(2):
        (tmp_path / f"{k}.png").write_bytes(photos.png(k))
    (tmp_path / "2.png").write_bytes(b"torn")
    done = restore(images=f"{tmp_path}/?.png")
    assert done.status == 1 and "1 failed (see restored.csv)" in done.out, done
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    assert names - {"codes-00000.npz", "codes-00001.npz"} == {
        "config.cfg", "contact_sheet.png", "restored-00000.png", "restored-00001.png",
        "restored.csv", "run.json", "summary.json",
    }  # fmt: skip
    masked = find_degradation("center:0.25", SHAPE)
    known = masked.known([0])[0]
    for k, row in enumerate(rows(out)[:2]):
        truth, restored = photos.pixels(k), png(out / row["file"])
        np.testing.assert_array_equal(restored[known], truth[known])  # exactly
        assert (restored[~known] != truth[~known]).any()
        measured = psnr(restored[None] / 255.0, truth[None] / 255.0)[0]
        np.testing.assert_allclose(float(row["psnr_restored"]), measured, rtol=1e-4)
        guess = masked.guesses(masked.observe(truth[None] / np.float32(255)))["mean"]
        measured = psnr(np.rint(guess * 255) / 255, truth[None] / 255.0)[0]
        np.testing.assert_allclose(float(row["psnr_mean"]), measured, rtol=1e-4)
        assert float(row["psnr_drawn"]) < float(row["psnr_restored"])
        assert 0 < float(row["seen_rmse"]) < 1 and row["evaluations"] == "20"
    torn = rows(out)[2]
    assert torn["status"].startswith("failed: ") and torn["file"] == torn["psnr_mean"] == ""
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["images"], summary["failed"], summary["partial"]) == (3, 1, False)
    mean = np.mean([float(row["psnr_restored"]) for row in rows(out)[:2]])
    np.testing.assert_allclose(summary["psnr"]["restored"], mean, rtol=1e-4)
    assert list(summary["psnr"]) == ["restored", "drawn", "mean", "biharmonic"]
    # What is stored can be taken up by every command that takes an inversion.
    stored = load_results(out)
    np.testing.assert_allclose(stored.targets[0], photos.pixels(0) / 255, atol=1e-6)


def test_pictures_that_are_degraded_already(restore, tmp_path):
    whole = photos.pixels(1)
    small = np.rint(whole.reshape(4, 2, 4, 2, 3).mean((1, 3))).astype(np.uint8)
    (tmp_path / "small.png").write_bytes(photos.encoded(Image.fromarray(small)))
    done = restore("--degraded", degradation="downsample:2", images=tmp_path / "small.png")
    assert done.status == 0 and "no truth to compare with" in done.out, done
    out = tmp_path / "out"
    [row] = rows(out)
    assert not any(name.startswith("psnr") for name in row) and row["seen_rmse"]
    # Made small again, what was restored is the small picture, but for its rounding.
    again = png(out / row["file"]).reshape(4, 2, 4, 2, 3).mean((1, 3))
    assert np.abs(again - small).max() <= 2.5 and np.abs(again - small).mean() < 1
    done = restore(
        "--degraded", "--nokeep_seen", degradation="downsample:2",
        images=tmp_path / "small.png", out="drawn",
    )  # fmt: skip
    assert done.status == 0
    drawn = png(tmp_path / "drawn" / row["file"]).astype(float)
    assert np.abs(drawn.reshape(4, 2, 4, 2, 3).mean((1, 3)) - small).mean() > 1


def test_the_truth_decides_no_code(restore, tmp_path):
    """A picture, one with another in its hole, and one that never had any there, have one code."""
    hole = ~find_degradation("center:0.25", SHAPE).known([0])[0]
    pixels = photos.pixels(1)
    for name in "abc":
        image = Image.fromarray(np.where(hole[..., None] & (name > "a"), 255 - pixels, pixels))
        (tmp_path / f"{name}.png").write_bytes(photos.encoded(image))
        flag = ["--degraded"] if name == "c" else []
        done = restore(*flag, images=tmp_path / f"{name}.png", out=name)
        assert done.status == 0, done
    found = [codes(tmp_path / name)[0] for name in "abc"]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_the_same_command_takes_up_what_there_is(restore, tmp_path):
    assert restore(images="sample:3").status == 0
    whole = codes(tmp_path / "out")
    before = (tmp_path / "out" / "restored.csv").read_bytes()
    (tmp_path / "out" / "codes-00000.npz").unlink()
    (tmp_path / "out" / "restored-00000.png").unlink()
    assert restore(images="sample:3").status == 0
    again = codes(tmp_path / "out")
    assert whole.keys() == again.keys()
    assert all(np.array_equal(whole[k], again[k]) for k in whole)
    assert (tmp_path / "out" / "restored.csv").read_bytes() == before
    assert (tmp_path / "out" / "restored-00000.png").exists()
    restore(degradation="center:0.3", images="sample:3").refused("--degradation")
    assert restore("--overwrite", degradation="center:0.3", images="sample:1").status == 0
    assert not (tmp_path / "out" / "restored-00002.png").exists()


def test_count_takes_the_first(restore, tmp_path):
    assert restore("--count=1", images="sample:3").status == 0
    assert [row["name"] for row in rows(tmp_path / "out")] == ["sample-00000"]


def test_masks_from_files(restore, tmp_path):
    hole = np.zeros((8, 8), np.uint8)
    hole[:3] = 255
    Image.fromarray(hole).save(tmp_path / "hole.png")
    done = restore(f"--holes={tmp_path / 'hole.png'}", degradation="mask", images="sample:1")
    assert done.status == 0 and "mean" in done.out, done
    truth = np.rint(load_results(tmp_path / "out").targets[0] * 255)
    np.testing.assert_array_equal(png(tmp_path / "out" / "restored-00000.png")[3:], truth[3:])
    Image.fromarray(hole.T).save(tmp_path / "hole.png")
    again = restore(f"--holes={tmp_path / 'hole.png'}", degradation="mask", images="sample:1")
    again.refused("the masks of --holes are others than they were")


def test_what_cannot_be_is_one_line(restore, tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "m.png")
    mask = f"--holes={tmp_path / 'm.png'}"
    restore(degradation="downsample:3").refused("does not divide pictures of 8x8")
    restore(degradation="sharpen").refused("'sharpen' is not known", "downsample")
    restore(degradation="mask").refused("add --holes")
    restore(mask).refused("--holes goes with", "drop one")
    restore(mask, degradation="mask").refused("m.png is of 4x4 pixels, and 8x8 fit")
    restore("--degraded").refused("sample:N are whole pictures")
    restore("--degraded", degradation="projections:9", images="x.png").refused("x.png")
    photo = tmp_path / "photo.png"
    photo.write_bytes(photos.png(0))
    restore("--degraded", degradation="projections:9", images=photo).refused("no picture that")
    restore("--degraded", degradation="random:0.5", images=photo).refused("cannot know", "--holes")
    restore(degradation="center:0.001").refused("every pixel is known")
    restore("--classifier=inception_v3", "--label=unknown").refused("--classifier", "drop it")
    restore("--start=stored").refused("tfinv.invert")
    restore("--resume").refused("holds no run")
    assert not (tmp_path / "out").exists()
    done = restore("--degraded", degradation="downsample:2", images=photo)
    assert done.status == 1 and "it is of 8x8 pixels" in rows(tmp_path / "out")[0]["status"]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
