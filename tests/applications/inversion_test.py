"""A whole job into a folder: nobody's fault costs another, and what is cut short goes on."""

from __future__ import annotations

import dataclasses
import functools
import sys
import threading
import time

import numpy as np
import pytest
from applications import photos
from generators import tiny

import tfinv
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.pictures import Picture
from tfinv.applications.stored import stored_start
from tfinv.errors import UserError
from tfinv.inversion.labels import LabelSearch, random_classes
from tfinv.results.load import iterate_results, load_results
from tfinv.results.store import Store

BAD = (1, 2, 6)


@functools.cache
def inverter(conditional: bool = False, **options) -> tfinv.Inverter:
    """Compiled once for all tests that want the same."""
    options = {"solver": "adam", "max_evaluations": 30, "batch_size": 3, **options}
    return tfinv.Inverter(tiny.loaded(conditional), **options)


def pictures(count: int = 7, bad=BAD, label: int | None = None) -> list[Picture]:
    """Pictures of which some could not be read."""
    good = [photos.pixels(k).astype(np.float32) / 255 for k in range(count)]
    return [
        Picture(k, f"{k}.png", label, "", None if k in bad else good[k], "torn" if k in bad else "")
        for k in range(count)
    ]


def store(folder, **options) -> Store:
    return Store(folder, config_text="--seed=0\n", **options)


def codes(folder) -> dict[tuple[int, str], np.ndarray | None]:
    return {(r.index, r.stage): r.code for r in iterate_results(folder)}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_bad_pictures_are_named_and_change_no_other(tmp_path):
    with store(tmp_path / "mixed") as mixed:
        invert_pictures(inverter(), pictures(), mixed)
    with store(tmp_path / "clean") as clean:
        invert_pictures(inverter(), [p for p in pictures() if p.pixels is not None], clean)
    rows = list(iterate_results(tmp_path / "mixed"))
    assert sorted(r.index for r in rows) == sorted([*range(7)] * 2)
    for row in rows:
        assert row.failed == (row.index in BAD)
        if row.failed:
            assert row.status == "failed: torn" and row.code is None and np.isnan(row.rmse)
        else:
            assert row.rmse < 0.5 and row.target is not None and row.latent is not None
    done = {key: code for key, code in codes(tmp_path / "mixed").items() if key[0] not in BAD}
    assert same(done, codes(tmp_path / "clean"))


def test_a_picture_of_no_numbers_fails_alone(tmp_path):
    torn = pictures(3, bad=())
    torn[1].pixels[...] = np.nan
    with store(tmp_path / "torn") as one:
        invert_pictures(inverter(), torn, one)
    with store(tmp_path / "whole") as other:
        invert_pictures(inverter(), pictures(3, bad=()), other)
    failed = [row for row in iterate_results(tmp_path / "torn") if row.failed]
    assert {row.index for row in failed} == {1}
    assert all(row.code is None and row.image is None and np.isnan(row.rmse) for row in failed)
    kept = {key: code for key, code in codes(tmp_path / "torn").items() if key[0] != 1}
    whole = {key: code for key, code in codes(tmp_path / "whole").items() if key[0] != 1}
    assert same(kept, whole)


class Cut(Exception):
    pass


def cut(outcome):
    raise Cut


def test_a_run_that_was_cut_short_goes_on(tmp_path):
    many = pictures(40)
    with store(tmp_path / "cut") as first, pytest.raises(Cut):
        invert_pictures(inverter(), many, first, on_batch=cut)
    with store(tmp_path / "cut") as second:
        before = second.finished_indices()
        assert 0 < len(before) < 40
        invert_pictures(inverter(), many, second)
        assert second.finished_indices() == set(range(40))
    with store(tmp_path / "whole") as whole:
        invert_pictures(inverter(), many, whole)
    assert same(codes(tmp_path / "cut"), codes(tmp_path / "whole"))
    for run in ("cut", "whole"):
        assert not (tmp_path / run / "state.npz").exists()


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_what_is_in_work_is_taken_up(tmp_path, steps):
    """Stopped in the middle of a stage, the evaluations before it are not done again."""
    seen = []

    def stop(stage, state):
        seen.append(stage)
        if len(seen) == 2 * steps:
            raise KeyboardInterrupt

    long = inverter(max_evaluations=100)
    with store(tmp_path / "cut") as first, pytest.raises(KeyboardInterrupt):
        invert_pictures(long, pictures(), first, on_progress=stop)
    notes = []
    with store(tmp_path / "cut") as second:
        assert (tmp_path / "cut" / "state.npz").exists()
        spent = invert_pictures(long, pictures(), second, on_note=notes.append)
    with store(tmp_path / "whole") as whole:
        assert invert_pictures(long, pictures(), whole) == spent
    assert notes == []
    assert same(codes(tmp_path / "cut"), codes(tmp_path / "whole"))


@pytest.mark.parametrize("calls", [5, 9, 14])
def test_labels_that_are_looked_for_are_taken_up_too(tmp_path, calls):
    finding = inverter(conditional=True)
    search = LabelSearch(finding, random_classes(finding.generator, 2), evaluations=5)
    seen = []

    def stop(stage, state):
        seen.append(stage)
        if len(seen) == calls:
            raise KeyboardInterrupt

    def run(folder, **options):
        with store(tmp_path / folder) as one:
            invert_pictures(finding, pictures(8), one, label_search=search, **options)

    with pytest.raises(KeyboardInterrupt):
        run("cut", on_progress=stop)
    run("cut")
    run("whole")
    found = [
        {(r.index, r.stage): (r.label, r.evaluations) for r in iterate_results(tmp_path / folder)}
        for folder in ("cut", "whole")
    ]
    assert found[0] == found[1] and same(codes(tmp_path / "cut"), codes(tmp_path / "whole"))
    assert all(label is not None for (index, _), (label, _) in found[0].items() if index not in BAD)


@pytest.mark.parametrize("harm", ["torn", "foreign", "devices"])
def test_a_state_that_cannot_be_taken_up_loses_nothing_that_is_finished(tmp_path, harm):
    with store(tmp_path / "cut") as first, pytest.raises(Cut):
        invert_pictures(inverter(), pictures(), first, on_batch=cut)
    state, notes = tmp_path / "cut" / "state.npz", []
    data = state.read_bytes()
    devices = (None, None) if harm == "devices" else (None,)
    if harm == "torn":
        state.write_bytes(data[: len(data) // 2])
    config = "--seed=0\n"
    if harm == "foreign":
        config = "--seed=1\n"
        (tmp_path / "cut" / "config.cfg").unlink()
        state.rename(tmp_path / "kept.npz")
        for path in (tmp_path / "cut").iterdir():
            path.unlink()
        Store(tmp_path / "cut", config_text=config).close()
        (tmp_path / "kept.npz").rename(state)
    with Store(tmp_path / "cut", config_text=config) as second:
        invert_pictures(inverter(), pictures(), second, on_note=notes.append, devices=devices)
        assert second.finished_indices() == set(range(7))
    assert len(notes) == 1 and "begun again" in notes[0] and "\n" not in notes[0]
    with store(tmp_path / "whole") as whole:
        invert_pictures(inverter(), pictures(), whole)
    assert same(codes(tmp_path / "cut"), codes(tmp_path / "whole"))


def test_another_picture_in_the_place_of_one_in_work_is_refused(tmp_path):
    seen = []

    def stop(stage, state):
        seen.append(stage)
        if len(seen) == 3:
            raise KeyboardInterrupt

    long = inverter(max_evaluations=100)
    with store(tmp_path / "run") as first, pytest.raises(KeyboardInterrupt):
        invert_pictures(long, pictures(bad=()), first, on_progress=stop)
    renamed = pictures(bad=())
    renamed[1] = dataclasses.replace(renamed[1], name="another.png")
    with store(tmp_path / "run") as second:
        assert second.finished_indices() == set()
        with pytest.raises(UserError, match=r"image 1 is another\.png now"):
            invert_pictures(long, renamed, second)


def test_a_fault_of_the_reading_ends_the_run_and_keeps_what_is_finished(tmp_path):
    def broken():
        yield from pictures(5, bad=())
        raise UserError("the folder is gone")

    with store(tmp_path / "run") as run:
        with pytest.raises(UserError, match="the folder is gone"):
            invert_pictures(inverter(), broken(), run)
        before = run.finished_indices()
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(5, bad=()), run)
        assert before <= run.finished_indices() == set(range(5))


def test_a_run_can_be_stopped_while_it_waits_for_a_picture(tmp_path):
    """Nor does one device wait for ever where another takes no more pictures."""
    go_on = threading.Event()

    def slow():
        yield from pictures(20, bad=())
        go_on.wait(20)
        yield from pictures(30, bad=())[20:]

    def stop(stage, state):
        time.sleep(0.5)  # long enough for the others to wait
        go_on.set()
        raise KeyboardInterrupt

    with store(tmp_path / "run") as run, pytest.raises(KeyboardInterrupt):
        invert_pictures(inverter(), slow(), run, on_progress=stop, devices=(None, None, None))
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(30, bad=()), run, devices=(None, None, None))
        assert run.finished_indices() == set(range(30))


def test_everything_finished_is_on_disk_at_every_moment_that_is_kept(tmp_path):
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(7, bad=()), run, save_every=0.0)
        assert run.finished_indices() == set(range(7))
    with store(tmp_path / "whole") as whole:
        invert_pictures(inverter(), pictures(7, bad=()), whole)
    assert same(codes(tmp_path / "run"), codes(tmp_path / "whole"))


def test_shards_hold_a_batch_and_are_told_of(tmp_path):
    outcomes = []
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(), run, on_batch=outcomes.append)
    assert [o.images for o in outcomes] == [3, 3, 1]
    assert sum(o.failed for o in outcomes) == 3
    assert sum(np.isfinite(o.rmse).sum() for o in outcomes) == 4
    assert len(list((tmp_path / "run").glob("codes-*.npz"))) == 3


def test_only_bad_pictures(tmp_path):
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(3, bad=range(3)), run)
        assert run.finished_indices() == {0, 1, 2}
    assert all(row.failed for row in iterate_results(tmp_path / "run"))


def test_labels_are_kept(tmp_path):
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(conditional=True), pictures(3, bad=(), label=4), run)
    for row in iterate_results(tmp_path / "run"):
        assert (row.label, int(row.labels)) == (4, 4)


def test_a_stored_start_goes_on_where_the_run_ended(tmp_path):
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(4, bad=()), run)
    for layer in ("latent", "dense"):
        before = load_results(tmp_path / "run", layer)
        start = stored_start(tmp_path / "run", layer).start
        with store(tmp_path / layer) as more:
            again = inverter(stages=(layer,), start=start, max_evaluations=1)
            invert_pictures(again, pictures(4, bad=()), more)
        after = load_results(tmp_path / layer)
        np.testing.assert_array_equal(after.codes, before.codes)
        np.testing.assert_allclose(after.rmse, before.rmse, atol=1e-6)


def test_a_layer_that_was_not_stored_starts_at_the_code_of_the_latent(tmp_path):
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(stages=("latent",)), pictures(2, bad=()), run)
    split = tiny.loaded().split("dense")
    start = stored_start(tmp_path / "run", "dense").start
    assert start.codes(split, [0, 1], 0) is None
    latents = load_results(tmp_path / "run").latents
    np.testing.assert_array_equal(start.latents(split, [0, 1], 0), latents)


def test_a_picture_that_the_stored_run_does_not_know_fails_alone(tmp_path):
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(3, bad=(1,)), run)
    start, names = stored_start(tmp_path / "run", "dense")
    renamed = pictures(4, bad=())
    renamed[2] = dataclasses.replace(renamed[2], name="another.png")
    again = tfinv.Inverter(tiny.loaded(), "dense", start=start, max_evaluations=1)
    with store(tmp_path / "more") as more:
        invert_pictures(again, renamed, more, stored_names=names)
    failed = {row.name for row in iterate_results(tmp_path / "more") if row.failed}
    assert failed == {"1.png", "another.png", "3.png"}


def test_a_folder_without_results_is_no_start(tmp_path):
    for folder, words in ((tmp_path / "none", "no such folder"), (tmp_path, "holds no results")):
        with pytest.raises(UserError, match=words):
            stored_start(folder, "latent")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
