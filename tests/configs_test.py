"""Every configuration: its flags exist in the command that it is for, and take their values."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from unittest import mock

import pytest
from absl import app, flags
from absl.testing import flagsaver
from commands import running

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.cfg"))


def command(path: Path) -> str:
    """The command that a configuration is for, as its first lines say."""
    return re.search(rf"python -m (tfinv\.\w+) .*configs/{path.name}", path.read_text())[1]


def parse(path: Path) -> dict[str, object]:
    """Reads a configuration as its command does, and returns the values of its flags."""
    assert running.run  # it imports what defines flags once a process
    app.define_help_flags()
    named = re.findall(r"^--(?:no)?(\w+)", path.read_text(), re.MULTILINE)
    with flagsaver.flagsaver(), mock.patch.object(app, "run"):
        runpy.run_module(command(path), run_name="a module and no command")
        flags.FLAGS([command(path), f"--flagfile={path}"])
        return {name: flags.FLAGS[name].value for name in named}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_flags_exist_and_have_values_of_their_kind(path):
    values = parse(path)
    assert values and None not in values.values()


def test_a_mistyped_flag_is_found(tmp_path):
    path = tmp_path / "quickstart.cfg"
    path.write_text(CONFIGS[0].with_name("quickstart.cfg").read_text() + "--batchsize=4\n")
    with pytest.raises(flags.UnrecognizedFlagError):
        parse(path)


def test_the_configurations_were_found():
    assert {"quickstart.cfg", "biggan.cfg"} <= {path.name for path in CONFIGS}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
