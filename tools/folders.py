"""The folder that a tool writes: refused if it is there, or made."""

from __future__ import annotations

from pathlib import Path

from tfinv.errors import UserError

__all__ = ["check_new", "make"]


def check_new(folder: Path) -> None:
    """Refuses a folder that exists, before anything is computed for it."""
    if folder.exists():
        raise UserError(f"{folder} exists already: name another --output_dir, or remove it")


def make(folder: Path, *, exist_ok: bool = False) -> None:
    """Makes the folder, and those above it where they are missing.

    Args:
      folder: what is made.
      exist_ok: whether it may be there.

    Raises:
      UserError: if the file system refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror})") from error
