"""Only regular files are read: a pipe would be waited for, a device read until memory is full."""

from __future__ import annotations

import os

from tfinv.errors import UserError

__all__ = ["check_regular"]


def check_regular(path: str, what: str) -> None:
    """Refuses what is no regular file, before it is opened.

    Args:
      path: the file; a link to a regular file is one.
      what: what it should be, for messages, such as "a .keras file".

    Raises:
      UserError: there is nothing, or a folder, a pipe, a socket or a device.
    """
    if os.path.isfile(path):
        return
    if os.path.isdir(path):
        raise UserError(f"{path}: is a folder, not {what}; give the file")
    if os.path.exists(path):
        raise UserError(f"{path}: is not a regular file; copy what it gives into one")
    raise UserError(f"{path}: no such file")
