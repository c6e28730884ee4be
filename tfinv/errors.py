"""The one exception that users are meant to read."""

from __future__ import annotations

__all__ = ["UserError"]


class UserError(Exception):
    """Something a user can cause and can mend.

    The message is a single line that says what is wrong, shows the value that was seen, and says
    how to mend it. Commands print it as it is and exit with status 2, without a traceback; code
    that imports tfinv catches it like any other exception.
    """
