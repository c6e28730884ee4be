"""`python -m tfinv.edit` as a user meets it."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest
from commands.running import run
from features.networks import critic_path
from generators import tiny
from PIL import Image

import tfinv
from tfinv.images.ranges import to_uint8
from tfinv.results.load import load_results

COUNT = 9


@pytest.fixture(scope="module", name="results")
def a_finished_run(tmp_path_factory):
    """Samples of a labelled generator, inverted at the dense layer; and a table of attributes."""
    folder = tmp_path_factory.mktemp("edit")
    done = run(
        "tfinv.invert",
        f"--generator={tiny.labelled(folder / 'tiny')}",
        f"--images=sample:{COUNT}",
        "--stages=dense",
        "--solver=adam",
        "--max_evaluations=40",
        f"--batch_size={COUNT}",
        f"--output_dir={folder / 'run'}",
    )
    assert done.status == 0, done.err
    with open(folder / "attributes.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "odd", "odd too", "late"])
        for k in range(COUNT):
            writer.writerow([f"sample-{k:05d}", k % 2, k % 2 if k else "1", int(k > 4)])
    return folder / "run"


def edit(results, tmp_path, *more, folder="out"):
    return run("tfinv.edit", f"--results={results}", f"--output_dir={tmp_path / folder}", *more)


def along(results, name="odd"):
    return f"--attribute={name}", f"--attributes={results.parent / 'attributes.csv'}"


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_attributes_leave_strips_and_a_vector_that_other_runs_can_use(results, tmp_path):
    given = (*along(results), "--strength=-1,0,1", "--pictures=sample-00003,0")
    done = edit(results, tmp_path, *given)
    assert done.status == 0, done.err
    assert "odd goes together with odd too" in done.err and "--orthogonal_to=odd too" in done.err
    assert "odd: mean of 4 with it, 5 without" in done.out
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "config.cfg",
        "edit.json",
        "edits-odd.npz",
        "edits.csv",
        "strip-odd.png",
        "vector-odd.npz",
        *(f"edited-odd-{row:05d}-{strength}.png" for row in (3, 0) for strength in (-1, 0, 1)),
    }
    stored = load_results(results, pictures=[3, 0])
    for row, place in enumerate((3, 0)):
        shown = pixels(out / f"edited-odd-{place:05d}-0.png")
        np.testing.assert_array_equal(shown, to_uint8(stored.images[row]))
    facts = json.loads((out / "edit.json").read_text())
    assert facts["pictures"] == ["sample-00003", "sample-00000"]
    assert facts["edits"][0]["with"] == 4

    again = run("tfinv.edit", f"--flagfile={out / 'config.cfg'}", f"--output_dir={out}")
    assert (again.status, again.out) == (0, done.out), again.err
    vectors = f"--vectors={out / 'vector-odd.npz'}"
    other = edit(results, tmp_path, vectors, "--pictures=3", "--strength=1", folder="other")
    assert other.status == 0, other.err
    np.testing.assert_array_equal(
        pixels(tmp_path / "other" / "edited-odd-00003-1.png"),
        pixels(out / "edited-odd-00003-1.png"),
    )
    twin = out.parent / "twin.npz"
    twin.write_bytes((out / "vector-odd.npz").read_bytes())
    both = edit(
        results, tmp_path, f"{vectors},{twin}", "--pictures=3", "--strength=1", folder="both"
    )
    assert both.status == 0, both.err
    assert len(list((tmp_path / "both").glob("vector-*.npz"))) == 2
    with np.load(twin) as arrays:
        lost = {**arrays, "code": arrays["code"] * np.nan}
    np.savez(twin, **lost)
    edit(results, tmp_path, f"--vectors={twin}", folder="x").refused("not finite")
    layer = tfinv.load_generator(results.parent / "tiny").layers()[-2].name
    elsewhere = edit(results, tmp_path, vectors, f"--edit_layer={layer}", folder="x")
    elsewhere.refused("is of the layer", "--edit_layer")


def test_eight_pictures_are_shown_if_none_is_named(results, tmp_path):
    done = edit(results, tmp_path, *along(results), "--orthogonal_to=late", "--strength=1")
    assert done.status == 0 and "the first 8 of 9 pictures" in done.err
    assert "odd, holding late: mean of 4 with it" in done.out
    assert len(list((tmp_path / "out").glob("edited-*"))) == 8


def test_a_painting_is_carried_into_the_code(results, tmp_path):
    stored = to_uint8(load_results(results).images[2])
    painted, mask = stored.copy(), np.zeros([8, 8], np.uint8)
    painted[:4, :4], mask[:4, :4] = 255 - stored[:4, :4], 255
    Image.fromarray(painted).save(tmp_path / "painted.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    given = [f"--painted={tmp_path / 'painted.png'}", f"--mask={tmp_path / 'mask.png'}"]
    done = edit(results, tmp_path, *given, "--pictures=2", "--max_evaluations=40")
    assert done.status == 0, done.err
    with open(tmp_path / "out" / "edits.csv", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["name"] == "sample-00002" and int(row["evaluations"]) <= 40
    assert float(row["rmse_inside"]) < 0.8 * float(row["rmse_inside_before"])
    config = (tmp_path / "out" / "config.cfg").read_text()
    assert "--penalty=0.01" in config and "--strength" not in config and "feature" not in config
    parts = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    again = run(
        "tfinv.edit",
        f"--flagfile={tmp_path / 'out' / 'config.cfg'}",
        f"--output_dir={tmp_path / 'out'}",
    )
    assert (again.status, again.out) == (0, done.out), again.err
    assert parts and all(path.stat().st_mtime_ns == then for path, then in parts.items())
    edit(results, tmp_path, *given, "--pictures=2,3", folder="x").refused("1 of --painted for 2")
    Image.fromarray(mask[:6]).save(tmp_path / "mask.png")
    edit(results, tmp_path, *given, "--pictures=2", folder="x").refused("the mask is 8x6")


def test_features_go_towards_those_of_another_picture(results, tmp_path):
    network = [f"--feature_network={critic_path()}", "--feature_layer=8x8/Conv1"]
    given = [*network, "--like=5", "--pictures=1,2", "--strength=0,1", "--max_evaluations=40"]
    done = edit(results, tmp_path, *given)
    assert done.status == 0, done.err
    with open(tmp_path / "out" / "edits.csv", newline="") as file:
        rows = {(r["name"], r["strength"]): r for r in csv.DictReader(file)}
    for name in ("sample-00001", "sample-00002"):
        assert float(rows[name, "0"]["rmse_from_reconstruction"]) == 0
        assert float(rows[name, "0"]["share_of_the_way"]) == 0
        assert float(rows[name, "1"]["share_of_the_way"]) > 0.3
    learnt = edit(
        results, tmp_path, *network, *along(results), "--strength=0", "--pictures=1", folder="by"
    )
    assert learnt.status == 0, learnt.err
    assert "along odd: mean of 4 with it" in learnt.out
    edit(results, tmp_path, *network, "--like=nobody.png", folder="x").refused("nobody.png")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], ["say what to edit"]),
        (["--attribute=odd", "--vectors=v.npz"], ["say what to edit"]),
        (["--attribute=odd"], ["give a table with --attributes"]),
        (["--attribute=odd", "--attributes=none.csv"], ["none.csv: cannot be read"]),
        (["--attribute=class:77"], ["none of the pictures is of that class"]),
        (["--attribute=class:0", "--painted=a.png", "--mask=b.png"], ["--pictures"]),
        (["--attribute=class:0", "--strength=a"], ["--strength=a is no list of numbers"]),
        (["--attribute=class:0", "--strength=nan"], ["--strength=nan"]),
        (["--attribute=class:0", "--strength=1,1"], ["comes twice"]),
        (["--attribute=class:0", "--strength=0.12345671,0.1234567"], ["comes twice"]),
        (["--attribute=class:0", "--strength=1e7"], ["nothing is drawn so far out"]),
        (["--attribute="], ["--attribute= names nothing"]),
        (["--vectors="], ["--vectors= names nothing"]),
        (["--attribute=class:0,"], ["a comma too many"]),
        (["--attribute=class:0,class:0"], ["class:0 comes twice"]),
        (["--attribute=class:0", "--orthogonal_to=class:0"], ["is what moves"]),
        (["--attribute=class:0", "--orthogonal_to="], ["--orthogonal_to= names nothing"]),
        (["--attribute=class:0", "--solver=adam"], ["--solver", "drop it"]),
        (["--attribute=class:0", "--images=a.png"], ["--images", "drop it"]),
        (["--attribute=class:0", "--penalty=1"], ["--penalty", "along an attribute"]),
        (["--attribute=class:0", "--like=3"], ["--like", "drop it"]),
        (["--attribute=class:0", "--feature_layer=x"], ["--feature_layer"]),
        (["--vectors=v.npz", "--orthogonal_to=old"], ["--orthogonal_to", "drop it"]),
        (["--vectors=none.npz"], ["none.npz: cannot be read"]),
        (["--painted=a.png", "--pictures=1"], ["--painted needs --mask"]),
        (["--mask=a.png", "--pictures=1"], ["--mask needs --painted"]),
        (["--painted=a.png", "--mask=b.png"], ["--pictures"]),
        (["--painted=a.png", "--mask=b,c", "--pictures=1"], ["2 of --mask for 1"]),
        (["--painted=a.png", "--mask=b", "--pictures=1", "--strength=1"], ["--strength"]),
        (["--painted=no.png", "--mask=b", "--pictures=1"], ["no.png: no such picture"]),
        (["--feature_network=x"], ["give --like, or --attribute"]),
        (["--feature_network=no/network", "--like=1"], ["no/network"]),
        (["--attribute=class:0", "--max_evaluations=9"], ["--max_evaluations"]),
        (["--attribute=class:0", "--pictures=nobody"], ["no picture 'nobody'"]),
        (["--attribute=class:0", "--stage=nowhere"], ["no results of stage 'nowhere'"]),
        (["--attribute=class:0", "--edit_layer=nowhere"], ["nowhere"]),
        (["--attribute=class:0", "--edit_layer=latent"], ["choose a layer behind it"]),
        (["--attribute=class:0", "--method=magic"], ["magic"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(results, tmp_path, more, words):
    edit(results, tmp_path, *more).refused(*words)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_results_is_refused(tmp_path):
    edit(tmp_path, tmp_path, "--attribute=class:0").refused("holds no results")
    edit(tmp_path / "no", tmp_path, "--attribute=class:0").refused("no such folder")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
