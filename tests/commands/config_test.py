"""The flag file that a run leaves says every flag, whatever its value, and reads back the same."""

from __future__ import annotations

import sys

import pytest
from absl import flags

from tfinv.commands.config import config_text


def defined() -> flags.FlagValues:
    values = flags.FlagValues()
    flags.DEFINE_string("text", None, "", flag_values=values)
    flags.DEFINE_string("other", "as it was", "", flag_values=values)
    flags.DEFINE_list("names", ["a", "b"], "", flag_values=values)
    flags.DEFINE_float("share", 0.1, "", flag_values=values)
    flags.DEFINE_bool("really", False, "", flag_values=values)
    for name in values:
        values.register_key_flag_for_module("command.py", values[name])
    return values


@pytest.fixture
def values(monkeypatch):
    made = defined()
    monkeypatch.setattr(flags, "FLAGS", made)
    return made


def test_flags_are_all_there_sorted_defaults_too(values):
    values(["command.py", "--share=0.25"])
    text = "--names=a,b\n--other=as it was\n--noreally\n--share=0.25\n"
    assert config_text("command.py") == text
    assert config_text("elsewhere.py") == ""


def test_what_is_left_out(values):
    values(["command.py"])
    assert config_text("command.py", leave_out=["names", "really", "other"]) == "--share=0.1\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--text=mse + 1e-3*likelihood", "--names=x,y,z", "--really"],
        ["--text=with 'quotes' and \"more\" # and a hash", "--noreally"],
        ["--text=ünï=cödé --other=trap", "--names="],
        ["--share=1e-17"],
        ["--text="],
    ],
)
def test_it_reads_back_the_same(values, tmp_path, arguments):
    values(["command.py", *arguments])
    (tmp_path / "config.cfg").write_text(config_text("command.py"), "utf-8")
    again = defined()
    again(["command.py", f"--flagfile={tmp_path / 'config.cfg'}"])
    assert again.flag_values_dict() == values.flag_values_dict()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
