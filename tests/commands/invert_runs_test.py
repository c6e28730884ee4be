"""Runs of `python -m tfinv.invert` that are stopped, taken up, or refused: nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from applications import photos
from commands.inverting import LEFT, QUICK, codes, inverting, rows, same
from commands.running import run
from generators import tiny

from tfinv.results.load import iterate_results


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("generators")
    return {"dcgan": tiny.dcgan(folder / "dcgan")}


@pytest.fixture
def invert(saved, tmp_path):
    return inverting(saved, tmp_path)


def test_a_disk_that_fills_up_loses_nothing_that_was_done(invert, tmp_path, monkeypatch):
    import errno

    from tfinv.results import store

    written, write = [], store.write_shard

    def full(file, results):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(results)
        write(file, results)

    monkeypatch.setattr(store, "write_shard", full)
    done = invert(images="sample:6")
    assert done.status == 1 and "Traceback" not in done.err
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert all(
        w in errors[0] for w in ("No space left", "4 finished images are kept", "same command")
    )
    assert len({row["name"] for row in rows(tmp_path / "out")}) == 4
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["partial"] is True
    monkeypatch.undo()
    assert invert(images="sample:6").status == 0
    assert len({row["name"] for row in rows(tmp_path / "out")}) == 6


def test_a_folder_that_has_changed_is_not_continued(invert, tmp_path):
    photos_of = photos.write(tmp_path / "changing", photos.good(3))
    assert invert(images=photos_of).status == 0
    before = codes(tmp_path / "out")
    [first, *_] = sorted(photos_of.iterdir())
    first.rename(photos_of / "0-new.png")
    done = invert(images=photos_of)
    assert done.status == 2 and "image 0 is 0-new.png now" in done.err.splitlines()[-1]
    (photos_of / "0-new.png").rename(first)
    (photos_of / "z-new.png").write_bytes(photos.png(7))
    invert(images=photos_of).refused("gave 3 pictures and gives 4 now", "--overwrite")
    (photos_of / "z-new.png").unlink()
    assert invert(images=photos_of).status == 0
    assert same(codes(tmp_path / "out"), before)


def test_another_generator_in_the_same_place_is_not_continued(invert, saved, tmp_path):
    place = tmp_path / "generator"
    shutil.copytree(saved["dcgan"], place)
    assert invert(generator=str(place)).status == 0
    shutil.rmtree(place)
    tiny.dcgan(place, seed=1)
    invert(generator=str(place)).refused("generator", "weights", "--overwrite")
    assert invert("--overwrite", generator=str(place)).status == 0


def test_an_interrupt_keeps_what_is_done_and_what_is_in_work(invert, tmp_path, monkeypatch):
    from tfinv.results.store import Store

    added, add = [], Store.add

    def interrupted(self, rows):
        if added:
            monkeypatch.setattr(Store, "add", add)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)  # the signal comes before that is over
        added.append(rows)
        add(self, rows)

    monkeypatch.setattr(Store, "add", interrupted)
    done = invert(images="sample:40")
    assert done.status == 130 and done.err.splitlines()[-1] == "interrupted"
    assert "the same command goes on" in done.out
    assert (tmp_path / "out" / "state.npz").exists()
    done_first = len({row["name"] for row in rows(tmp_path / "out")})
    assert 4 <= done_first < 40
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["partial"] is True
    again = invert("--resume", images="sample:40")
    assert again.status == 0 and "note:" not in again.err
    assert invert(images="sample:40", output_dir=tmp_path / "whole").status == 0
    assert same(codes(tmp_path / "out"), codes(tmp_path / "whole"))
    left = set(os.listdir(tmp_path / "out"))
    assert left >= LEFT and "state.npz" not in left
    slots = [
        json.loads((tmp_path / run / "summary.json").read_text())["slots"]
        for run in ("out", "whole")
    ]
    assert slots[0] == slots[1] and 0 <= slots[0]["wasted"] < 0.1 * slots[0]["computed"]


@pytest.mark.parametrize("between", ["shards", "take"])
def test_an_interrupt_between_a_shard_and_the_note_of_it(invert, tmp_path, monkeypatch, between):
    """It waits until the two agree: the rows are not written again, and the state is."""
    from tfinv.applications.outcome import Gathered
    from tfinv.results.store import Store

    sent, kept, take, keep = [], [], Gathered.take, Store.keep

    def interrupt():
        if not sent:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    def take_interrupted(self, spending):
        interrupt()
        return take(self, spending)

    def keep_and_tell(self, state):
        kept.append(len(state.begun.names))
        keep(self, state)

    class Shards:
        """The store's counter, at whose second value the signal comes."""

        def __get__(self, store, owner=None):
            return store.__dict__["shards"]

        def __set__(self, store, value):
            store.__dict__["shards"] = value
            if value:
                interrupt()

    monkeypatch.setattr(Store, "keep", keep_and_tell)
    if between == "take":
        monkeypatch.setattr(Gathered, "take", take_interrupted)
    else:
        monkeypatch.setattr(Store, "shards", Shards(), raising=False)
    done = invert(images="sample:40")
    monkeypatch.undo()
    assert sent and done.status == 130 and done.err.splitlines()[-1] == "interrupted"
    assert kept[0] == 0 and kept[-1] > 0  # what was in work at the end is there
    again = invert(images="sample:40")
    assert again.status == 0 and "note:" not in again.err
    found = [(r.index, r.stage) for r in iterate_results(tmp_path / "out")]
    assert len(found) == len(set(found)) == 80


def test_sigterm_ends_a_run_as_an_interrupt_does(saved, tmp_path):
    arguments = [f"--generator={saved['dcgan']}", f"--output_dir={tmp_path / 'out'}", *QUICK]
    command = [sys.executable, "-m", "tfinv.invert", "--images=sample:100000", *arguments]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("out/codes-*.npz")):
        time.sleep(0.05)
        assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate()
    assert child.returncode == 143, err
    assert "the same command goes on" in out and err.splitlines()[-1] == "interrupted"
    assert (tmp_path / "out" / "state.npz").exists()


def test_resume_is_for_a_run_that_there_is(invert, tmp_path):
    invert("--resume").refused("no run to go on with", "--resume")
    assert not (tmp_path / "out").exists()
    assert invert().status == 0
    invert("--resume", "--overwrite").refused("drop one")
    assert invert("--resume").status == 0


def test_the_batch_size_of_a_run_is_its_own(saved, tmp_path):
    quick = [flag for flag in QUICK if "batch_size" not in flag]
    generator = f"--generator={saved['dcgan']}"
    for count, expected in ((6, 6), (20, 16)):
        out = tmp_path / f"{count}"
        given = (generator, f"--images=sample:{count}", f"--output_dir={out}", *quick)
        assert run("tfinv.invert", *given).status == 0
        assert f"--batch_size={expected}\n" in (out / "config.cfg").read_text()
        config = (out / "config.cfg").read_text()
        (out / "config.cfg").write_text(config.replace(f"size={expected}", "size=3"))
        assert run("tfinv.invert", *given).status == 0  # it does not choose again
        (out / "config.cfg").write_text(config.replace(f"size={expected}", "size=many"))
        run("tfinv.invert", *given).refused("config.cfg", "--batch_size=many", "--overwrite")


def test_devices_that_there_are_not(invert):
    invert("--devices=gpu:7").refused("'gpu:7'", "cpu:0")
    invert("--devices=abacus").refused("'abacus'", "cpu:0")


def test_a_file_system_that_takes_no_larger_files(invert, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        done = invert()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.status == 2 and "Traceback" not in done.err
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "cannot be written" in errors[0]
    assert invert().status == 0  # the same command continues


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
