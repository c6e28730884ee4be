"""`python -m tfinv.segment` as a user meets it, from stored results to scores."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands.inverting import QUICK
from commands.running import run
from generators import attending, tiny
from PIL import Image

import tfinv
from tfinv.applications.inverted import load_inverted
from tfinv.applications.segmentation.maps import find_map
from tfinv.applications.segmentation.run import FILES, segment_pictures
from tfinv.applications.segmentation.scores import adjusted_rand_index
from tfinv.errors import UserError
from tfinv.images.labels import PALETTE
from tfinv.results.load import load_results
from tfinv.results.parts import Parts

SIDE, COUNT = 16, 3


@pytest.fixture(scope="module", name="root")
def inverted_once(tmp_path_factory):
    """Three samples at the latent and at the dense layer, and the regions that were planted."""
    root = tmp_path_factory.mktemp("runs")
    path = attending.save(root / "attending", attending.Attending())
    given = (f"--generator={path}", f"--images=sample:{COUNT}", f"--output_dir={root / 'run'}")
    # Without a leak nothing opens the channels of a layout that z has closed.
    done = run("tfinv.invert", *given, *QUICK, "--leak_schedule=off")
    assert done.status == 0, done.err
    return root


def segment(root, folder, *more, results="run"):
    given = (f"--results={root / results}", f"--output_dir={folder}", "--clusters=2,3,4")
    return run("tfinv.segment", *given, *more)


def planted(root, stage=None) -> list[np.ndarray]:
    """The layout that each stored code decides, int [SIDE, SIDE]."""
    results, made = load_results(root / "run", stage), attending.Attending()
    if stage == "latent":
        regions = made.regions(results.codes)
    else:  # the sign of z[0] is that of the channels of the first layout
        signs = results.codes.reshape(COUNT, 8, 8, -1)[..., :4].sum((1, 2, 3))
        regions = made.regions(signs[:, None])
    return [region.repeat(2, 0).repeat(2, 1) for region in regions]


def masks(folder, regions, suffix=".png"):
    folder.mkdir()
    for number, region in enumerate(regions):
        grey = Image.fromarray((region * 50 + 7).astype(np.uint8))
        grey.save(folder / f"sample-{number:05d}{suffix}")
    return folder


@pytest.mark.parametrize("stage", ["latent", "dense"])
def test_planted_regions_are_recovered_from_stored_codes(root, tmp_path, stage):
    name = load_results(root / "run", None if stage == "dense" else stage).stage
    truth = planted(root, name if stage == "latent" else None)
    folder = masks(tmp_path / "masks", truth)
    done = segment(root, tmp_path / "out", f"--stage={name}", f"--masks={folder}")
    assert done.status == 0, done.err
    assert "8x8 positions, 4x4 keys" in done.out
    with open(tmp_path / "out" / "segments.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * COUNT
    for number, region in enumerate(truth):
        regions = len(np.unique(region))
        assert regions in (3, 4)
        own = {row["regions"]: row for row in rows if row["picture"] == f"sample-{number:05d}"}
        found = own[str(regions)]
        assert float(found["adjusted_rand_index"]) == float(found["mean_iou"]) == 1.0
        assert int(found["reference"]) == regions
        assert float(own["2"]["adjusted_rand_index"]) < 1


def test_the_folder_holds_the_same_regions_in_every_form(root, tmp_path):
    out = tmp_path / "out"
    done = segment(root, out, "--pictures=2,0")
    assert done.status == 0, done.err
    assert str(out / "sheet-000.png") in done.out
    targets = load_results(root / "run", None, [2, 0]).targets
    truth = planted(root)
    for number, target in zip((2, 0), targets, strict=True):
        for count in (2, 3, 4):
            stem = f"{number:05d}-sample-{number:05d}-{count}"
            labels = np.load(out / f"labels-{stem}.npy")
            assert labels.shape == (SIDE, SIDE) and labels.dtype == np.int32
            assert len(np.unique(labels)) == count
            with Image.open(out / f"labels-{stem}.png") as picture:
                assert picture.mode == "P"
                np.testing.assert_array_equal(np.asarray(picture), labels)
                shown = np.asarray(picture.convert("RGB"))
            np.testing.assert_array_equal(shown, PALETTE[labels])
            with Image.open(out / f"means-{stem}.png") as picture:
                means = np.asarray(picture) / 255
            for region in range(count):
                expected = target[labels == region].mean(0)
                np.testing.assert_allclose(
                    means[labels == region], np.tile(expected, ((labels == region).sum(), 1)),
                    atol=0.6 / 255,
                )  # fmt: skip
            if count == len(np.unique(truth[number])):
                assert adjusted_rand_index(labels, truth[number]) == 1
    facts = json.loads((out / "segments.json").read_text())
    assert facts["positions"] == [8, 8] and facts["keys"] == [4, 4] and facts["pictures"] == 2
    assert facts["regions"]["3"]["adjusted_rand_index"] is None
    with Image.open(out / "sheet-000.png") as sheet:
        assert sheet.width > 8 * 128 and sheet.height > 2 * 128


def test_label_maps_are_masks(root, tmp_path):
    assert segment(root, tmp_path / "out").status == 0
    (tmp_path / "masks").mkdir()
    for path in (tmp_path / "out").glob("labels-*-4.png"):
        path.rename(tmp_path / "masks" / f"{path.stem[13:25]}.png")
    assert len(list((tmp_path / "masks").iterdir())) == COUNT
    done = segment(root, tmp_path / "again", f"--masks={tmp_path / 'masks'}")
    assert "4 regions: adjusted Rand index 1.000, mean IoU 1.000" in done.out


def test_what_is_done_is_not_done_again(root, tmp_path):
    out = tmp_path / "out"
    assert segment(root, out).status == 0
    parts = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert len(parts) == COUNT
    tables = (out / "segments.csv").read_bytes()
    (out / "segments.csv").unlink()
    assert segment(root, out).status == 0
    assert parts == {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert (out / "segments.csv").read_bytes() == tables
    segment(root, out, "--clusters=5").refused("--clusters=2,3,4 there", "--overwrite")
    assert segment(root, out, "--clusters=5", "--overwrite").status == 0
    assert len(list(out.glob("labels-*.png"))) == COUNT


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--clusters=two"], ["--clusters=two", "whole numbers"]),
        (["--clusters=0,2"], ["--clusters=0,2"]),
        (["--clusters=3,3"], ["--clusters=3,3", "different"]),
        (["--clusters="], ["--clusters="]),
        (["--clusters=65"], ["65 regions", "1 to 64", "64 positions"]),
        (["--attention=Softmax"], ["no attention map is called 'Softmax'", "there is"]),
        (["--stage=dance"], ["no results of stage 'dance'"]),
        (["--pictures=9"], ["no picture 9"]),
        (["--masks=nowhere"], ["nowhere", "no such file"]),
        (["--masks="], ["--masks= names nothing"]),
        (["--max_evaluations=9"], ["--max_evaluations says nothing to this command"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(root, tmp_path, more, words):
    segment(root, tmp_path / "out", *more).refused(*words)
    assert not (tmp_path / "out").exists()


def test_other_latents_beside_the_same_codes_are_other_pictures(root, tmp_path):
    generator = tfinv.load_generator(root / "attending")
    made, found = load_inverted(root / "run", generator), find_map(generator)
    with Parts(tmp_path, config_text="--clusters=2", files=FILES) as parts:
        segment_pictures(made, found, [2], parts)
        points = made.points.replace(latents=made.points.latents + 1)
        with pytest.raises(UserError, match="about other pictures"):
            segment_pictures(dataclasses.replace(made, points=points), found, [2], parts)


def test_a_generator_without_attention_and_a_folder_without_results_are_refused(tmp_path):
    generator = tiny.dcgan(tmp_path / "dcgan")
    given = (f"--generator={generator}", "--images=sample:1", f"--output_dir={tmp_path / 'run'}")
    assert run("tfinv.invert", *given, *QUICK).status == 0
    segment(tmp_path, tmp_path / "out").refused("no self-attention", "softmax over positions")
    segment(tmp_path, tmp_path / "out", results="none").refused("none", "no such folder")
    given = tmp_path / "out" / ".." / "run", "--overwrite"
    segment(tmp_path, *given).refused("is that of --results")


def test_codes_behind_the_attention_are_refused(root, tmp_path):
    generator = f"--generator={root / 'attending'}"
    layers = json.loads(run("tfinv.inspect", generator, "--json").out)["layers"]
    behind = [layer["name"] for layer in layers if "add" in layer["name"]][-1]
    given = (generator, "--images=sample:1", f"--layer={behind}", *QUICK)
    assert run("tfinv.invert", *given, f"--output_dir={tmp_path / 'run'}").status == 0
    segment(tmp_path, tmp_path / "out").refused("does not depend on the code", behind)


def test_what_a_picture_costs_is_measured(root):
    tool = Path(__file__).resolve().parents[2] / "tools" / "measure_segment.py"
    command = [sys.executable, str(tool), f"--results={root / 'run'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, _, *pictures = done.stdout.splitlines()
    assert first.endswith("64 positions, 16 keys")
    assert len(pictures) == COUNT
    assert all(re.fullmatch(r"sample-\d+: [\d.]+ s, \d+ MiB", line) for line in pictures)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
