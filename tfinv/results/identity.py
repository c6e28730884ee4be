"""What makes a run what it is beside its flags: the generator's content, how many pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tfinv.errors import UserError
from tfinv.results.files import write_atomically

__all__ = ["IDENTITY", "Identity", "check_identity", "read_identity"]

IDENTITY = "run.json"

Identity = Mapping[str, str | int]
"""By name: "generator", a digest of its graph and weights; "pictures", how many there are; "holes",
a digest of the masks through which they were seen."""


def check_identity(folder: Path, identity: Identity) -> None:
    """Compares what a folder's run was made from with what is here now; keeps it, if it is new.

    Raises:
      UserError: if something differs, naming it, or what is kept cannot be read.
    """
    path = folder / IDENTITY
    there = read_identity(folder)
    advice = "choose another --output_dir or add --overwrite"
    for name, now in identity.items():
        was = there.get(name, now)
        if was == now:
            continue
        if name == "pictures":
            what = f"--images gave {was} pictures and gives {now} now"
        elif name == "holes":
            what = "the masks of --holes are others than they were"
        else:
            what = f"the {name}'s graph or weights are others than they were"
        raise UserError(f"{folder}: {what}; {advice}")
    if identity.items() - there.items():
        text = json.dumps({**there, **identity}, indent=2) + "\n"
        write_atomically(path, lambda file: file.write(text.encode()))


def read_identity(folder: Path) -> dict[str, str | int]:
    """What is kept of a folder's run; empty if nothing is.

    Raises:
      UserError: if it cannot be read.
    """
    path = folder / IDENTITY
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read: {error}; delete it to go on") from error
    kinds = {"generator": str, "pictures": int, "holes": str}
    if not isinstance(found, dict) or any(
        not isinstance(found.get(name, kind()), kind) for name, kind in kinds.items()
    ):
        raise UserError(f"{path}: is not what tfinv has written; delete it to go on")
    return found
