"""The state file: whole or refused, of this run or none, and clear about what is to be read."""

from __future__ import annotations

import errno
import sys

import numpy as np
import pytest
from results import fakes

from tfinv.errors import UserError
from tfinv.results import state as format_of_state
from tfinv.results import store as subject
from tfinv.results.state import STATE, Begun, State, read_state
from tfinv.results.store import Store

CONFIG = "--seed=1\n--batch_size=4\n"


def open_store(folder, config=CONFIG, **options) -> Store:
    return Store(folder, config_text=config, **options)


def state(shards=0, cursors=(6,), names=((4, "4.png"),)) -> State:
    return State(Begun(shards, cursors, dict(names)), {"0/a": np.arange(5.0), "1/b": np.eye(2)})


def test_a_state_comes_back_once(tmp_path):
    with open_store(tmp_path / "out") as store:
        assert not store.has_state and store.take_state() is None
        store.keep(state())
    with open_store(tmp_path / "out") as store:
        assert store.has_state and store.fault == ""
        found = store.take_state()
        assert found.begun == state().begun and not store.has_state
        np.testing.assert_array_equal(found.arrays["0/a"], np.arange(5.0))
        np.testing.assert_array_equal(found.arrays["1/b"], np.eye(2))
        store.forget()
    with open_store(tmp_path / "out") as store:
        assert not store.has_state and not (tmp_path / "out" / STATE).exists()


def test_what_need_not_be_read_again(tmp_path):
    with open_store(tmp_path / "out") as store:
        store.add(fakes.batch(0, 2))  # done before the work began
        store.add(fakes.batch(2, 2))  # finished by it, before the state was written
        store.add(fakes.batch(7, 1))  # after that: read again, and dropped in the end
        store.keep(state(shards=1))
    with open_store(tmp_path / "out") as store:
        names = {row.index: row.name for row in store.rows()} | {4: "4.png", 5: "5.png"}
        names[6] = "6.png"
        read = [index for index in range(8) if not store.is_finished(index, names[index])]
        assert read == [5, 6, 7]
        with pytest.raises(UserError, match=r"image 4 is other\.png now"):
            store.is_finished(4, "other.png")
        assert 7 in store and len(store) == 5
        store.forget()
        read = [index for index in range(8) if not store.is_finished(index, names[index])]
        assert read == [4, 5, 6]


def test_streams_have_cursors_of_their_own():
    begun = Begun(0, (6, 3), {})
    assert begun.need_not_be_read(4, 0) and not begun.need_not_be_read(6, 0)
    assert begun.need_not_be_read(1, 0) and not begun.need_not_be_read(3, 0)
    assert not begun.need_not_be_read(2, None)


def test_a_state_of_another_version_is_not_taken_up(tmp_path, monkeypatch):
    with monkeypatch.context() as other, open_store(tmp_path / "out") as store:
        other.setattr(format_of_state, "__version__", "0.0.9")
        store.add(fakes.batch(0, 2))
        store.keep(state())
    with open_store(tmp_path / "out") as store:
        assert not store.has_state and len(store) == 2
        assert "it is of tfinv 0.0.9, and this is" in store.fault
        assert "begun again" in store.fault and "\n" not in store.fault


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_a_damaged_state_is_said_and_nothing_finished_is_lost(tmp_path, at, harm):
    with open_store(tmp_path / "out") as store:
        store.add(fakes.batch(0, 2))
        store.keep(State(state().begun, {"0/a": np.arange(5000.0)}))
    path = tmp_path / "out" / STATE
    data = bytearray(path.read_bytes())
    where = int(at * len(data))
    data[where] ^= 255
    path.write_bytes(data[:where] if harm == "cut" else data)
    with open_store(tmp_path / "out") as store:
        assert "begun again" in store.fault and "\n" not in store.fault
        assert store.take_state() is None and store.finished_indices() == {0, 1}


def test_a_state_of_other_flags_is_none_of_ours(tmp_path):
    with open_store(tmp_path / "out") as store:
        store.keep(state())
    path = tmp_path / "out" / STATE
    assert read_state(path, "--batch_size=4\n\n--seed=1") is not None  # their order is no flag
    with pytest.raises(UserError, match="other flags"):
        read_state(path, "--seed=2\n")


def test_a_full_disk_leaves_the_state_that_was_there(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_store(tmp_path / "out") as store:
        store.keep(state())
        monkeypatch.setattr(subject, "write_state", full)
        with pytest.raises(UserError, match="No space left on device"):
            store.keep(state(cursors=(9,)))
        monkeypatch.undo()
    with open_store(tmp_path / "out") as store:
        assert store.take_state().begun.cursors == (6,)
    assert [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")] == []


def test_overwrite_removes_a_state(tmp_path):
    with open_store(tmp_path / "out", identity={"generator": "a", "pictures": 3}) as store:
        store.keep(state())
    with open_store(tmp_path / "out", overwrite=True, identity={"generator": "b"}) as store:
        assert not store.has_state and not (tmp_path / "out" / STATE).exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_that_name_is_in_the_way_before_anything_is_removed(overwrite, tmp_path):
    with open_store(tmp_path / "out") as store:
        store.add(fakes.batch(0, 2))
    (tmp_path / "out" / STATE).mkdir()
    with pytest.raises(UserError, match="a folder has this name; move it away"):
        open_store(tmp_path / "out", overwrite=overwrite)
    (tmp_path / "out" / STATE).rmdir()
    with open_store(tmp_path / "out") as store:
        assert len(store) == 2


def test_what_a_run_is_made_from_must_stay(tmp_path):
    open_store(tmp_path / "out", identity={"generator": "a"}).close()
    open_store(tmp_path / "out", identity={"generator": "a", "pictures": 3}).close()
    with pytest.raises(UserError, match="gave 3 pictures and gives 4 now"):
        open_store(tmp_path / "out", identity={"generator": "a", "pictures": 4})
    with pytest.raises(UserError, match="the generator's graph or weights"):
        open_store(tmp_path / "out", identity={"generator": "b", "pictures": 3})
    (tmp_path / "out" / "run.json").write_text("[")
    with pytest.raises(UserError, match=r"run\.json: cannot be read"):
        open_store(tmp_path / "out", identity={"generator": "a"})


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
