"""Runs a command as `python -m` does, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from unittest import mock

from absl import app
from absl.testing import flagsaver

from tfinv.commands import (
    edit_flags,
    feature_flags,
    film_flags,
    generator_flags,
    inversion_flags,
    label_flags,
    picture_flags,
    results_flags,
    stage_flags,
)


@dataclass(frozen=True)
class Done:
    """What a command left on the terminal."""

    status: int
    out: str
    err: str

    def refused(self, *words: str) -> None:
        """Asserts one clear line, status 2, no traceback, and that the line has these words."""
        lines = [line for line in self.err.splitlines() if not line.startswith("note: ")]
        assert self.status == 2, self
        assert len(lines) == 1 and lines[0].startswith("error: "), self.err
        assert "Traceback" not in self.err + self.out
        for word in words:
            assert str(word) in lines[0], (word, lines[0])


def run(module: str, *arguments: str) -> Done:
    """Runs `python -m module` in this process, where TensorFlow is imported already."""
    # What is defined once a process must be there before flagsaver looks, or it takes it away.
    app.define_help_flags()
    assert feature_flags and generator_flags and inversion_flags and label_flags
    assert edit_flags and picture_flags and results_flags
    assert film_flags and stage_flags
    out, err, status = io.StringIO(), io.StringIO(), 0
    # flagsaver also removes the flags that the command defines, so that it can be run again.
    with (
        flagsaver.flagsaver(),
        mock.patch.object(sys, "argv", [module, *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = int(end.code or 0)
    return Done(status, out.getvalue(), err.getvalue())


def run_apart(module: str, *arguments: str) -> Done:
    """Runs `python -m module` in a process of its own, as a user does."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
