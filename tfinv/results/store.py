"""Where a run keeps what it has found, shard by shard, so that nothing finished is ever lost."""

from __future__ import annotations

import os
import re
import weakref
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from tfinv.errors import UserError
from tfinv.results.files import storage_errors, write_atomically
from tfinv.results.folder import lock_folder, make_folder, open_folder
from tfinv.results.record import ImageResult
from tfinv.results.shards import read_rows, read_shard, write_shard

__all__ = ["Store", "shard_paths"]

_SHARD = re.compile(r"codes-(\d{5,})\.npz")


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

    Raises:
      UserError: if the folder is unusable or holds something else, or a shard in it is damaged.
    """

    def __init__(self, output_dir: str | Path, *, config_text: str, overwrite: bool = False):
        self.folder = Path(output_dir).expanduser().absolute()
        self.config_text = config_text
        self._finished: dict[int, int] = {}  # a checksum of the name by place
        make_folder(self.folder)
        descriptor = lock_folder(self.folder)
        self._unlock = weakref.finalize(self, _close, descriptor)
        try:
            open_folder(self.folder, config_text, overwrite)
            paths = self._paths()
            for path in paths:
                self._finished.update((row.index, _checksum(row.name)) for row in read_rows(path))
            self._next = 1 + _number(paths[-1]) if paths else 0
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
        added = {result.index: _checksum(result.name) for result in results}
        if doubled := added.keys() & self._finished.keys():
            raise ValueError(f"images {sorted(doubled)[:5]} are in the store already")
        # Readers count images by the change from one row to the next.
        results = sorted(results, key=lambda result: result.index)
        self.write(f"codes-{self._next:05d}.npz", lambda file: write_shard(file, results))
        self._next += 1
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

    def finished_indices(self) -> set[int]:
        """The indices of the images that need not be done again, failed ones included."""
        return set(self._finished)

    def is_finished(self, index: int, name: str) -> bool:
        """Whether the image at a place in the run need not be done again.

        Raises:
          UserError: if another image was at this place, as after a file was added to a folder that
            is given again: going on would leave some images out and do others twice.
        """
        there = self._finished.get(index)
        if there is not None and there != _checksum(name):
            raise UserError(
                f"{self.folder}: image {index} is {name} now and was another before: --images no "
                "longer gives the same pictures in the same order; choose another --output_dir or "
                "add --overwrite"
            )
        return there is not None

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


def _checksum(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))


def _number(path: Path) -> int:
    return int(_SHARD.fullmatch(path.name)[1])
