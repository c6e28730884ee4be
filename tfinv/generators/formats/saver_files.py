"""Finding a checkpoint of tf.train.Saver from whichever of its files a user names."""

from __future__ import annotations

import os
import re

from google.protobuf import text_format
from tensorflow.python.training.checkpoint_state_pb2 import CheckpointState

from tfinv.errors import UserError

__all__ = ["find_prefix", "is_checkpoint"]

_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_LIST = "checkpoint"  # the file in which a Saver lists what it has written to a folder
_LIST_BYTES = 1 << 20
_TABLE_END = bytes.fromhex("57fb808b247547db")  # of an index, and of a whole checkpoint before 2016


def is_checkpoint(source: str) -> bool:
    """Whether a source is a checkpoint: its prefix, one of its files, or a folder that lists it."""
    if os.path.isdir(source):
        return _is_folder(source)
    prefix = _PART.sub("", source)
    return os.path.isfile(prefix + ".index") or (prefix == source and _is_old(source))


def find_prefix(source: str) -> str:
    """The prefix that TensorFlow's reader takes, of a source that `is_checkpoint`.

    Of a folder it is the latest checkpoint, which may not lie outside of it.

    Raises:
      UserError: the folder's list is damaged, or names a checkpoint that is not there.
    """
    return _latest(source) if os.path.isdir(source) else _PART.sub("", source)


def _is_folder(source: str) -> bool:
    held = (os.path.join(source, name) for name in (_LIST, "saved_model.pb", "saved_model.pbtxt"))
    return [os.path.isfile(path) for path in held] == [True, False, False]


def _is_old(source: str) -> bool:
    """Whether a file is a checkpoint of the first format, which has no .index beside it."""
    if not os.path.isfile(source):  # a pipe would be waited for
        return False
    try:
        with open(source, "rb") as file:
            file.seek(-len(_TABLE_END), os.SEEK_END)
            return file.read() == _TABLE_END
    except (OSError, ValueError):
        return False


def _latest(folder: str) -> str:
    path = os.path.join(folder, _LIST)
    try:
        with open(path, "rb") as file:
            text = file.read(_LIST_BYTES)
        named = text_format.Parse(text.decode(), CheckpointState()).model_checkpoint_path
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: is no list of checkpoints; name the checkpoint itself, such as "
            f"{os.path.join(folder, 'model.ckpt-1000')}"
        ) from error
    # A Saver writes the path that it was given, often one of the machine that trained.
    for prefix in (os.path.join(folder, named), os.path.join(folder, os.path.basename(named))):
        inside = os.path.realpath(prefix).startswith(os.path.join(os.path.realpath(folder), ""))
        if named and inside and (os.path.isfile(prefix + ".index") or _is_old(prefix)):
            return prefix
    raise UserError(
        f"{path}: the latest checkpoint is called {named!r}, and is not in {folder}; name another "
        "one of its checkpoints"
    )
