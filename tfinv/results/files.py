"""Files that are either whole or not there, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from tfinv.errors import UserError

__all__ = ["is_temporary", "slug", "storage_errors", "write_atomically"]

_PREFIX, _SUFFIX = ".tfinv-", ".tmp"

_SLUG = 40  # characters, which are up to four bytes each, and most file systems take 255
_ADVICE = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "choose a file system that takes larger files",
    errno.EIO: "check the disk",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "choose a folder that can be written",
    errno.EPERM: "choose a folder that can be written",
}


def slug(name: str) -> str:
    """A name as a part of the name of a file; letters of any script stay."""
    return re.sub(r"[^\w.+-]+", "_", name)[:_SLUG] or "_"


def is_temporary(name: str) -> bool:
    """Whether a file name is one that `write_atomically` uses before the file is whole."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


@contextlib.contextmanager
def storage_errors(path: Path | str, kept: str = "") -> Iterator[None]:
    """Turns an error of the file system within the block into one clear line.

    Args:
      path: what is being written or made.
      kept: what the user still has, appended to the line.

    Raises:
      UserError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = _ADVICE.get(error.errno, "check --output_dir")
        tail = f"; {kept}" if kept else ""
        raise UserError(f"{path}: cannot be written: {reason}; {advice}{tail}") from error


def write_atomically(path: Path, write: Callable[[BinaryIO], None], kept: str = "") -> None:
    """Writes a file under a temporary name, flushes it to the disk, and renames it.

    After a crash or `kill -9` at any moment `path` is absent, or old and whole, or new and whole.

    Args:
      path: the file, in a folder that exists.
      write: is given the open binary file.
      kept: see `storage_errors`.

    Raises:
      UserError: if the file system refuses; the temporary file is removed.
    """
    temporary = path.with_name(f"{_PREFIX}{path.name}-{os.getpid()}{_SUFFIX}")
    with storage_errors(path, kept):
        try:
            with open(temporary, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename last through a power cut; not every platform can open a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
