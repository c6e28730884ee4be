"""Running a command: parse flags, call it once, turn faults into a line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager

from absl import app, flags

from tfinv.errors import UserError

__all__ = ["FAILED_TO_START", "SOME_FAILED", "import_tensorflow", "run_main"]

SOME_FAILED = 1
FAILED_TO_START = 2
_INTERRUPTED = 130  # as a shell reports a program that SIGINT has ended


def run_main(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Parses flags and runs a command.

    Args:
      main: takes what is left of argv, the program's name first; returns an exit status.
      argv: the command line; sys.argv if None.

    Returns:
      What `main` returns; 0 after --help; 2, with one line on stderr, if the flags or something
      else that a user can mend were wrong; 130 after Ctrl-C.
    """
    argv = list(sys.argv if argv is None else argv)
    app.define_help_flags()
    try:
        rest = flags.FLAGS(argv)
        if len(rest) > 1:
            raise UserError(f"argument {rest[1]!r} is not understood: options begin with --")
        return main(rest)
    except (UserError, flags.Error) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED_TO_START
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        print("error: out of memory: lower --batch_size", file=sys.stderr)
        return FAILED_TO_START
    except SystemExit as end:  # absl ends with status 1 after it has printed --help
        asked = any(a.lstrip("-").startswith("help") for a in argv[1:])
        return 0 if asked else int(end.code or 0)


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines that its C++ side prints whatever its log level is."""
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _silent_stderr():
        import tensorflow as tf

        # The first operation initialises the devices, which prints the rest.
        tf.constant(0)


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError):
        return True
    tensorflow = sys.modules.get("tensorflow")  # no need to import it to know that it is not there
    return tensorflow is not None and isinstance(error, tensorflow.errors.ResourceExhaustedError)


@contextmanager
def _silent_stderr():
    """Sends file descriptor 2 nowhere: C++ does not print through sys.stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
