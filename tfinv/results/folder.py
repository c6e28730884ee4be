"""The output folder: made, recognised, refused, or emptied of exactly what a run writes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from tfinv.errors import UserError
from tfinv.results.files import is_temporary, storage_errors, write_atomically

__all__ = [
    "CONFIG",
    "EVENTS",
    "compare_configs",
    "is_of_an_inversion",
    "kept_flag",
    "lock_folder",
    "make_folder",
    "open_folder",
    "remove_events",
]

CONFIG = "config.cfg"
EVENTS = "events"
_HEADER = "# Written by tfinv. --flagfile=config.cfg repeats this run.\n"
_FILES = (
    "images.csv",
    "summary.json",
    "contact_sheet.png",
    "report.html",
    "state.npz",
    "run.json",
)
_SHARD = re.compile(r"codes-\d{5,}\.npz")
_EVENT_FILE = re.compile(r"events\.out\.tfevents\..*")
_NAMED = 4


def open_folder(
    folder: Path,
    config_text: str,
    overwrite: bool,
    is_ours: Callable[[str], bool] | None = None,
) -> None:
    """Takes a folder for a run with this configuration, or refuses it.

    An empty folder is made the run's own by writing `config.cfg` into it. A folder with the
    same `config.cfg` (comments, blank lines and the order of flags apart) is taken up as it is, so
    that running a command again continues it. Temporary files of a killed run are removed.

    Args:
      folder: the output folder, which exists.
      config_text: the run's flags, a line each, without those that do not change results.
      overwrite: removes what an earlier, different run wrote; nothing else is ever removed, and
        an inversion, whose codes others build on, by another inversion alone.
      is_ours: whether a run writes a file of this name, beside `config.cfg`; by default those of an
        inversion.

    Raises:
      UserError: if the folder cannot be written, holds something else, or holds a different run
        and `overwrite` is false; the differing flags are named.
    """
    is_ours = is_ours or is_of_an_inversion
    with storage_errors(folder):
        names = sorted(os.listdir(folder))
        for name in filter(is_temporary, names):
            (folder / name).unlink()
    names = [name for name in names if not is_temporary(name)]
    if CONFIG in names:
        there = _read_config(folder / CONFIG)
        if not there.startswith(_HEADER):
            raise UserError(f"{folder}: its {CONFIG} is not tfinv's; choose another --output_dir")
        if any(_SHARD.fullmatch(name) and not is_ours(name) for name in names):
            raise UserError(
                f"{folder}: holds results of tfinv.invert, which are not overwritten by anything "
                "else; choose another --output_dir"
            )
        difference = compare_configs(there, config_text)
        if difference and not overwrite:
            raise UserError(
                f"{folder}: holds a different run ({difference}); "
                "choose another --output_dir or add --overwrite"
            )
        if not difference and not overwrite:
            return
        with storage_errors(folder):
            _clear(folder, is_ours)
    else:
        _refuse_foreign(folder, names, overwrite, is_ours)
    text = config_text if config_text.endswith("\n") else config_text + "\n"
    write_atomically(folder / CONFIG, lambda file: file.write((_HEADER + text).encode()))


def compare_configs(there: str, here: str) -> str:
    """Names the flags in which two flag files differ.

    Args:
      there: the text of an earlier run's flag file.
      here: the text of this one's.

    Returns:
      "" if they mean the same, else such as "--seed=1 there, --seed=2 now"; at most four flags.
    """
    old, new = _flags(there), _flags(here)
    differing = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    parts = []
    for name in differing[:_NAMED]:
        was = " ".join(old.get(name, [])) or f"no {name}"
        now = " ".join(new.get(name, [])) or f"no {name}"
        parts.append(f"{was} there, {now} now")
    if len(differing) > _NAMED:
        parts.append(f"and {len(differing) - _NAMED} more")
    return "; ".join(parts)


def kept_flag(folder: str | Path, name: str) -> str | None:
    """The value that a flag has in the configuration of a folder's run; None if there is none."""
    path = Path(folder).expanduser() / CONFIG
    if not path.is_file():
        return None
    lines = _flags(_read_config(path)).get(f"--{name}", [])
    return lines[-1].partition("=")[2] if lines else None


def make_folder(folder: Path) -> None:
    """Makes the folder unless it is there.

    Raises:
      UserError: if it is no folder, its parent does not exist, or it cannot be made.
    """
    # os.path, unlike pathlib, answers also where a name is too long or a parent is closed to us.
    if os.path.isdir(folder):
        return
    if os.path.lexists(folder):
        raise UserError(f"{folder}: exists and is not a folder; choose another --output_dir")
    if not os.path.isdir(folder.parent):
        raise UserError(
            f"{folder}: its parent folder does not exist; make {folder.parent} first (mkdir -p)"
        )
    with storage_errors(folder):
        folder.mkdir(exist_ok=True)


def lock_folder(folder: Path) -> int | None:
    """Keeps a second run out of the folder until the lock is closed or this process dies.

    Returns:
      A file descriptor to close, or None where the platform or file system has no locks.

    Raises:
      UserError: if another run holds the folder.
    """
    try:
        import fcntl
    except ImportError:
        return None
    with storage_errors(folder):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise UserError(
            f"{folder}: another run is writing here; wait for it or choose another --output_dir"
        ) from error
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _read_config(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}; choose another --output_dir") from error


def _refuse_foreign(
    folder: Path, names: list[str], overwrite: bool, is_ours: Callable[[str], bool]
) -> None:
    """A folder without `config.cfg` is no run's: nothing in it may be replaced or mixed with."""
    in_our_way = [name for name in names if is_ours(name)]
    if overwrite and not in_our_way:
        return
    if in_our_way if overwrite else names:
        shown = ", ".join((in_our_way if overwrite else names)[:_NAMED])
        why = "that no run of tfinv left here" if overwrite else "and no tfinv run"
        raise UserError(f"{folder}: holds {shown} {why}; choose another --output_dir")


def _clear(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Removes what a run writes; the config last, so that a kill leaves a run that is known."""
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if name == EVENTS and is_ours(name) and path.is_dir() and not path.is_symlink():
            remove_events(folder)
        elif is_ours(name) and name != CONFIG and not path.is_dir():
            path.unlink()
    (folder / CONFIG).unlink()


def remove_events(folder: Path) -> None:
    """Removes TensorBoard's files of an earlier run, and their folder if nothing else is in it."""
    events = folder / EVENTS
    if not events.is_dir():
        return
    for name in os.listdir(events):
        if _EVENT_FILE.fullmatch(name):
            (events / name).unlink()
    with contextlib.suppress(OSError):
        events.rmdir()


def is_of_an_inversion(name: str) -> bool:
    """Whether an inversion writes a file, or makes a folder, of this name."""
    return name in (*_FILES, EVENTS) or _SHARD.fullmatch(name) is not None


def _flags(text: str) -> dict[str, list[str]]:
    """The lines of a flag file by flag name; a repeated flag keeps its order."""
    found: dict[str, list[str]] = {}
    for line in _meaningful(text.splitlines()):
        name = line.split("=", 1)[0].split(None, 1)[0]
        found.setdefault("--" + name.lstrip("-"), []).append(line)
    return found


def _meaningful(lines: Iterable[str]) -> list[str]:
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith(("#", "//"))]
