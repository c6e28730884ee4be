"""The flag file that a run leaves, from which it can be run again."""

from __future__ import annotations

from collections.abc import Collection

from absl import flags

__all__ = ["config_text"]


def config_text(module: str, leave_out: Collection[str] = ()) -> str:
    """All flags of a command as a flag file, given or not, so that no default can change it.

    Args:
      module: whose key flags these are, `sys.argv[0]`'s for a command.
      leave_out: flags that do not change results, such as where they go.

    Returns:
      A line for each flag, sorted by name.
    """
    chosen = {flag.name: flag for flag in flags.FLAGS.get_key_flags_for_module(module)}
    lines = [
        chosen[name].serialize()
        for name in sorted(chosen)
        if name not in leave_out and chosen[name].value is not None
    ]
    return "".join(f"{line}\n" for line in lines)
