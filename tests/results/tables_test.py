"""images.csv and summary.json against numpy over what was put in."""

from __future__ import annotations

import csv
import json
import math
import sys
import tracemalloc

import numpy as np
import pytest
from results import fakes

from tfinv.results.store import Store
from tfinv.results.tables import COLUMNS, write_tables
from tfinv.results.tally import RunInfo, Tally

INFO = RunInfo("models/dcgan", fakes.STAGES, "lbfgs", seconds=4.0)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "out", config_text="--seed=1") as store:
        yield store


def read(store):
    with open(store.folder / "images.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), json.loads((store.folder / "summary.json").read_text())


def test_tables_say_what_was_added(store):
    results = fakes.batch(0, 5)
    odd = list(fakes.result(5, name='comma, "quote" und ü.png'))
    store.add(results[:6])
    store.add([*fakes.failed(6), *results[6:], *odd])
    write_tables(store, INFO)
    table, summary = read(store)
    assert tuple(table[0]) == COLUMNS and len(table) == 14
    by_name = {(row["name"], row["stage"]): row for row in table}
    for want in results + odd:
        row = by_name[want.name, want.stage]
        assert math.isclose(float(row["rmse"]), want.rmse, rel_tol=1e-5)
        assert math.isclose(float(row["psnr"]), want.psnr, rel_tol=1e-5)
        assert row["label"] == ("" if want.label is None else str(want.label))
        assert (row["evaluations"], row["status"]) == (str(want.evaluations), want.status)
    bad = by_name["bad.png", "dense"]
    assert bad["rmse"] == bad["ssim"] == "" and bad["status"].startswith("failed: ")
    assert (summary["images"], summary["failed"], summary["partial"]) == (7, 1, False)
    assert summary["stages"] == ["latent", "dense"] and summary["images_per_second"] == 1.75
    for stage in fakes.STAGES:
        rmse = [r.rmse for r in results + odd if r.stage == stage]
        assert math.isclose(summary["rmse"][stage]["mean"], np.mean(rmse), rel_tol=1e-5)
        assert math.isclose(summary["rmse"][stage]["std"], np.std(rmse), rel_tol=1e-5)
        evaluations = [r.evaluations for r in results + odd if r.stage == stage]
        assert math.isclose(summary["evaluations"][stage], np.mean(evaluations), rel_tol=1e-5)


def test_all_failed_and_nothing_at_all_are_valid_json_too(store):
    for results in ([], list(fakes.failed(0))):
        store.add(results)
        write_tables(store, RunInfo("g", fakes.STAGES, "adam", seconds=0.0, partial=True))
        table, summary = read(store)
        assert len(table) == len(results) and summary["failed"] == bool(results)
        assert summary["rmse"]["dense"] == {"mean": None, "std": None}
        assert summary["images_per_second"] is None and summary["partial"] is True


def test_a_continued_run_has_the_speed_of_what_it_did_itself(store):
    store.add(fakes.batch(0, 4))
    write_tables(store, RunInfo("g", fakes.STAGES, "adam", seconds=2.0, solved=1))
    assert read(store)[1]["images_per_second"] == 0.5


def test_an_exact_reconstruction_has_infinite_psnr(store):
    import dataclasses

    exact = [dataclasses.replace(r, psnr=math.inf, rmse=0.0) for r in fakes.batch(0, 1)]
    store.add(exact)
    write_tables(store, INFO)
    table, summary = read(store)
    assert table[0]["psnr"] == "inf" and summary["psnr"]["latent"] is None


def test_an_image_that_failed_in_one_stage_counts_as_failed():
    latent, dense = fakes.batch(0, 1)
    tally = Tally(fakes.STAGES)
    [bad] = [row for row in fakes.failed(0) if row.stage == "dense"]
    list(tally.count([latent, bad, *fakes.batch(1, 1)]))
    assert (tally.images, tally.failed) == (2, 1)
    assert (tally.stages["latent"].count, tally.stages["dense"].count) == (2, 1)
    assert dense.rmse not in tally.stages["dense"].rmse


def test_memory_does_not_grow_with_the_number_of_shards(store):
    def peak() -> int:
        tracemalloc.start()
        write_tables(store, INFO)
        assert sum(1 for _ in store.results()) == len(list(store.rows()))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    store.add(fakes.batch(0, 4, side=64))
    write_tables(store, INFO)
    few = peak()
    for first in range(4, 40, 4):
        store.add(fakes.batch(first, 4, side=64))
    assert peak() < 1.3 * few, "ten shards, one of them in memory"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
