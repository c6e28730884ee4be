"""TFRecord files, record by record, so that one bad record costs one image and not the run.

The framing is eight bytes of length, their masked CRC-32C, the data, its masked CRC-32C, all
little-endian. It is read here rather than by TensorFlow's reader because that one stops at the
first bad checksum, and because a record is re-read by its offset when its turn comes: listing a
file keeps no picture in memory.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Iterator

from tfinv.errors import UserError
from tfinv.images.crc32c import masked_crc32c

__all__ = ["Example", "Frame", "count_records", "parse_example", "read_frames"]

IMAGE_KEY = "image/encoded"
LABEL_KEY = "image/class/label"
NAME_KEY = "image/filename"

_HEADER = 12
_FOOTER = 4
_GZIP_MAGIC = b"\x1f\x8b"


@dataclasses.dataclass(frozen=True)
class Frame:
    """One record of a file.

    Attributes:
      index: its number in the file, from 0.
      data: its bytes; empty if it is bad.
      problem: what is wrong with it, or None.
    """

    index: int
    data: bytes
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class Example:
    """What tfinv wants of a `tf.train.Example`.

    Attributes:
      image: the encoded picture.
      label: its class, or None if the record has none.
      name: its file name, or None if the record has none.
    """

    image: bytes
    label: int | None
    name: str | None


def read_frames(path: str, offset: int = 0, index: int = 0) -> Iterator[tuple[int, Frame]]:
    """Reads a file's records in order, checking both checksums of each.

    Args:
      path: an uncompressed TFRecord file.
      offset: byte at which to begin, the start of a record.
      index: the number of that record.

    Yields:
      The record's offset in bytes, and the record. A record with a bad data checksum is yielded
      with its problem and the next one follows; after bad framing nothing can follow.

    Raises:
      UserError: if the file cannot be read.
    """
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            file.seek(offset)
            while offset < size:
                header = file.read(_HEADER)
                length, problem = _check_header(header, size - offset)
                if problem:
                    yield offset, Frame(index, b"", f"{problem}; the file ends here for tfinv")
                    return
                data = file.read(length)
                stored = file.read(_FOOTER)
                if stored != struct.pack("<I", masked_crc32c(data)):
                    yield offset, Frame(index, b"", "its checksum does not match its data")
                else:
                    yield offset, Frame(index, data)
                offset += _HEADER + length + _FOOTER
                index += 1
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def count_records(path: str) -> int:
    """Counts the records that `read_frames` yields, by their headers alone.

    Raises:
      UserError: if the file cannot be read.
    """
    count, offset = 0, 0
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            while offset < size:
                file.seek(offset)
                length, problem = _check_header(file.read(_HEADER), size - offset)
                count += 1
                if problem:
                    break
                offset += _HEADER + length + _FOOTER
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    return count


def _check_header(header: bytes, left: int) -> tuple[int, str | None]:
    """Returns the data's length and what is wrong, given how many bytes the file has left."""
    if header.startswith(_GZIP_MAGIC):
        return 0, "the file is compressed; decompress it first (gunzip)"
    if len(header) < _HEADER:
        return 0, "the file is cut short within a record"
    length, stored = struct.unpack("<QI", header)
    if stored != masked_crc32c(header[:8]):
        return 0, "the file is damaged or no TFRecord file (the checksum of a length is wrong)"
    if _HEADER + length + _FOOTER > left:
        return 0, "the file is cut short within a record"
    return length, None


def parse_example(data: bytes) -> Example:
    """Reads a serialised `tf.train.Example`.

    Args:
      data: one record with the feature `image/encoded`, and if known `image/class/label` and
        `image/filename`.

    Returns:
      Its picture, label and name.

    Raises:
      UserError: if it is no Example, has no picture, or its label is no integer. The message does
        not name the record.
    """
    import tensorflow as tf

    try:
        feature = tf.train.Example.FromString(data).features.feature
    # google.protobuf has two implementations whose DecodeError differ.
    except Exception as error:
        raise UserError("is not a tf.train.Example") from error
    if IMAGE_KEY not in feature or not feature[IMAGE_KEY].bytes_list.value:
        found = ", ".join(sorted(feature)[:6]) or "none"
        raise UserError(f"has no feature {IMAGE_KEY} of bytes (its features: {found})")
    label = None
    if LABEL_KEY in feature and feature[LABEL_KEY].WhichOneof("kind"):
        if not feature[LABEL_KEY].int64_list.value:
            raise UserError(f"has a feature {LABEL_KEY} that is not an int64")
        label = int(feature[LABEL_KEY].int64_list.value[0])
    name = None
    if NAME_KEY in feature and feature[NAME_KEY].bytes_list.value:
        name = feature[NAME_KEY].bytes_list.value[0].decode("utf-8", "backslashreplace") or None
    return Example(feature[IMAGE_KEY].bytes_list.value[0], label, name)
