"""The state file of a run: the work that is not finished, for the case that the run is stopped.

What is finished is in shards. A picture that is in work when the state is written is in the state,
with all that its optimisation needs to go on as if nothing had happened. `Begun` tells which
pictures need not be read again: those in the state, those that were finished before this work
began, and those that it had finished already. All others are read again and go the same way as
the first time; where their result is in a shard already, it is the same one and is dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tfinv._version import __version__
from tfinv.errors import UserError
from tfinv.packing import Arrays, pack_json, unpack_json
from tfinv.results.arrays import checked_arrays, write_arrays

__all__ = ["STATE", "Begun", "State", "read_state", "write_state"]

STATE = "state.npz"
_FORMAT = 2
_FACTS = "facts"


@dataclass(frozen=True)
class Begun:
    """How far the stream of pictures had been taken when a state was written.

    Attributes:
      shards: how many there were when this work began: what they hold was done before.
      cursors: for each stream the place behind the last picture that was taken from it; picture k
        is in stream k modulo their number.
      names: of the pictures in work, by place.
    """

    shards: int
    cursors: tuple[int, ...]
    names: Mapping[int, str]

    def need_not_be_read(self, index: int, shard: int | None) -> bool:
        """Whether a picture is in work, or done for good; `shard` is where it is, None if not."""
        if index in self.names:
            return True
        if shard is None:
            return False
        return shard < self.shards or index < self.cursors[index % len(self.cursors)]


@dataclass(frozen=True)
class State:
    """What a state file holds: how far the stream is, and the arrays of what is in work."""

    begun: Begun
    arrays: Arrays


def write_state(file: BinaryIO, state: State, config_text: str) -> None:
    """Writes a state of the run with these flags."""
    facts = {
        "format": _FORMAT,
        "version": __version__,
        "config": _digest(config_text),
        "shards": state.begun.shards,
        "cursors": state.begun.cursors,
        "names": list(state.begun.names.items()),
    }
    write_arrays(file, {_FACTS: pack_json(facts), **state.arrays})


def read_state(path: Path, config_text: str) -> State | None:
    """Reads a state file; None if there is none.

    What its arrays mean is a version's own, down to what a solver keeps.

    Raises:
      UserError: if it is damaged, of a run with other flags, or of another version of tfinv.
    """
    if not path.exists():
        return None
    with checked_arrays(path, _damaged) as get:
        facts = unpack_json(get(_FACTS))
        if facts["format"] != _FORMAT:
            raise ValueError(f"its format is {facts['format']}, this tfinv reads {_FORMAT}")
        if facts["version"] != __version__:
            raise ValueError(f"it is of tfinv {facts['version']}, and this is {__version__}")
        if facts["config"] != _digest(config_text):
            raise ValueError("it is of a run with other flags")
        begun = Begun(facts["shards"], tuple(facts["cursors"]), dict(facts["names"]))
        return State(begun, {name: get(name) for name in get.names if name != _FACTS})


def _digest(config_text: str) -> str:
    lines = sorted(line.strip() for line in config_text.splitlines())
    return hashlib.sha256("\n".join(filter(None, lines)).encode()).hexdigest()


def _damaged(path: Path, why: str) -> UserError:
    return UserError(
        f"{path}: what was in work cannot be taken up ({why}); it is begun again, and what is "
        "finished is kept"
    )
