"""Running a command: parse flags, call it once, turn faults into a line and an exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager

from absl import app, flags

from tfinv.applications.interrupts import deliver
from tfinv.errors import UserError

__all__ = ["FAILED_TO_START", "SOME_FAILED", "Terminated", "import_tensorflow", "run_main"]

SOME_FAILED = 1
FAILED_TO_START = 2
_BY_SIGNAL = 128  # plus its number: as a shell reports a program that a signal has ended


class Terminated(KeyboardInterrupt):
    """SIGTERM came, as from a batch system before it kills."""


def run_main(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Parses flags and runs a command.

    Args:
      main: takes what is left of argv, the program's name first; returns an exit status.
      argv: the command line; sys.argv if None.

    Returns:
      What `main` returns; 0 after --help; 2, with one line on stderr, if the flags or something
      else that a user can mend were wrong; 130 after Ctrl-C, and 143 after SIGTERM. Either is a
      KeyboardInterrupt for `main`, once, where `tfinv.applications.interrupts` lets it; the
      second one ends the process at once.
    """
    argv = list(sys.argv if argv is None else argv)
    app.define_help_flags()
    try:
        rest = flags.FLAGS(argv)
        if len(rest) > 1:
            raise UserError(f"argument {rest[1]!r} is not understood: options begin with --")
        with _signals():
            return main(rest)
    except (UserError, flags.Error) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED_TO_START
    except KeyboardInterrupt as error:
        print("interrupted", file=sys.stderr)
        ended_by = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        return _BY_SIGNAL + ended_by
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


@contextmanager
def _signals():
    """Delivers the first SIGINT or SIGTERM as an exception, and leaves at once at the second."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def handle(number: int, frame) -> None:
        nonlocal came
        if came:
            os._exit(_BY_SIGNAL + number)
        came = True
        deliver(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def import_tensorflow(cpus: int | None = None) -> None:
    """Imports TensorFlow without the lines that its C++ side prints whatever its log level is.

    Args:
      cpus: how many logical CPU devices there are to be; None for TensorFlow's one.

    Raises:
      UserError: if TensorFlow is in use already, with another number.
    """
    if "tensorflow" in sys.modules:
        if cpus is not None:
            _make_cpus(cpus)
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _silent_stderr():
        import tensorflow as tf

        if cpus is not None:
            _make_cpus(cpus)
        # The first operation initialises the devices, which prints the rest.
        tf.constant(0)


def _make_cpus(count: int) -> None:
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        )
    except RuntimeError:
        if len(tf.config.list_logical_devices("CPU")) != count:
            raise UserError(f"TensorFlow is in use: it is too late for {count} CPUs") from None


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
