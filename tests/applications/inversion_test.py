"""A whole job into a folder: nobody's fault costs another, and what is cut short goes on."""

from __future__ import annotations

import dataclasses
import functools
import sys

import numpy as np
import pytest
from applications import photos
from generators import tiny

import tfinv
from tfinv.applications.inversion import invert_pictures, stored_start
from tfinv.applications.pictures import Picture
from tfinv.errors import UserError
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
    assert [r.index for r in rows] == sorted([*range(7)] * 2)
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


def test_a_run_that_was_cut_short_goes_on(tmp_path):
    class Cut(Exception):
        pass

    def cut(outcome):
        raise Cut

    with store(tmp_path / "cut") as first, pytest.raises(Cut):
        invert_pictures(inverter(), pictures(), first, on_batch=cut)
    with store(tmp_path / "cut") as second:
        before = second.finished_indices()
        assert 0 < len(before) < 7
        invert_pictures(inverter(), pictures(), second)
        assert second.finished_indices() == set(range(7))
    with store(tmp_path / "whole") as whole:
        invert_pictures(inverter(), pictures(), whole)
    assert same(codes(tmp_path / "cut"), codes(tmp_path / "whole"))


def test_batches_hold_as_many_good_pictures_as_fit_and_are_told_of(tmp_path):
    outcomes = []
    with store(tmp_path / "run") as run:
        invert_pictures(inverter(), pictures(), run, on_batch=outcomes.append)
    assert [(o.images, o.failed) for o in outcomes] == [(5, 2), (2, 1)]
    assert sum(np.isfinite(o.rmse).sum() for o in outcomes) == 4
    assert len(list((tmp_path / "run").glob("codes-*.npz"))) == 2


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
