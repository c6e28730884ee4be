"""kill -9 at any moment: nothing is lost, nothing is done twice, and not one bit is different."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from applications import killed
from generators import tiny

from tfinv.results.load import iterate_results

COUNT, KILLS = 160, 2


def results(folder) -> dict[tuple[int, str], tuple]:
    """What is found, of every image and stage; fails if one is there twice."""
    found = {}
    for row in iterate_results(folder):
        key = row.index, row.stage
        assert key not in found
        found[key] = (row.code, row.latent, row.rmse, row.evaluations, row.status, row.name)
    return found


def begun(folder, generator: str, count: int) -> subprocess.Popen:
    """A process that has begun to invert, or has nothing more to do."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), TF_CPP_MIN_LOG_LEVEL="3")
    command = [sys.executable, killed.__file__, str(folder), generator, str(count)]
    child = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "begins\n", child.stderr.read()
    return child


def kill_again_and_again(folder, generator: str, count: int, kills: int, seed: int) -> int:
    """Runs to the end, killed so often on the way; returns how often it was still at work."""
    random, hits = np.random.default_rng(seed), 0
    for _ in range(kills):
        child = begun(folder, generator, count)
        time.sleep(random.uniform(0.2, 3.0))
        child.send_signal(signal.SIGKILL)
        hits += child.wait() == -signal.SIGKILL
        child.communicate()
    child = begun(folder, generator, count)
    _, err = child.communicate()
    assert child.returncode == 0 and "note:" not in err, err
    return hits


def test_killed_runs_find_the_same_codes(tmp_path):
    generator = tiny.dcgan(tmp_path / "generator")
    killed.invert(tmp_path / "whole", tiny.loaded(), COUNT)
    hits = kill_again_and_again(tmp_path / "killed", generator, COUNT, KILLS, seed=0)
    assert hits >= 1
    one, other = results(tmp_path / "killed"), results(tmp_path / "whole")
    assert len(other) == 2 * COUNT and one.keys() == other.keys()
    for key, expected in other.items():
        for a, b in zip(one[key], expected, strict=True):
            assert np.array_equal(a, b), key
    assert not (tmp_path / "killed" / "state.npz").exists()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
