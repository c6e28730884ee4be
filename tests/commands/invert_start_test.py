"""`python -m tfinv.invert`: starts, restarts, leak schedules, and what of them does not fit."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from commands.running import Done, run
from generators import tiny

from tfinv.commands import inversion_flags
from tfinv.inversion.solvers.leak import SCHEDULES
from tfinv.results.load import iterate_results


@pytest.fixture(scope="module", name="generator")
def saved_generator(tmp_path_factory) -> str:
    return tiny.dcgan(tmp_path_factory.mktemp("generators") / "dcgan")


@pytest.fixture(name="invert")
def inverting(generator, tmp_path):
    """Inverts two samples."""

    def call(*more: str, output_dir="out") -> Done:
        return run(
            "tfinv.invert",
            f"--generator={generator}",
            "--images=sample:2",
            f"--output_dir={tmp_path / output_dir}",
            "--solver=adam",
            "--max_evaluations=10",
            *more,
        )

    return call


def results(folder) -> dict:
    return {(row.index, row.stage): row for row in iterate_results(folder)}


def test_starts_and_restarts_are_in_the_config_and_repeat(invert, tmp_path):
    options = ("--start=best:3,positive", "--restarts=2", "--leak_schedule=fixed")
    assert invert(*options).status == 0
    found = results(tmp_path / "out")
    # Ten evaluations recover nothing: three attempts, each with three candidates.
    assert [found[k, "latent"].evaluations for k in (0, 1)] == [39, 39]
    assert [found[k, "dense"].evaluations for k in (0, 1)] == [10, 10]
    config = (tmp_path / "out" / "config.cfg").read_text()
    assert all(f"{option}\n" in config for option in options) and "--relu_leak=0.1\n" in config
    config = f"--flagfile={tmp_path / 'out' / 'config.cfg'}"
    assert run("tfinv.invert", config, f"--output_dir={tmp_path / 'two'}").status == 0
    again = results(tmp_path / "two")
    assert all(np.array_equal(found[key].code, again[key].code) for key in found)


def test_no_leak_is_the_schedule_off_however_it_is_said(invert, tmp_path):
    for folder, option in (("one", "--relu_leak=0"), ("two", "--leak_schedule=off")):
        assert invert("--layer=dense", option, output_dir=folder).status == 0
        config = (tmp_path / folder / "config.cfg").read_text()
        assert "--leak_schedule=off\n" in config and "--relu_leak=0.0\n" in config
    one, two = results(tmp_path / "one"), results(tmp_path / "two")
    assert all(np.array_equal(one[key].code, two[key].code) for key in one)


def test_a_stored_start_for_the_first_stage(invert, tmp_path):
    assert invert(output_dir="one").status == 0
    stored = f"--start_from={tmp_path / 'one'}"
    more = ("--start=stored,generated", stored)
    assert invert(*more, output_dir="two").status == 0
    before, after = results(tmp_path / "one"), results(tmp_path / "two")
    assert after[0, "latent"].rmse <= before[0, "latent"].rmse + 1e-6
    invert("--start=prior,stored", stored).refused("first stage")
    invert("--start=stored", "--restarts=1", stored).refused("restarts", "stored")


def test_what_does_not_fit(invert):
    invert("--start=best").refused("best:8")
    invert("--start=prior,before,before").refused("3 starts", "2 stages")
    invert("--start=before").refused("first stage", "before")
    invert("--start=positive").refused("positive", "latent")
    invert("--start=").refused("0 starts")
    invert("--restarts=-1").refused("--restarts")
    invert("--leak_schedule=falling").refused("leak_schedule", *SCHEDULES)
    invert("--leak_schedule=off", "--relu_leak=0.1").refused("contradict")
    invert("--leak_schedule=decaying", "--relu_leak=0").refused("nothing to do")


def test_the_flag_knows_every_schedule():
    flag = inversion_flags.flags.FLAGS["leak_schedule"]
    assert tuple(flag.parser.enum_values) == SCHEDULES


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
