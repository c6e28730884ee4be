"""Which pictures a run is about: files, folders, globs, TFRecords, files inside a package.

Listing is lazy. No picture is opened before its turn, and of names only one folder's (or one
glob's) are held at a time, because they are sorted. What guards the names against duplicates keeps
a digest of each, some 70 bytes a name in Python's set.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence

from tfinv.errors import UserError
from tfinv.images import tfrecord
from tfinv.images.specs import Spec, parse_specs

__all__ = ["ImageRecord", "count_images", "list_images"]

MAX_FILE_BYTES = 1 << 30
"""A larger file is no picture that `decode` accepts, and reading it would fill the memory."""


@dataclasses.dataclass(frozen=True)
class ImageRecord:
    """One picture that has been found but not yet read.

    Attributes:
      name: unique in its list and the same every time: a path relative to what was asked for, or
        a TFRecord's `image/filename`, or `record-00017`.
      label: its class if the source knows one.
      read: returns the encoded bytes; raises UserError if they cannot be read.
    """

    name: str
    label: int | None
    read: Callable[[], bytes]


def list_images(specs: Sequence[str]) -> Iterator[ImageRecord]:
    """Lists pictures in a fixed order: the order given, sorted within each.

    A spec is a file of any kind, a glob (`*`, `?`, `[]`, and `**` for any depth; it takes whatever
    files it matches), a folder (searched to any depth for picture extensions; hidden files and
    linked folders are left out), a `.tfrecord` file, or `package:NAME/path` with a path, folder or
    glob inside an installed package, which is found without importing it. A file that several
    specs match is listed once. A bad TFRecord record is listed, and its `read` says what is wrong.

    Args:
      specs: at least one.

    Returns:
      An iterator. Names are relative to the file's folder, the folder asked for or the fixed part
      of the glob; with several specs, to the deepest folder common to all of them.

    Raises:
      UserError: at once, if a spec matches nothing, saying what was looked for.
    """
    return _records(parse_specs(specs))


def count_images(specs: Sequence[str]) -> int:
    """Counts what `list_images` yields, for a progress bar, without reading a picture.

    Raises:
      UserError: as `list_images` does.
    """
    return sum(
        tfrecord.count_records(path) if _is_tfrecord(path) else 1
        for path, _ in _paths(parse_specs(specs))
    )


class _Seen:
    """A set of strings, kept as digests that unlike `hash` are the same in every process."""

    def __init__(self):
        self._digests: set[int] = set()

    def add(self, text: str) -> bool:
        """Adds a string; returns whether it is new."""
        raw = text.encode("utf-8", "surrogateescape")
        digest = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")
        if digest in self._digests:
            return False
        self._digests.add(digest)
        return True


def _paths(specs: Sequence[Spec]) -> Iterator[tuple[str, str]]:
    """Yields path and name of each file once, however many specs match it."""
    seen = _Seen()
    for spec in specs:
        for path in spec.paths():
            if len(specs) == 1 or seen.add(os.path.realpath(path)):
                yield path, _printable(spec.name(path))


def _records(specs: Sequence[Spec]) -> Iterator[ImageRecord]:
    names = _Seen()
    found = False
    for path, name in _paths(specs):
        # The second name is longer, and unique because no two paths are equal.
        for record, unique_name in _listed(path, name):
            if not names.add(record.name):
                record = dataclasses.replace(record, name=unique_name)
                names.add(unique_name)
            found = True
            yield record
    if not found:
        looked = ", ".join(spec.text for spec in specs)
        raise UserError(f"{looked}: no images, only empty TFRecord files")


def _listed(path: str, name: str) -> Iterator[tuple[ImageRecord, str]]:
    """Yields the pictures of one file, each with a name to fall back on."""
    if not _is_tfrecord(path):
        yield ImageRecord(name, None, functools.partial(_read_file, path)), _printable(path)
        return
    for offset, frame in tfrecord.read_frames(path):
        short, label, problem = None, None, frame.problem
        if problem is None:
            try:
                example = tfrecord.parse_example(frame.data)
                short, label = example.name, example.label
            except UserError as error:
                problem = str(error)
        short = _printable(short) if short else f"record-{frame.index:05d}"
        if problem is None:
            read = functools.partial(_read_record, path, offset, frame.index)
        else:
            read = functools.partial(_refuse, f"{path}: record {frame.index} {_verb(problem)}")
        yield ImageRecord(short, label, read), f"{name}/{frame.index:05d}/{short}"


def _read_file(path: str) -> bytes:
    try:
        size = os.path.getsize(path)
        if size > MAX_FILE_BYTES:
            raise UserError(f"{path}: {size} bytes is no picture tfinv reads; at most 1 GiB")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def _read_record(path: str, offset: int, index: int) -> bytes:
    _, frame = next(tfrecord.read_frames(path, offset, index), (0, None))
    if frame is None or frame.problem:
        raise UserError(f"{path}: record {index} changed while tfinv was running; run it again")
    return tfrecord.parse_example(frame.data).image


def _refuse(message: str) -> bytes:
    raise UserError(message)


def _verb(problem: str) -> str:
    """Makes a sentence of a problem that begins with a noun."""
    return problem if problem.startswith(("is ", "has ")) else f"cannot be read: {problem}"


def _is_tfrecord(path: str) -> bool:
    return path.lower().endswith((".tfrecord", ".tfrecords"))


def _printable(name: str) -> str:
    """Escapes what would break a table or a terminal: control characters and stray bytes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
