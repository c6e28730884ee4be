"""tools/measure_cost.py as a user runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from generators import tiny

TOOL = Path(__file__).resolve().parents[2] / "tools" / "measure_cost.py"
LINES = r"""seconds of processor time, over all cores
read and cut: ([\d.]+) s, ([\d.]+) GiB at most
live operations: (\d+), and (\d+) with z optimised beside the code
first evaluation, compiled: ([\d.]+) s
each further one: ([\d.]+) s for a batch of 2
"""


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(TOOL), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_what_a_generator_costs(tmp_path):
    path = tiny.dcgan(tmp_path / "m")
    done = run(f"--generator={path}", "--batch_size=2", "--evaluations=3")
    assert done.returncode == 0, done.stderr
    read, memory, live, free, first, each = map(float, re.fullmatch(LINES, done.stdout).groups())
    split = tiny.loaded().split("dense")
    assert live == free == split.live_nodes  # nothing of z is read behind the dense layer
    assert 0 < each < first and read > 0 and 0.1 < memory < 8


def test_a_generator_that_is_not_there():
    done = run("--generator=nowhere")
    assert done.returncode != 0 and "'nowhere' does not exist" in done.stderr
    assert "Traceback" not in done.stderr


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
