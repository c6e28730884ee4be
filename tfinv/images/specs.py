"""What a user writes for `--images`, resolved to paths and to names that stay the same."""

from __future__ import annotations

import dataclasses
import difflib
import glob
import importlib.util
import os
from collections.abc import Iterator, Sequence

from tfinv.errors import UserError

__all__ = ["EXTENSIONS", "Spec", "parse_specs"]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
"""The file names that a folder is searched for."""

_PACKAGE = "package:"


@dataclasses.dataclass(frozen=True)
class Spec:
    """One thing to look for, known to match something.

    Attributes:
      text: as the user wrote it.
      path: the file, folder or glob that it means.
      kind: "file", "folder" or "glob".
      root: the folder that names are relative to.
      prefix: what names begin with.
    """

    text: str
    path: str
    kind: str
    root: str
    prefix: str = ""

    def paths(self) -> Iterator[str]:
        """Yields the files in a fixed order; a folder's names are held one level at a time."""
        if self.kind == "file":
            yield self.path
        elif self.kind == "glob":
            yield from sorted(filter(os.path.isfile, glob.iglob(self.path, recursive=True)))
        else:
            yield from _walk(self.path, EXTENSIONS)

    def name(self, path: str) -> str:
        """The name of one of the files, with forward slashes on every platform."""
        relative = os.path.relpath(path, self.root)
        return self.prefix + relative.replace(os.sep, "/")


def parse_specs(specs: Sequence[str]) -> list[Spec]:
    """Resolves each spec and checks that it matches something.

    Args:
      specs: what `list_images` describes.

    Returns:
      One `Spec` for each. A single one is named from its own folder. Of several, those on disk are
      named from their deepest common folder and those in packages by package and path, so that
      names do not depend on where a package is installed.

    Raises:
      UserError: if there is none, or one matches nothing.
    """
    texts = [text.strip() for text in specs if text.strip()]
    if not texts:
        raise UserError("no images given; name files, folders, globs or .tfrecord files")
    found = [_parse(text) for text in texts]
    if len(found) == 1:
        return [dataclasses.replace(found[0], prefix="")]
    on_disk = [spec.root for spec in found if not spec.prefix]
    try:
        common = os.path.commonpath(on_disk) if on_disk else ""
    except ValueError:  # Windows: no folder is common to two drives
        return found
    return [spec if spec.prefix else dataclasses.replace(spec, root=common) for spec in found]


def _parse(text: str) -> Spec:
    """Resolves one spec; `root` is its own folder, `prefix` set for packages."""
    if not text.startswith(_PACKAGE):
        path = os.path.abspath(os.path.expanduser(text))
        kind, root = _classify(text, path)
        return Spec(text, path, kind, root)
    package, _, inner = text[len(_PACKAGE) :].partition("/")
    base = _package_folder(text, package)
    if not inner or ".." in inner.split("/") or os.path.isabs(inner):
        raise UserError(f"{text}: give a path inside the package, as in package:NAME/folder/*.png")
    path = os.path.join(base, *inner.split("/"))
    kind, root = _classify(text, path)
    within = os.path.relpath(root, base).replace(os.sep, "/")
    return Spec(text, path, kind, root, f"{package}/" if within == "." else f"{package}/{within}/")


def _package_folder(text: str, package: str) -> str:
    if not package.isidentifier():
        raise UserError(f"{text}: {package!r} is no package name; write package:NAME/path")
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise UserError(f"{text}: no package {package!r} is installed; pip install it first")
    for folder in found.submodule_search_locations or ():
        if os.path.isdir(folder):
            return os.path.abspath(folder)
    raise UserError(f"{text}: {package!r} is a single module or a zip file, not a folder of files")


def _classify(text: str, path: str) -> tuple[str, str]:
    """Returns the kind and the folder for names; refuses what matches nothing."""
    # A file may be called "photo[1].png", so what exists is taken as it stands.
    if os.path.isdir(path):
        if next(_walk(path, EXTENSIONS), None) is None:
            raise UserError(_empty_folder(text, path))
        return "folder", path
    if os.path.isfile(path):
        return "file", os.path.dirname(path)
    if os.path.exists(path):
        raise UserError(f"{text}: neither a file nor a folder")
    if not glob.has_magic(path):
        raise UserError(_missing(text, path))
    if not any(map(os.path.isfile, glob.iglob(path, recursive=True))):
        raise UserError(f"{text}: no file matches this pattern; looked for {path}")
    root = path
    while glob.has_magic(root):
        root = os.path.dirname(root)
    return "glob", root


def _walk(folder: str, extensions: tuple[str, ...]) -> Iterator[str]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(parent, name)
            if name.lower().endswith(extensions) and name[0] != "." and os.path.isfile(path):
                yield path


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be searched: {error.strerror}") from error


def _empty_folder(text: str, path: str) -> str:
    wanted = " ".join(EXTENSIONS)
    message = f"{text}: the folder holds no pictures; looked at any depth for {wanted}"
    record = next(_walk(path, (".tfrecord", ".tfrecords")), None)
    if record is None:
        return message
    return f"{message}; for its TFRecords give {os.path.join(text, '**', '*.tfrecord')}"


def _missing(text: str, path: str) -> str:
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        return f"{text}: no such file or folder; {folder} does not exist"
    near = difflib.get_close_matches(name, os.listdir(folder), n=3)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return f"{text}: no such file or folder in {folder}{hint}"
