"""`python -m tfinv.invert`: what it leaves, its exit status, and one line for whatever is wrong."""

from __future__ import annotations

import json
import os
import sys
import warnings

import numpy as np
import pytest
from applications import photos
from commands.inverting import LEFT, QUICK, codes, inverting, rows, same
from commands.running import run, run_apart
from generators import tiny


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("generators")
    makers = (tiny.dcgan, tiny.labelled, tiny.two_signatures, tiny.without_dense)
    return {maker.__name__: maker(folder / maker.__name__) for maker in makers}


@pytest.fixture
def invert(saved, tmp_path):
    return inverting(saved, tmp_path)


def test_a_run_leaves_all_that_is_promised(invert, tmp_path):
    photos.write(tmp_path / "photos", photos.good(2))
    done = invert(images=f"{tmp_path / 'photos'},sample:2")
    out = tmp_path / "out"
    assert done.status == 0, done
    assert "4 images; RMSE latent 0." in done.out and "report.html" in done.out
    assert set(os.listdir(out)) - LEFT == {"codes-00000.npz"} and set(os.listdir(out)) >= LEFT
    table = rows(out)
    assert [(row["name"], row["stage"]) for row in table[:2]] == [
        ("a-0.png", "latent"),
        ("a-0.png", "dense"),
    ]
    assert len(table) == 8 and not any(row["status"].startswith("failed") for row in table)
    facts = json.loads((out / "summary.json").read_text())
    assert (facts["images"], facts["failed"], facts["partial"]) == (4, 0, False)
    assert facts["stages"] == ["latent", "dense"] and facts["solver"] == "adam"
    for stage in ("latent", "dense"):
        rmse = [float(row["rmse"]) for row in table if row["stage"] == stage]
        assert facts["rmse"][stage]["mean"] == pytest.approx(np.mean(rmse), rel=1e-4)
        assert facts["rmse"][stage]["std"] == pytest.approx(np.std(rmse), rel=1e-3)


def test_config_cfg_repeats_the_run_bit_for_bit(invert, tmp_path):
    options = ("--seed=5", "--loss=mse + 1e-3*likelihood", "--start=small", "--relu_leak=0.3")
    assert invert(*options, "--stages=latent,open", output_dir=tmp_path / "one").status == 0
    config = tmp_path / "one" / "config.cfg"
    again = run("tfinv.invert", f"--flagfile={config}", f"--output_dir={tmp_path / 'two'}")
    assert again.status == 0, again
    assert same(codes(tmp_path / "one"), codes(tmp_path / "two"))
    assert config.read_text() == (tmp_path / "two" / "config.cfg").read_text()
    text = config.read_text()
    assert all(line in text for line in ("--seed=5", "--max_evaluations=20", "--start=small"))
    assert "output_dir" not in text and "overwrite" not in text
    # The same command on the same folder has nothing left to do, and says the same.
    shard = (tmp_path / "one" / "codes-00000.npz").read_bytes()
    assert (
        run("tfinv.invert", f"--flagfile={config}", f"--output_dir={tmp_path / 'one'}").status == 0
    )
    assert (tmp_path / "one" / "codes-00000.npz").read_bytes() == shard


def test_one_stage_at_a_layer(invert, tmp_path):
    assert invert("--layer=dense").status == 0
    assert [row["stage"] for row in rows(tmp_path / "out")] == ["dense", "dense"]


def test_bad_pictures_are_named_and_the_others_are_as_without_them(invert, tmp_path):
    good, bad, odd = photos.good(5), photos.bad(), photos.odd()
    files = {**good, **{name: data for name, (data, _) in {**bad, **odd}.items()}}
    photos.write(tmp_path / "mixed", files)
    photos.write(tmp_path / "clean", good)
    mixed = invert(images=tmp_path / "mixed", output_dir=tmp_path / "m")
    clean = invert(images=tmp_path / "clean", output_dir=tmp_path / "c")
    assert (mixed.status, clean.status) == (1, 0)
    assert "5 failed (see images.csv)" in mixed.out and "Traceback" not in mixed.err
    table = rows(tmp_path / "m")
    failed = {row["name"]: row["status"] for row in table if row["status"].startswith("failed: ")}
    assert failed.keys() == bad.keys()
    assert all(words in failed[name] for name, (_, words) in bad.items())
    notes = {row["name"]: row["note"] for row in table}
    assert all(note in notes[name] for name, (_, note) in odd.items())
    together, alone = codes(tmp_path / "m"), codes(tmp_path / "c")
    assert {index for index, _ in together} == {*range(5), *range(10, 18)}
    # The fifth shares its batch with others now; the first four do not.
    for key, code in alone.items():
        np.testing.assert_allclose(together[key], code, atol=0 if key[0] < 4 else 1e-4)


def test_a_run_in_which_every_picture_is_bad(invert, tmp_path):
    folder = photos.write(tmp_path / "photos", {n: data for n, (data, _) in photos.bad().items()})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = invert(images=folder)
    assert done.status == 1, done
    assert "5 images, 5 failed (see images.csv); RMSE none" in done.out
    facts = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert facts["failed"] == 5 and facts["rmse"]["dense"] == {"mean": None, "std": None}


def test_a_label_out_of_range(invert, tmp_path):
    folder = photos.write(tmp_path / "photos", photos.good(1))
    done = invert("--label=5", generator="labelled", images=folder)
    done.refused("label 5 is out of range", "0 to 4")
    assert not (tmp_path / "out").exists()


def test_a_label_by_name(invert, tmp_path):
    folder = photos.write(tmp_path / "photos", photos.good(1))
    invert("--label=tabby", generator="labelled", images=folder).refused("'tabby'", "--class_names")
    names = tmp_path / "names.txt"
    names.write_text("tench\ngoldfish\ntabby, tabby cat\ncrane\nvolcano\n")
    named = f"--class_names={names}"
    invert("--label=taby", named, generator="labelled", images=folder).refused("2: tabby")
    assert invert("--label=tabby_cat", named, generator="labelled", images=folder).status == 0
    assert rows(tmp_path / "out")[0]["label"] == "2"


def test_a_label_that_is_missing(invert, tmp_path):
    folder = photos.write(tmp_path / "photos", photos.good(1))
    assert invert(generator="labelled", images=folder).status == 1
    assert "--label" in rows(tmp_path / "out")[0]["status"]


def test_a_stored_start(invert, tmp_path):
    assert invert(output_dir=tmp_path / "one").status == 0
    more = ("--layer=dense", "--start=stored", f"--start_from={tmp_path / 'one'}")
    assert invert(*more, "--max_evaluations=1", output_dir=tmp_path / "two").status == 0
    before = [row for row in rows(tmp_path / "one") if row["stage"] == "dense"]
    assert [row["rmse"] for row in rows(tmp_path / "two")] == [row["rmse"] for row in before]
    invert("--start=stored", output_dir=tmp_path / "x").refused("--start_from")
    invert("--start=stored", "--start_from=/nowhere", output_dir=tmp_path / "y").refused("/nowhere")


def test_generators_that_cannot_be_used(invert, saved, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no model")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "saved_model.pb").write_bytes(b"nonsense")
    invert(generator="/no/such/model").refused("/no/such/model", "does not exist")
    invert(generator=tmp_path / "empty").refused("empty")
    invert(generator=tmp_path / "text.txt").refused("no generator in a format")
    invert(generator=tmp_path / "bad").refused("saved_model.pb")
    invert("--stages=latent,dense", generator="without_dense").refused("dense")
    invert(generator="two_signatures").refused("plain", "labelled", "--signature")
    invert("--signature=x", generator="two_signatures").refused("plain", "labelled")
    invert("--truncation=0.5").refused("truncation")
    assert not (tmp_path / "out").exists()
    assert invert("--signature=plain", generator="two_signatures").status == 0


def test_layers_losses_and_numbers_that_do_not_fit(invert, tmp_path):
    invert("--layer=opne").refused("opne", "open")
    invert("--stages=dense,latent").refused("latent", "dense")
    invert("--layer=dense", "--stages=latent").refused("exclude each other")
    invert("--stages=").refused("no stage")
    invert("--layer=").refused("layer")
    invert("--loss=mse+lpips").refused("lpips", "mse, likelihood")
    invert("--max_evaluations=many").refused("--max_evaluations=many")
    invert("--max_evaluations=1,2,3").refused("3 budgets")
    invert("--relu_leak=2").refused("2", "0 to 1")
    invert("--relu_leak=nan").refused("nan", "0 to 1")
    invert("--constraint=box:1").refused("box:1", "clip:BOUND")
    invert("--layer=dense", "--constraint=clip:1").refused("clip:1", "none of its stages")
    invert("--seed=-1").refused("seed")
    invert("--batch_size=0").refused("batch_size")
    invert("--solver=sgd").refused("solver", "sgd", "lbfgs")
    assert not (tmp_path / "out").exists()


def test_without_a_dense_layer_the_latent_is_the_one_stage_unless_told_otherwise(invert, tmp_path):
    done = invert(generator="without_dense")
    assert done.status == 0 and "no dense layer" in done.err
    assert {row["stage"] for row in rows(tmp_path / "out")} == {"latent"}
    assert "--stages=latent\n" in (tmp_path / "out" / "config.cfg").read_text() + "\n"


def test_flags_and_arguments_that_there_are_not(invert, tmp_path):
    invert("--layr=dense").refused("layr")
    invert("dense").refused("'dense'", "--")
    invert("--seed=two").refused("seed", "two")
    invert(f"--flagfile={tmp_path / 'none.cfg'}").refused("none.cfg")
    run("tfinv.invert").refused("generator")
    run("tfinv.invert", "--generator=dcgan_cifar10").refused("images")


def test_images_that_there_are_not(invert, tmp_path):
    (tmp_path / "empty").mkdir()
    invert(images=tmp_path / "none.png").refused("none.png", "no such file")
    invert(images=tmp_path / "empty").refused("holds no pictures")
    invert(images=tmp_path / "*.gif").refused("no file matches")
    invert(images="sample:none").refused("sample:8")
    invert(images="").refused("no images")
    invert(images="package:no_such_package/a.png").refused("no_such_package")


def test_output_folders_that_cannot_be_used(invert, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("dear")
    invert(output_dir=tmp_path / "file").refused("not a folder", "--output_dir")
    invert(output_dir=tmp_path / "file" / "below").refused("parent folder")
    invert(output_dir="/proc/1/tfinv").refused("/proc/1")
    invert(output_dir=tmp_path / "mine").refused("thesis.tex", "--output_dir")
    assert os.listdir(tmp_path / "mine") == ["thesis.tex"]
    assert invert().status == 0
    invert("--seed=9").refused("different run", "--seed=9", "--overwrite")
    assert invert("--seed=9", "--overwrite").status == 0
    assert "--seed=9" in (tmp_path / "out" / "config.cfg").read_text()


def test_help_teaches():
    done = run_apart("tfinv.invert", "--help")
    assert (done.status, done.err) == (0, "")
    for word in (
        "--images",
        "--output_dir",
        "--stages",
        "sample:N",
        "quickstart.cfg",
        "Exit status",
    ):
        assert word in done.out


def test_a_process_of_its_own_writes_one_line_and_nothing_else(saved, tmp_path):
    arguments = ["--images=sample:2", f"--output_dir={tmp_path / 'out'}", *QUICK]
    done = run_apart("tfinv.invert", f"--generator={tmp_path / 'none'}", *arguments)
    done.refused("does not exist")
    done = run_apart("tfinv.invert", f"--generator={saved['dcgan']}", *arguments)
    assert done.status == 0, done
    assert len(done.out.splitlines()) == 1
    assert "Traceback" not in done.err and "error" not in done.err.lower()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
