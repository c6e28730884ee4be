"""Where a run keeps what it has found, shard by shard, so that nothing finished is ever lost."""

from __future__ import annotations

import fnmatch
import os
import re
import weakref
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from tfinv.errors import UserError
from tfinv.results.files import storage_errors, write_atomically
from tfinv.results.folder import is_of_an_inversion, lock_folder, make_folder, open_folder
from tfinv.results.identity import Identity, check_identity
from tfinv.results.record import ImageResult
from tfinv.results.shards import read_rows, read_shard, write_shard
from tfinv.results.state import STATE, Begun, State, read_state, write_state

__all__ = ["Store", "shard_paths"]

_SHARD = re.compile(r"codes-(\d{5,})\.npz")
_BITS = 32
_NAME = (1 << _BITS) - 1


class Store:
    """The output folder of one run.

    A shard is written to a temporary name, flushed and renamed, so a killed run leaves only whole
    ones. Opening the folder again with the same configuration continues: `finished_indices` says
    what need not be done. One process at a time may hold a folder.

    Args:
      output_dir: is made if missing; its parent must exist.
      config_text: the flags of the run, a line each, as `config.cfg` keeps them. It identifies the
        run, so leave out what does not change results (--overwrite, --output_dir).
      overwrite: remove what an earlier run left, and nothing else.
      identity: what the run is made from; see `tfinv.results.identity`.
      files: names of what the run writes beside what every inversion does; `*` stands for any
        characters.

    Attributes:
      folder: its absolute path.
      fault: why there is a state file that cannot be taken up; "" if there is none.
      shards: the number of the next one.

    Raises:
      UserError: if the folder is unusable or holds something else, or a shard in it is damaged.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        config_text: str,
        overwrite: bool = False,
        identity: Identity | None = None,
        files: Collection[str] = (),
    ):
        self.folder = Path(output_dir).expanduser().absolute()
        self.config_text, self.fault = config_text, ""
        self._finished: dict[int, int] = {}  # by index; see `_entry`
        self._state: State | None = None
        self._begun: Begun | None = None
        make_folder(self.folder)
        descriptor = lock_folder(self.folder)
        self._unlock = weakref.finalize(self, _close, descriptor)

        def is_ours(name: str) -> bool:
            more = any(fnmatch.fnmatchcase(name, pattern) for pattern in files)
            return more or is_of_an_inversion(name)

        try:
            if (self.folder / STATE).is_dir():  # before anything is removed
                raise UserError(f"{self.folder / STATE}: a folder has this name; move it away")
            open_folder(self.folder, config_text, overwrite, is_ours)
            check_identity(self.folder, identity or {})
            paths = self._paths()
            for path in paths:
                number = _number(path)
                for row in read_rows(path):
                    self._find(path, number, row)
            self.shards = 1 + _number(paths[-1]) if paths else 0
            try:
                self._state = read_state(self.folder / STATE, config_text)
            except UserError as error:
                self.fault = str(error)
            self._begun = self._state and self._state.begun
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Lets another run have the folder; the process's end does too."""
        self._unlock()

    def add(self, results: Sequence[ImageResult]) -> None:
        """Writes one shard.

        Args:
          results: all stages of each of its images, because an image with any row counts as
            finished; failed images too, with a status "failed: why". None is written if empty.

        Raises:
          UserError: if the file system refuses; what was added before is safe, and it says so.
          ValueError: if one of the images has been added before.
        """
        if not results:
            return
        added = {result.index: _entry(self.shards, result.name) for result in results}
        if doubled := added.keys() & self._finished.keys():
            raise ValueError(f"images {sorted(doubled)[:5]} are in the store already")
        # Readers count images by the change from one row to the next.
        results = sorted(results, key=lambda result: result.index)
        self.write(f"codes-{self.shards:05d}.npz", lambda file: write_shard(file, results))
        self.shards += 1
        self._finished |= added

    def write(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Writes one of the run's other files, whole or not at all.

        Args:
          name: such as "images.csv".
          write: is given the open binary file.

        Raises:
          UserError: if the file system refuses.
        """
        write_atomically(self.folder / name, write, self.kept())

    def kept(self) -> str:
        """Says what is safe, for a message about what went wrong."""
        count = len(self._finished)
        what = "1 finished image is" if count == 1 else f"{count} finished images are"
        return f"{what} kept, and the same command continues from there"

    def keep(self, state: State) -> None:
        """Writes the work that is not finished, in the place of what was kept before.

        Raises:
          UserError: if the file system refuses; what was kept before is there still.
        """
        self.write(STATE, lambda file: write_state(file, state, self.config_text))

    def take_state(self) -> State | None:
        """The work that an earlier sitting has left, once; None if there is none."""
        state, self._state = self._state, None  # its arrays need not stay in memory
        return state

    @property
    def has_state(self) -> bool:
        """Whether `take_state` will return one."""
        return self._state is not None

    def forget(self) -> None:
        """Removes the state file, when there is no more work, or it cannot be taken up."""
        self._state = self._begun = None
        with storage_errors(self.folder):
            (self.folder / STATE).unlink(missing_ok=True)

    def finished_indices(self) -> set[int]:
        """The indices of the images that need not be done again, failed ones included."""
        return set(self._finished)

    def __contains__(self, index: int) -> bool:
        return index in self._finished

    def __len__(self) -> int:
        return len(self._finished)

    def is_finished(self, index: int, name: str) -> bool:
        """Whether the image at a place in the run need not be read again.

        Raises:
          UserError: if another image was at this place, as after a file was added to a folder that
            is given again: going on would leave some images out and do others twice.
        """
        there = self._finished.get(index)
        begun = None if self._begun is None else self._begun.names.get(index)
        if (there is not None and there & _NAME != _checksum(name)) or begun not in (None, name):
            raise UserError(
                f"{self.folder}: image {index} is {name} now and was another before: --images no "
                "longer gives the same pictures in the same order; choose another --output_dir or "
                "add --overwrite"
            )
        if self._begun is None:
            return there is not None
        return self._begun.need_not_be_read(index, None if there is None else there >> _BITS)

    def rows(self) -> Iterator[ImageResult]:
        """Streams all results without their arrays, in the order in which they were added."""
        for path in self._paths():
            yield from read_rows(path)

    def results(self, wanted: Collection[int] | None = None) -> Iterator[ImageResult]:
        """Streams whole results; memory holds one shard.

        Args:
          wanted: indices of images, by default all.
        """
        for path in self._paths():
            yield from read_shard(path, wanted)

    def _find(self, path: Path, number: int, row: ImageResult) -> None:
        entry = _entry(number, row.name)
        there = self._finished.setdefault(row.index, entry) >> _BITS
        if there != number:
            raise UserError(
                f"{path}: holds image {row.index}, which codes-{there:05d}.npz holds too: move one "
                "of the two away, and the same command does again what is missing then; or add "
                "--overwrite"
            )

    def _paths(self) -> list[Path]:
        with storage_errors(self.folder):
            return shard_paths(self.folder)


def shard_paths(folder: Path) -> list[Path]:
    """Lists a folder's shards in the order in which they were written."""
    found = [path for path in folder.iterdir() if _SHARD.fullmatch(path.name)]
    if any(path.is_dir() for path in found):
        raise UserError(f"{folder}: a folder has the name of a shard; move it away")
    return sorted(found, key=_number)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _entry(shard: int, name: str) -> int:
    """The shard that an image is in and a checksum of its name, as one small object."""
    return shard << _BITS | _checksum(name)


def _checksum(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))


def _number(path: Path) -> int:
    return int(_SHARD.fullmatch(path.name)[1])
