"""The store: what may be opened, what survives, and what full disks and kills leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from results import fakes

from tfinv.errors import UserError
from tfinv.results import files
from tfinv.results.load import iterate_results, load_results
from tfinv.results.store import Store

CONFIG = "--generator=dcgan\n--seed=1\n"


def open_store(folder, config=CONFIG, overwrite=False) -> Store:
    return Store(folder, config_text=config, overwrite=overwrite)


def refused(folder, words, **options):
    before = sorted(p.name for p in folder.iterdir()) if os.path.isdir(folder) else None
    with pytest.raises(UserError, match=words) as error:
        open_store(folder, **options)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
    if before is not None:
        assert sorted(p.name for p in folder.iterdir()) == before


def test_what_is_added_can_be_read_and_continued(tmp_path):
    with open_store(tmp_path / "out") as store:
        assert store.finished_indices() == set()
        store.add(fakes.batch(0, 3))
        store.add([])
        store.add([*fakes.failed(3), *fakes.batch(4, 1)])
        assert store.finished_indices() == {0, 1, 2, 3, 4}
        with pytest.raises(ValueError, match="in the store already"):
            store.add(fakes.batch(2, 1))
    with open_store(tmp_path / "out") as store:
        assert store.finished_indices() == {0, 1, 2, 3, 4}
        store.add(fakes.batch(5, 1))
        assert [r.index for r in store.rows()] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
        assert [r.index for r in store.results({5, 0})] == [0, 0, 5, 5]
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["codes-00000.npz", "codes-00001.npz", "codes-00002.npz", "config.cfg"]


def test_an_image_that_is_in_two_shards_is_refused(tmp_path):
    with open_store(tmp_path / "out") as store:
        store.add(fakes.batch(0, 2))
        store.add(fakes.batch(2, 2))
    shards = sorted((tmp_path / "out").glob("codes-*.npz"))
    shards[1].rename(tmp_path / "out" / "codes-00007.npz")
    double = tmp_path / "out" / "codes-00003.npz"
    double.write_bytes(shards[0].read_bytes())
    refused(tmp_path / "out", r"codes-00003\.npz: holds image 0, which codes-00000\.npz holds too")
    double.unlink()
    with open_store(tmp_path / "out") as store:
        assert store.finished_indices() == {0, 1, 2, 3}


def test_an_image_is_finished_at_its_place_and_under_its_name_alone(tmp_path):
    added = fakes.batch(0, 2)
    names = {row.index: row.name for row in added}
    with open_store(tmp_path / "out") as store:
        assert not store.is_finished(0, names[0])
        store.add(added)
        assert store.is_finished(0, names[0])
    with open_store(tmp_path / "out") as store:
        assert store.is_finished(1, names[1]) and not store.is_finished(2, "new.png")
        with pytest.raises(UserError, match=r"image 1 is new\.png now.*--overwrite"):
            store.is_finished(1, "new.png")


def test_the_config_can_be_used_as_a_flag_file(tmp_path):
    open_store(tmp_path / "out").close()
    lines = (tmp_path / "out" / "config.cfg").read_text().splitlines()
    assert lines[0].startswith("#") and lines[1:] == CONFIG.split()


def test_a_different_run_is_refused_and_the_flags_named(tmp_path):
    out = tmp_path / "out"
    with open_store(out) as store:
        store.add(fakes.batch(0, 1))
    other = "--generator=dcgan\n--seed=2\n--solver=adam\n"
    refused(out, "--seed=1 there, --seed=2 now; no --solver there, --solver=adam now", config=other)
    refused(out, "add --overwrite", config="--generator=biggan\n--seed=1")
    with open_store(out, "# a comment\n--seed=1\n\n--generator=dcgan") as store:
        assert store.finished_indices() == {0}


def test_overwrite_removes_a_run_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    with open_store(out) as store:
        store.add(fakes.batch(0, 1))
        store.write("images.csv", lambda file: file.write(b"x"))
    (out / "events").mkdir()
    (out / "events" / "events.out.tfevents.1.host").write_bytes(b"x")
    (out / "events" / "mine.txt").write_bytes(b"x")
    (out / "notes.txt").write_bytes(b"mine")
    (out / "codes-mine.npz").write_bytes(b"mine")
    with open_store(out, "--seed=2", overwrite=True) as store:
        assert store.finished_indices() == set()
    left = sorted(p.relative_to(out).as_posix() for p in out.rglob("*"))
    assert left == ["codes-mine.npz", "config.cfg", "events", "events/mine.txt", "notes.txt"]
    with open_store(out, "--seed=2") as store:
        store.add(fakes.batch(0, 1))
    with open_store(out, "--seed=2", overwrite=True) as store:
        assert store.finished_indices() == set(), "the same run is begun anew if asked for"


def test_foreign_folders_are_refused(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("x")
    refused(out, "holds thesis.tex and no tfinv run")
    with open_store(out, overwrite=True) as store:
        store.add(fakes.batch(0, 1))
    assert (out / "thesis.tex").read_text() == "x"

    other = tmp_path / "other"
    other.mkdir()
    (other / "images.csv").write_text("mine")
    refused(other, "images.csv that no run of tfinv left", overwrite=True)
    (other / "config.cfg").write_text("[section]\nmine=1\n")
    refused(other, "not tfinv's", overwrite=True)


def test_unusable_folders(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "not a folder")
    refused(tmp_path / "no" / "such", "parent folder does not exist")
    refused(tmp_path / ("x" * 300), "File name too long")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    refused(tmp_path / "link", "not a folder")


@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_a_folder_that_cannot_be_written(call, tmp_path, monkeypatch):
    def deny(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    if call == "mkdir":
        monkeypatch.setattr("pathlib.Path.mkdir", deny)
        refused(tmp_path / "out", "Permission denied; choose a folder that can be written")
    else:
        (tmp_path / "out").mkdir()
        monkeypatch.setattr(files, "open", deny, raising=False)
        refused(tmp_path / "out", "Permission denied; choose a folder that can be written")


def test_two_runs_cannot_share_a_folder(tmp_path):
    with open_store(tmp_path / "out"):
        refused(tmp_path / "out", "another run is writing here")
    open_store(tmp_path / "out").close()


def test_a_refused_folder_is_not_locked(tmp_path):
    open_store(tmp_path / "out").close()
    with pytest.raises(UserError) as kept_alive:
        open_store(tmp_path / "out", "--seed=9")
    open_store(tmp_path / "out").close()
    assert kept_alive


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_full_disk_keeps_what_was_finished(moment, tmp_path, monkeypatch):
    with open_store(tmp_path / "out") as store:
        store.add(fakes.batch(0, 2))

        def full(*args, **kwargs):
            if moment == "write":
                args[0].write(b"half of it")
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            if moment == "write":
                patch.setattr("tfinv.results.store.write_shard", full)
            else:
                patch.setattr(os, moment, full)
            with pytest.raises(UserError) as error:
                store.add(fakes.batch(2, 2))
        message = str(error.value)
        assert "No space left on device; free some space; 2 finished images are kept" in message
        assert sorted(p.name for p in store.folder.iterdir()) == ["codes-00000.npz", "config.cfg"]
        assert store.finished_indices() == {0, 1}
        store.add(fakes.batch(2, 2))
        assert store.finished_indices() == {0, 1, 2, 3}


def test_a_damaged_shard_is_named_and_deleting_it_mends_the_run(tmp_path):
    out = tmp_path / "out"
    with open_store(out) as store:
        store.add(fakes.batch(0, 2))
        store.add(fakes.batch(2, 2))
    shard = out / "codes-00000.npz"
    shard.write_bytes(shard.read_bytes()[:-100])
    refused(out, r"codes-00000\.npz: the shard is damaged")
    shard.unlink()
    with open_store(out) as store:
        assert store.finished_indices() == {2, 3}
        store.add(fakes.batch(0, 2))
    assert (out / "codes-00002.npz").exists()


CHILD = """
import sys
from results import fakes
from tfinv.results.store import Store
batch = fakes.batch(0, 4)  # imports what takes long
with Store(sys.argv[1], config_text="--seed=1") as store:
    print("open", flush=True)
    for first in range(0, 100000, 4):
        if first not in store.finished_indices():
            store.add(fakes.batch(first, 4))
"""


def test_kill_minus_nine_tears_nothing_and_loses_nothing(tmp_path):
    """Killed again and again, the run always goes on from whole shards."""
    out = tmp_path / "out"
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    random = np.random.default_rng(0)
    before: set[int] = set()
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(out)], env=env, stdout=subprocess.PIPE
        )
        assert child.stdout.readline() == b"open\n"
        time.sleep(random.uniform(0.02, 0.25))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with Store(out, config_text="--seed=1") as store:
            finished = store.finished_indices()
            assert before <= finished and finished == set(range(len(finished)))
            assert not [p for p in out.iterdir() if p.name.startswith(".")]
        before = finished
    assert before
    found = list(iterate_results(out))
    assert [(r.index, r.stage) for r in found] == [(i, s) for i in before for s in fakes.STAGES]
    for got in found[-24:]:
        want = next(r for r in fakes.result(got.index) if r.stage == got.stage)
        assert np.array_equal(got.code, want.code) and got.rmse == want.rmse


def test_load_results(tmp_path):
    with open_store(tmp_path / "out") as store:
        store.add([*fakes.batch(4, 2), *fakes.failed(6)])
        store.add(fakes.batch(0, 2))
    results = load_results(tmp_path / "out")
    assert results.stage == "dense" and results.indices.tolist() == [0, 1, 4, 5]
    assert results.codes.shape == (4, 2, 2, 3) and results.latents.shape == (4, 8)
    assert results.images.shape == results.targets.shape == (4, 8, 8, 3)
    assert results.classes == [None, 1, None, 2] and results.labels.tolist() == [0, 1, 1, 2]
    want = [r for i in (0, 1, 4, 5) for r in fakes.result(i) if r.stage == "latent"]
    latent = load_results(str(tmp_path / "out"), "latent")
    np.testing.assert_array_equal(latent.codes, [r.code for r in want])
    np.testing.assert_array_equal(latent.rmse, [r.rmse for r in want])
    assert latent.failed == {"bad.png": "failed: bad.png: the file is empty"}
    assert latent.names == [r.name for r in want] and latent.status == [r.status for r in want]


def test_load_results_of_nothing(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        load_results(tmp_path / "out")
    with open_store(tmp_path / "out") as store:
        with pytest.raises(UserError, match="holds no results"):
            load_results(tmp_path / "out")
        store.add(list(fakes.failed(0)))
    with pytest.raises(UserError, match="every image failed"):
        load_results(tmp_path / "out")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
