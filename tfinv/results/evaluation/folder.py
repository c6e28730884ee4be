"""The folder of an evaluation: recognised, so that nobody's files are mixed with it, and locked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfinv.errors import UserError
from tfinv.results.files import is_temporary, storage_errors, write_atomically
from tfinv.results.folder import CONFIG, lock_folder, make_folder

__all__ = ["evaluation_folder", "keep_flags"]

_HEADER = "# Written by tfinv.evaluate. --flagfile=config.cfg repeats this evaluation.\n"
_NAMED = 4


@contextmanager
def evaluation_folder(output_dir: str | Path, config_text: str) -> Iterator[Path]:
    """Holds the folder of an evaluation.

    The flags may differ from those of an earlier sitting, as they do when layers or sets are added;
    whether what is there can be gone on with is decided cell by cell. Once it is, `keep_flags`.

    Args:
      output_dir: is made if missing; its parent must exist.
      config_text: the flags, a line each, kept at once in a folder that is new.

    Raises:
      UserError: if the folder is unusable, holds something else, or another process has it.
    """
    folder = Path(output_dir).expanduser().absolute()
    make_folder(folder)
    descriptor = lock_folder(folder)
    try:
        with storage_errors(folder):
            names = sorted(name for name in os.listdir(folder) if not is_temporary(name))
        if names and not _is_ours(folder / CONFIG):
            raise UserError(
                f"{folder}: holds {', '.join(names[:_NAMED])} and no evaluation of tfinv; choose "
                "another --output_dir"
            )
        if not names:
            keep_flags(folder, config_text)
        yield folder
    finally:
        if descriptor is not None:
            os.close(descriptor)


def keep_flags(folder: Path, config_text: str) -> None:
    """Writes the flags of this sitting in the place of an earlier one's."""
    write_atomically(folder / CONFIG, lambda file: file.write((_HEADER + config_text).encode()))


def _is_ours(config: Path) -> bool:
    try:
        return config.read_text("utf-8").startswith(_HEADER)
    except (OSError, UnicodeDecodeError):
        return False
