"""Devices: named, all of a kind, and each with images of its own, which changes no result."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf

from tfinv.commands import inversion_flags
from tfinv.errors import UserError
from tfinv.inversion.devices import find_devices


def test_here_there_is_one_cpu():
    assert find_devices() == find_devices("cpu") == find_devices("CPU:0+cpu:0") == ("/CPU:0",)


@pytest.mark.parametrize("wanted", ["gpu", "tpu", "gpu:3", "cpu:7", "", "cpu:0+abacus"])
def test_devices_that_there_are_not(wanted):
    with pytest.raises(UserError, match=r"is not here: there are cpu:0"):
        find_devices(wanted)


@pytest.mark.parametrize(
    ("wanted", "cpus"),
    [("cpu:4", 4), ("CPU:4", 4), ("Cpu:12", 12), ("cpu", None), ("cpu:0", None), ("gpu:1", None)],
)
def test_the_flag_and_the_devices_mean_the_same_number_of_cpus(monkeypatch, wanted, cpus):
    given = SimpleNamespace(FLAGS=SimpleNamespace(devices=wanted))
    monkeypatch.setattr(inversion_flags, "flags", given)
    assert inversion_flags.logical_cpus() == cpus
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["any"] * 20)
    if cpus is not None:
        assert find_devices(wanted) == tuple(f"/CPU:{k}" for k in range(cpus))


def test_all_of_the_better_kind(monkeypatch):
    there = {"CPU": 1, "GPU": 2, "TPU": 0}
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["any"] * there[kind])
    assert find_devices() == find_devices("gpu") == ("/GPU:0", "/GPU:1")
    assert find_devices("gpu:1") == ("/GPU:1",)
    assert find_devices("gpu:1+cpu") == ("/GPU:1", "/CPU:0")


TWO = """
import sys
from tfinv.commands.main import import_tensorflow
import_tensorflow(2)

import numpy as np
from applications import killed
from generators import tiny
from tfinv.results.load import iterate_results

def found(folder):
    return {(r.index, r.stage): (r.code, r.evaluations) for r in iterate_results(folder)}

class Stop:
    seen = set()
    def __call__(self, stage, state):
        self.seen.add(state.code.device[-5:])
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 6:
            raise KeyboardInterrupt

stop, both = Stop(), ("/CPU:0", "/CPU:1")
killed.invert(sys.argv[1] + "/one", tiny.loaded(), 30)
try:
    killed.invert(sys.argv[1] + "/two", tiny.loaded(), 30, both, on_progress=stop)
except KeyboardInterrupt:
    print("stopped")
killed.invert(sys.argv[1] + "/two", tiny.loaded(), 30, both)
assert stop.seen == {"CPU:0", "CPU:1"}, stop.seen
one, two = found(sys.argv[1] + "/one"), found(sys.argv[1] + "/two")
assert one.keys() == two.keys() and len(one) == 60
for key in one:
    assert np.array_equal(one[key][0], two[key][0]) and one[key][1] == two[key][1], key
print("the same")
"""


def test_two_devices_find_what_one_finds_also_when_they_are_stopped(tmp_path):
    """In a process of its own: how many CPU devices there are is decided once."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", TWO, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "the same" and "stopped" in done.stdout
    assert "note:" not in done.stderr


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
