"""Progress: a bar on a terminal, sparse plain lines elsewhere."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tfinv.results.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def batch(*rmse: float):
    values = np.array(rmse)
    return SimpleNamespace(images=len(rmse), failed=int(np.isnan(values).sum()), rmse=values)


def test_a_log_gets_whole_lines():
    stream = io.StringIO()
    with Progress(6, done=1, stream=stream, every=0.0) as progress:
        progress.update(batch(0.02, 0.04))
        progress.update(batch(float("nan")))
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("3 of 6 images, RMSE 0.0300, ") and lines[0].endswith(" s left")
    assert lines[1].startswith("4 of 6 images, RMSE 0.0300, 1 failed, ")
    assert "\r" not in stream.getvalue()


def test_a_log_is_not_flooded():
    stream = io.StringIO()
    with Progress(None, stream=stream, every=1e9) as progress:
        for _ in range(50):
            progress.update(batch(0.1))
        assert stream.getvalue() == ""
    assert stream.getvalue() == "50 images, RMSE 0.1000\n"


def test_what_is_counted_has_its_name():
    stream = io.StringIO()
    with Progress(2, stream=stream, unit="paths") as progress:
        progress.update(batch(0.1))
    assert stream.getvalue().startswith("1 of 2 paths, ")


def test_nothing_done_nothing_said():
    stream = io.StringIO()
    with Progress(4, done=4, stream=stream):
        pass
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar():
    stream = Terminal()
    with Progress(4, done=1, stream=stream) as progress:
        progress.update(batch(0.02))
        progress.update(batch(0.04, float("nan")))
    last = stream.getvalue().split("\r")[-1]
    assert "100%" in last and "4/4" in last and "RMSE 0.0300, 1 failed" in last


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
