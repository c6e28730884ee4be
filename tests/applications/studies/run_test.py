"""A study's run: computed once, stopped and taken up, and honest about what failed."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
from applications.studies import setups
from generators import tiny

from tfinv.applications.studies.registry import STUDIES
from tfinv.applications.studies.run import count_work, run_study
from tfinv.applications.studies.study import Arm, Study, gather
from tfinv.errors import UserError
from tfinv.results.findings import FILES, Findings, Table
from tfinv.results.parts import Parts


class Calls:
    """A study without an inversion, which notes what it is asked to compute."""

    def __init__(self, stop_at: int | None = None):
        self.seen, self.stop_at = [], stop_at
        self.study = Study(
            "fake", "", self.arms, self.findings, solver="adam", max_evaluations=1, count=4
        )

    def arms(self, setup):
        def maker(name):
            def run(batch, on_progress):
                if len(self.seen) == self.stop_at:
                    raise KeyboardInterrupt
                self.seen.append((name, batch.names[0]))
                return {"rmse": np.where(batch.indices == 2, np.nan, 0.1)}

            return lambda: run

        return [Arm(name, setup.pictures.name, maker(name)) for name in ("one, a", "one: a")]

    def findings(self, setup, done):
        rows = [(name, float(np.nanmean(arrays["rmse"]))) for name, arrays in done.items()]
        table = Table(("arm", "RMSE"), rows)
        return Findings("fake", table, (1.0, 1.0), lambda figure: figure.subplots(), {})


def small(batch_size: int = 2):
    pictures = setups.pictures(count=4)
    return setups.setup(sets={"samples": pictures}, batch_size=batch_size)


def run(calls, folder, setup=None):
    with Parts(folder, config_text="--seed=0\n", files=FILES) as parts:
        return run_study(calls.study, setup or small(), parts)


def test_what_is_done_is_not_done_again(tmp_path):
    calls = Calls()
    end = run(calls, tmp_path)
    names = setups.pictures(count=4).names
    assert calls.seen == [(arm, names[k]) for arm in ("one, a", "one: a") for k in (0, 2)]
    assert not end.partial and [row[0] for row in end.findings.table.rows] == ["one, a", "one: a"]
    again = Calls()
    assert run(again, tmp_path).findings.table == end.findings.table
    assert again.seen == []
    assert count_work(calls.study, small()) == 8


def test_a_run_that_is_stopped_shows_what_is_finished_and_goes_on(tmp_path):
    end = run(Calls(stop_at=3), tmp_path)
    assert end.partial and [row[0] for row in end.findings.table.rows] == ["one, a"]
    assert (
        "the same command goes on" in json.loads((tmp_path / "study.json").read_text())["notes"][0]
    )
    calls = Calls()
    end = run(calls, tmp_path)
    assert len(calls.seen) == 1 and not end.partial and end.findings.notes == ()


def test_nothing_is_shown_of_a_run_that_is_stopped_at_once(tmp_path):
    end = run(Calls(stop_at=0), tmp_path)
    assert end.partial and end.findings is None
    assert not (tmp_path / "table.md").exists()


def test_failures_are_named_with_their_arm(tmp_path):
    end = run(Calls(), tmp_path)
    assert len(end.failed) == 2 and end.failed[0].startswith("sample-00002: one, a: ")


def test_pictures_that_are_no_longer_what_they_were_are_refused(tmp_path):
    run(Calls(), tmp_path)
    setup = small()
    other = dataclasses.replace(setup.pictures, names=("x", *setup.pictures.names[1:]))
    with pytest.raises(UserError, match="other pictures"):
        run(Calls(), tmp_path, dataclasses.replace(setup, sets={"samples": other}))


def test_pictures_that_cannot_be_read_are_told_and_left_out(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    specs = [str(tmp_path / "a.png"), "noise:3"]
    pictures = gather(tiny.loaded(), specs, 3, name="pictures")
    assert len(pictures) == 2 and list(pictures.indices) == [1, 2]
    assert len(pictures.faults) == 1 and pictures.faults[0].count("a.png") == 1
    with pytest.raises(UserError, match=r"none of the pictures can be read; a\.png"):
        gather(tiny.loaded(), specs, 1, name="pictures")


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_names_its_arms_apart_and_says_what_it_is(name):
    study = STUDIES[name]
    sets = {"samples": setups.pictures()}
    arms = study.arms(setups.setup(sets=sets, max_evaluations=600, projection_weights=(0.1,)))
    assert len({arm.name for arm in arms}) == len(arms) >= 2
    assert study.purpose and study.name == name


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
