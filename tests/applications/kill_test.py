"""kill -9 at any moment: nothing is lost, nothing is done twice, and not one bit is different."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from applications import killed
from generators import tiny

from tfinv.packing import unpack_json
from tfinv.results.load import iterate_results
from tfinv.results.state import STATE, read_state

COUNT = 160
KILL_AT = (2, 4)  # the n-th state with work in it that a process writes


def results(folder) -> dict[tuple[int, str], tuple]:
    """What is found, of every image and stage; fails if one is there twice."""
    found = {}
    for row in iterate_results(folder):
        key = row.index, row.stage
        assert key not in found
        found[key] = (row.code, row.latent, row.rmse, row.evaluations, row.status, row.name)
    return found


def run(folder, generator: str, count: int, kill_at: int = 0) -> int:
    """A process that inverts, or goes on, up to a kill if there is one; its exit status."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), TF_CPP_MIN_LOG_LEVEL="3")
    arguments = [str(folder), generator, str(count), str(kill_at)]
    command = [sys.executable, killed.__file__, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "note:" not in done.stderr, done.stderr
    return done.returncode


def test_killed_runs_find_the_same_codes(tmp_path):
    generator = tiny.dcgan(tmp_path / "generator")
    killed.invert(tmp_path / "whole", tiny.loaded(), COUNT)
    for kill_at in KILL_AT:
        status = run(tmp_path / "killed", generator, COUNT, kill_at)
        assert status == -signal.SIGKILL
        state = read_state(tmp_path / "killed" / STATE, "--seed=0")
        held = [facts for key, facts in state.arrays.items() if key.endswith("tickets/facts")]
        assert state.begun.names and any(unpack_json(facts) for facts in held)
    assert run(tmp_path / "killed", generator, COUNT) == 0
    one, other = results(tmp_path / "killed"), results(tmp_path / "whole")
    assert len(other) == 2 * COUNT and one.keys() == other.keys()
    for key, expected in other.items():
        for a, b in zip(one[key], expected, strict=True):
            assert np.array_equal(a, b), key
    assert not (tmp_path / "killed" / STATE).exists()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
