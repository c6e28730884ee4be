"""What flags a command has, and the flag file from which it can be run again."""

from __future__ import annotations

from collections.abc import Collection

from absl import flags

from tfinv.errors import UserError

__all__ = ["config_text", "refuse_strangers"]


def refuse_strangers(module: str) -> None:
    """Refuses flags that were given and are another command's, defined beside some of this one's.

    Args:
      module: as for `config_text`.

    Raises:
      UserError: then, naming one.
    """
    own = {flag.name for flag in flags.FLAGS.get_key_flags_for_module(module)}
    for where, defined in flags.FLAGS.flags_by_module_dict().items():
        for flag in defined if where.startswith("tfinv.commands.") else ():
            if flag.present and flag.name not in own:
                raise UserError(f"--{flag.name} says nothing to this command: drop it")


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
