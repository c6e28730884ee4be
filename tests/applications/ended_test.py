"""Jobs that end early: every fault is said, nobody waits for ever, and memory is given back."""

from __future__ import annotations

import functools
import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from applications import photos
from generators import tiny

import tfinv
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.pictures import Picture
from tfinv.applications.worker import Worker
from tfinv.errors import UserError
from tfinv.inversion.pipeline import Pipeline
from tfinv.results.store import Store


@functools.cache
def inverter(**options) -> tfinv.Inverter:
    options = {"solver": "adam", "max_evaluations": 30, "batch_size": 3, **options}
    return tfinv.Inverter(tiny.loaded(), **options)


def pictures(count: int) -> list[Picture]:
    pixels = [photos.pixels(k).astype(np.float32) / 255 for k in range(count)]
    return [Picture(k, f"{k}.png", None, "", each) for k, each in enumerate(pixels)]


def store(folder) -> Store:
    return Store(folder, config_text="--seed=0\n")


class Cut(Exception):
    pass


def cut(outcome):
    raise Cut


def test_what_was_taken_up_does_not_stay_in_memory(tmp_path, monkeypatch):
    # So many that the first sitting cannot have finished them: its results would not be taken.
    with store(tmp_path / "run") as first, pytest.raises(Cut):
        invert_pictures(inverter(), pictures(40), first, on_batch=cut)
    taken, alive, take_state = [], [], Store.take_state

    def watched(self):
        state = take_state(self)
        taken.append(weakref.ref(state))
        return state

    def look(outcome):
        gc.collect()
        alive.append(taken[0]() is not None)

    monkeypatch.setattr(Store, "take_state", watched)
    with store(tmp_path / "run") as second:
        assert second.has_state
        invert_pictures(inverter(), pictures(40), second, on_batch=look)
    assert alive and not any(alive)


def test_what_could_not_be_kept_is_said(tmp_path, monkeypatch):
    notes, seen, keep = [], [], Store.keep

    def full(self, state):
        if state.begun.names:
            raise UserError("no space left")
        keep(self, state)

    def stop(stage, state):
        seen.append(stage)
        if len(seen) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Store, "keep", full)
    with store(tmp_path / "run") as run, pytest.raises(KeyboardInterrupt):
        more = {"on_progress": stop, "on_note": notes.append}
        invert_pictures(inverter(max_evaluations=100), pictures(7), run, **more)
    assert notes == ["what was in work could not be kept: no space left"]


def test_the_fault_of_every_device_is_said(tmp_path, monkeypatch):
    notes, both = [], threading.Barrier(2)

    def fail(self):
        both.wait()
        raise ValueError(f"fault {threading.get_ident()}")

    monkeypatch.setattr(Pipeline, "step", fail)
    with store(tmp_path / "run") as run, pytest.raises(ValueError, match="fault") as error:
        more = {"on_note": notes.append, "devices": (None, None)}
        invert_pictures(inverter(), pictures(7), run, **more)
    [note] = notes
    assert note.startswith("another device has failed too: ValueError fault ")
    assert str(error.value) not in note


def test_a_worker_that_cannot_start_is_not_waited_for(tmp_path, monkeypatch):
    start, started = Worker.start, []

    def once(self):
        if started:
            raise RuntimeError("no more threads")
        started.append(self)
        start(self)

    monkeypatch.setattr(Worker, "start", once)
    with store(tmp_path / "run") as run, pytest.raises(RuntimeError, match="no more threads"):
        invert_pictures(inverter(), pictures(7), run, devices=(None, None))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
