"""Pipes and devices are refused before anything waits for them or fills the memory with them."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from generators import tiny

from tfinv.errors import UserError
from tfinv.generators.formats.saver_files import is_checkpoint
from tfinv.generators.load import load_generator
from tfinv.graph.reading.frozen_graph import read_frozen
from tfinv.graph.reading.keras_archive import read_keras
from tfinv.graph.reading.keras_h5 import read_h5

SUFFIXES = (".bin", ".keras", ".h5", ".pkl", ".pb", ".pbtxt", ".meta", ".index", ".zip", ".tar.gz")


@pytest.fixture
def pipe(tmp_path):
    """Makes a named pipe that is open, so that who reads it is not kept waiting to open it."""
    opened = []

    def make(path) -> str:
        os.mkfifo(path)
        opened.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        return str(path)

    yield make
    for descriptor in opened:
        os.close(descriptor)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_pipe_or_a_device_of_any_name(tmp_path, pipe, suffix):
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    for path in (pipe(tmp_path / f"pipe{suffix}"), f"{tmp_path}/zero{suffix}"):
        with pytest.raises(UserError, match="is not a regular file"):
            load_generator(path)


def test_a_pipe_is_no_checkpoint_of_the_first_format(tmp_path, pipe, monkeypatch):
    path = pipe(tmp_path / "model.ckpt")
    monkeypatch.setattr("builtins.open", lambda *_: pytest.fail("was opened"))
    assert not is_checkpoint(path)


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_pipe_in_the_place_of_a_part(tmp_path, pipe, name):
    shutil.copytree(tiny.dcgan(tmp_path / "tiny"), tmp_path / "m")
    os.remove(tmp_path / "m" / name)
    pipe(tmp_path / "m" / name)
    with pytest.raises(UserError, match=f"{name}: is not a regular file"):
        load_generator(tmp_path / "m")


@pytest.mark.parametrize("read", [read_keras, read_h5, read_frozen])
def test_what_else_is_no_file(tmp_path, pipe, read):
    (tmp_path / "g.keras").mkdir()
    for path, message in [
        (tmp_path / "g.keras", "is a folder, not a"),
        (tmp_path / "none", "no such file"),
        (pipe(tmp_path / "pipe"), "is not a regular file"),
    ]:
        with pytest.raises(UserError, match=message):
            read(path)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
