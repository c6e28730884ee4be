"""The model in a folder that is none itself: below `export/` of an Estimator, beside a README."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from tfinv.errors import UserError
from tfinv.generators.formats.saver_files import find_prefix

__all__ = ["find_model", "is_clutter"]

_SAVED_MODEL = "saved_model.pb"
_MAX_DEPTH = 4
_MAX_ENTRIES = 10_000  # somebody may name a folder of photographs
_SHOWN = 4


def find_model(folder: str, is_model: Callable[[str], bool]) -> str:
    """The only model in a folder: the folder itself, one below it, or a file.

    Args:
      folder: where to look; links are not followed.
      is_model: whether a file is a model in a format that is known.

    Returns:
      A path; the folder where nothing is found in it.

    Raises:
      UserError: several are; names them.
    """
    if os.path.lexists(os.path.join(folder, _SAVED_MODEL)):
        return folder
    found = list(dict.fromkeys(_models(folder, is_model)))
    # Weights without their architecture are no model, if there is one beside them.
    found = [path for path in found if not path.endswith(".weights.h5")] or found
    if len(found) > 1:
        names = [os.path.relpath(path, folder) for path in found[:_SHOWN]]
        more = ", ..." if len(found) > _SHOWN else ""
        raise UserError(
            f"{folder}: holds {len(found)} models, {', '.join(names)}{more}: give the path of one; "
            "out of an archive, unpack it first"
        )
    return found[0] if found else folder


def _models(folder: str, is_model: Callable[[str], bool]) -> Iterator[str]:
    """Sub-folders that are SavedModels, and files; of a checkpoint its prefix, once a file."""
    seen = 0
    for path, folders, files in os.walk(folder):
        seen += len(folders) + len(files)
        if seen > _MAX_ENTRIES:
            return
        if _SAVED_MODEL in files:
            folders.clear()
            yield path
            continue
        depth = os.path.relpath(path, folder).count(os.sep) + (path != folder)
        folders[:] = sorted(f for f in folders if not is_clutter(f) and depth < _MAX_DEPTH)
        for name in sorted(files):
            file = os.path.join(path, name)
            if not is_clutter(name) and os.path.isfile(file) and is_model(file):
                yield find_prefix(file)


def is_clutter(name: str) -> bool:
    """Whether a name is of what file managers leave behind."""
    return name.startswith(".") or name == "__MACOSX"
