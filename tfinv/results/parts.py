"""A folder of numbered parts: what a long job has computed is computed once, whatever stops it."""

from __future__ import annotations

import fnmatch
import os
import re
import weakref
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from tfinv.errors import UserError
from tfinv.results.files import write_atomically
from tfinv.results.folder import lock_folder, make_folder, open_folder

__all__ = ["Parts"]

_PART = re.compile(r"part-[\w-]+\.npz")
_NAMES = "names_of_its_pictures"


class Parts:
    """The output folder of a job that consists of parts with names.

    A part is written whole or not at all. Opening the folder again with the same configuration
    finds the parts that are done. One process at a time may hold a folder.

    Args:
      output_dir: is made if missing; its parent must exist.
      config_text: the flags of the run, a line each, as `config.cfg` keeps them; it identifies the
        run, so leave out what does not change results.
      files: names of the other files that the job writes; `*` stands for any characters, as in
        "mask-*.png".
      overwrite: remove what an earlier run left, and nothing else.

    Raises:
      UserError: if the folder is unusable or holds something else.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        config_text: str,
        files: Collection[str],
        overwrite: bool = False,
    ):
        self.folder = Path(output_dir).expanduser().absolute()
        make_folder(self.folder)
        descriptor = lock_folder(self.folder)
        self._unlock = weakref.finalize(self, _close, descriptor)

        def is_ours(name: str) -> bool:
            known = any(fnmatch.fnmatchcase(name, pattern) for pattern in files)
            return known or _PART.fullmatch(name) is not None

        try:
            open_folder(self.folder, config_text, overwrite, is_ours)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Lets another run have the folder; the process's end does too."""
        self._unlock()

    def find(self, part: str, names: Sequence[str]) -> dict[str, np.ndarray] | None:
        """What a part holds, or None if it is not done, or cannot be read any more.

        Args:
          part: its name, of letters, digits, "_" and "-".
          names: of the pictures that it is about.

        Raises:
          UserError: if it is about other pictures: they are no longer what they were.
        """
        path = self._path(part)
        try:
            with open(path, "rb") as file, np.load(file) as arrays:
                found = {key: arrays[key] for key in arrays.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
            return None
        if list(found.pop(_NAMES, ())) != list(names):
            raise UserError(
                f"{self.folder}: {path.name} is about other pictures than the run's now; "
                "choose another --output_dir or add --overwrite"
            )
        return found

    def add(self, part: str, names: Sequence[str], arrays: Mapping[str, np.ndarray]) -> None:
        """Writes a part; for the first two arguments see `find`.

        Raises:
          UserError: if the file system refuses; what was added before is safe.
        """
        path = self._path(part)
        named = {**arrays, _NAMES: np.asarray(names, np.str_)}
        self.write(path.name, lambda file: np.savez_compressed(file, **named))

    def write(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Writes one of the job's other files, whole or not at all."""
        kept = "what is finished is kept, and the same command continues from there"
        write_atomically(self.folder / name, write, kept)

    def write_picture(self, name: str, picture: Image.Image) -> None:
        """Writes one of the job's pictures as PNG, likewise."""
        self.write(name, lambda file: picture.save(file, "PNG", optimize=True))

    def _path(self, part: str) -> Path:
        return self.folder / f"part-{part}.npz"


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
