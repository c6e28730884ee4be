"""Archives of a model, `.tar.gz`, `.tar`, `.zip`: unpacked by rules of our own, read, removed.

What an archive may do wherever it is unpacked (write outside its folder, link to other files, make
devices, fill the disk) this cannot do at all: only plain files are written, under names that were
checked, by code that copies bytes and counts them.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from tfinv.errors import UserError
from tfinv.generators.formats.folders import is_clutter
from tfinv.generators.formats.reading import Reading, Request

__all__ = ["is_archive", "read", "unpack"]

# The last is what wget calls a download of TF-Hub.
_SUFFIXES = (
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tar.xz",
    ".zip",
    "?tf-hub-format=compressed",
)

MAX_MEMBERS = 10_000
MAX_RATIO = 100  # weights hardly compress; a variable of zeros does, and is a part of its file
MIN_TOTAL = 64 << 20  # bytes that even a tiny archive may hold
MIN_FREE = 256 << 20  # bytes that stay free on the disk
_MAX_HEADER = (
    1 << 20
)  # bytes that tarfile may ask for at once; a header's length is the file's word
_CHUNK = 1 << 18

_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    ValueError,
)


class _Member(NamedTuple):
    """A member: `fault` says why it may not be written; a folder has no `open`."""

    name: str
    size: int
    fault: str | None
    open: Callable[[], BinaryIO] | None


def is_archive(source: str) -> bool:
    """Whether a source is a file with the name of an archive."""
    return source.lower().endswith(_SUFFIXES) and os.path.isfile(source)


def read(source: str, request: Request, read_content: Callable[[str, Request], Reading]) -> Reading:
    """Unpacks an archive into a temporary folder, reads the model in it, and removes the folder.

    Args:
      source: the archive.
      request: what the user says about the model.
      read_content: reads the unpacked model by its path, a folder or a file.

    Raises:
      UserError: the archive is damaged, breaks a rule, or holds no model.
    """
    with tempfile.TemporaryDirectory(prefix="tfinv-") as folder:
        unpack(source, folder)
        content = _content(source, folder)
        try:
            return read_content(content, request)
        except UserError as error:
            # The user has never seen the folder; the archive is what they can look into.
            raise UserError(str(error).replace(content, source)) from error


def unpack(source: str, folder: str) -> None:
    """Writes the plain files of an archive under an empty folder.

    Raises:
      UserError: the archive is damaged; or holds something else than files and folders, a name
        that leads out of the folder, or more than it should.
    """
    try:
        packed = os.path.getsize(source)
        room = max(0, shutil.disk_usage(folder).free - MIN_FREE)
        left = min(max(MIN_TOTAL, MAX_RATIO * packed), room)
        too_large = UserError(
            f"{source}: refused, because its {packed} bytes hold more than {left}"
            + (": the disk has no room for that" if left == room else "")
        )
        with open(source, "rb") as stream:
            for count, member in enumerate(_members(stream)):
                if count >= MAX_MEMBERS:
                    raise UserError(f"{source}: refused, because it has over {MAX_MEMBERS} members")
                fault = member.fault or _fault(member.name)
                if fault:
                    raise UserError(f"{source}: refused, because {member.name!r} in it {fault}")
                if member.size > left:
                    raise too_large
                left -= _write(member, folder, left, too_large)
    except FileExistsError as error:
        name = os.path.relpath(error.filename, folder)
        raise UserError(f"{source}: refused, because it holds {name!r} twice") from error
    except (*_DAMAGED, OSError) as error:
        said = " ".join(str(getattr(error, "strerror", None) or error).split())[:150]
        said = said.replace(folder, "") or type(error).__name__
        raise UserError(
            f"{source}: is damaged or no archive of the kind that its name says ({said}); "
            "download it again"
        ) from error


def _write(member: _Member, folder: str, limit: int, too_large: UserError) -> int:
    """Writes one member, and returns its size as it turned out."""
    target = os.path.join(folder, *PurePosixPath(member.name).parts)
    if member.open is None:
        os.makedirs(target, exist_ok=True)
        return 0
    os.makedirs(os.path.dirname(target), exist_ok=True)
    written = 0
    with member.open() as stream, open(target, "xb") as file:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise too_large
            file.write(chunk)
    return written


def _fault(name: str) -> str | None:
    """Why a member of this name may not be written; None if it may."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        return "is a path outside of it"
    return None


def _members(stream: BinaryIO) -> Iterator[_Member]:
    if zipfile.is_zipfile(stream):
        stream.seek(0)
        yield from _zipped(stream)
    else:
        stream.seek(0)
        yield from _tarred(_decompressed(stream))


def _zipped(stream: BinaryIO) -> Iterator[_Member]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            fault = None
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                fault = "is neither a file nor a folder"
            elif info.flag_bits & 1:
                fault = "is encrypted"
            opened = None if info.is_dir() else lambda info=info: archive.open(info)
            yield _Member(info.filename, info.file_size, fault, opened)


def _tarred(stream: BinaryIO) -> Iterator[_Member]:
    with tarfile.open(fileobj=_Measured(stream), mode="r:") as archive:
        for info in archive:
            fault = None
            if info.issym() or info.islnk():
                fault = f"is a link (to {info.linkname!r})"
            elif not (info.isreg() or info.isdir()) or info.size < 0:
                fault = "is neither a file nor a folder"
            opened = None if info.isdir() else lambda info=info: archive.extractfile(info)
            yield _Member(info.name, info.size, fault, opened)


def _decompressed(stream: BinaryIO) -> BinaryIO:
    start = stream.read(6)
    stream.seek(0)
    for magic, module in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ\0", lzma)):
        if start.startswith(magic):
            return module.open(stream)
    return stream


class _Measured:
    """A stream for tarfile, which reads a header of whatever length the file says in one piece."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)


def _content(source: str, folder: str) -> str:
    """The model in what was unpacked: the first folder that is more than a wrapping, or a file."""
    while True:
        held = sorted(name for name in os.listdir(folder) if not is_clutter(name))
        paths = [os.path.join(folder, name) for name in held]
        if len(paths) != 1:
            break
        if not os.path.isdir(paths[0]):
            return paths[0]
        folder = paths[0]
    if not held:
        raise UserError(f"{source}: is empty")
    return folder
