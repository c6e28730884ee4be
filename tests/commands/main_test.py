"""What every command does with flags, faults and interrupts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from absl import flags
from absl.testing import flagsaver

from tfinv.commands.main import FAILED_TO_START, import_tensorflow, run_main
from tfinv.errors import UserError


@pytest.fixture(autouse=True)
def flag():
    """A flag of our own, gone again afterwards."""
    from absl import app

    app.define_help_flags()
    with flagsaver.flagsaver():
        flags.DEFINE_integer("times", 1, "How many.", lower_bound=0)
        yield


def raising(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_is_that_of_the_command(status):
    seen = []

    def main(argv):
        seen.append((argv, flags.FLAGS.times))
        return status

    assert run_main(main, ["name", "--times=3"]) == status
    assert seen == [(["name"], 3)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--times=many"], "times"),
        (["--times=-1"], "times"),
        (["--tmies=1"], "tmies"),
        (["stray"], "'stray'"),
        (["--flagfile=/no/such/file.cfg"], "/no/such/file.cfg"),
    ],
)
def test_flags_that_are_wrong_are_one_line(arguments, words, capsys):
    def never(argv):
        raise AssertionError

    assert run_main(never, ["name", *arguments]) == FAILED_TO_START
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and words in line


def test_a_fault_of_the_user_is_one_line_even_if_it_has_several(capsys):
    assert run_main(raising(UserError("this\n  is wrong")), ["name"]) == FAILED_TO_START
    assert capsys.readouterr().err == "error: this is wrong\n"


def test_a_fault_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_main(raising(ZeroDivisionError()), ["name"])


def test_an_interrupt(capsys):
    assert run_main(raising(KeyboardInterrupt()), ["name"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("argument", ["--help", "-help", "--helpfull", "--helpshort"])
def test_help_is_no_failure(argument, capsys):
    assert run_main(raising(AssertionError()), ["name", argument]) == 0
    assert capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_failure():
    code = (
        "from tfinv.commands.main import run_main; import sys\n"
        "def main(argv):\n"
        "    for _ in range(100000): print('line')\n"
        "    return 0\n"
        "sys.exit(run_main(main, ['name']))"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert command.stdout.readline().strip() == b"line"
    command.stdout.close()
    assert command.stderr.read() == b""
    assert command.wait() == 0


def test_importing_tensorflow_is_silent_and_leaves_stderr_as_it_was():
    code = (
        "from tfinv.commands.main import import_tensorflow; import sys, os\n"
        "import_tensorflow(); import tensorflow as tf; tf.constant(1)\n"
        "import_tensorflow(); print('seen', file=sys.stderr); os.write(2, b'too')"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert (done.stdout, done.stderr) == ("", "seen\ntoo")
    assert callable(import_tensorflow)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
