"""Ctrl-C where it can do no harm: kept while a job holds it off, and raised between two results.

A handler of signals that raises does so between any two instructions: also between a file that
was written and the note that it was. So a command's handler calls `deliver`, and a job that must
not be torn apart there asks, where it can end, whether it was to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["deliver", "held_off"]


class _Post:
    """Of this process, as signals are."""

    is_held = False
    kept: BaseException | None = None


def deliver(error: BaseException) -> None:
    """Raises an error, or keeps it for whoever holds it off; for a signal's handler."""
    if not _Post.is_held:
        raise error
    _Post.kept = error


@contextmanager
def held_off() -> Iterator[Callable[[], None]]:
    """What is delivered in this block waits until it is asked for, or the block's end.

    A fault that ends the block goes before it. Blocks do not stand in one another.

    Yields:
      A function that raises what was delivered, if anything was.
    """
    _Post.is_held, _Post.kept = True, None
    try:
        yield _raise_kept
    except BaseException:
        _Post.is_held, _Post.kept = False, None
        raise
    _Post.is_held = False  # first: what comes from here on is raised where it comes
    _raise_kept()


def _raise_kept() -> None:
    error, _Post.kept = _Post.kept, None
    if error is not None:
        raise error
