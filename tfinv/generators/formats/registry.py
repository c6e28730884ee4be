"""The formats that a generator can come in; a new one is a file here and a line in `FORMATS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tfinv.errors import UserError
from tfinv.generators.formats import (
    archives,
    frozen_graph,
    hub,
    keras_file,
    meta_graph,
    saved_model,
)
from tfinv.generators.formats.folders import find_model
from tfinv.generators.formats.progan import progan
from tfinv.generators.formats.reading import Reading, Request
from tfinv.generators.formats.wgan_gp import wgan_gp

__all__ = ["FORMATS", "Format", "read"]


@dataclass(frozen=True)
class Format:
    """One kind of source.

    Attributes:
      name: for messages and tables.
      example: what a user writes after --generator=.
      recognises: whether a source, as the user wrote it, is of this kind.
      read: (source, what the user says about it) to the graph and what is known of it.
    """

    name: str
    example: str
    recognises: Callable[[str], bool]
    read: Callable[[str, Request], Reading]


def _local(suffixes: Sequence[str]) -> Callable[[str], bool]:
    return lambda source: Path(source).suffix.lower() in suffixes and os.path.isfile(source)


def _read_archive(source: str, request: Request) -> Reading:
    return archives.read(source, request, _read_content)


def _read_content(path: str, request: Request) -> Reading:
    """Reads what was in an archive: anything that lies on a disk, but no archive again."""
    form = _on_disk(path)
    if form is None:
        name = os.path.basename(path)
        raise UserError(f"{path}: {name!r} in it is no generator in a format that is known here")
    return form.read(path, request)


def _read_folder(source: str, request: Request) -> Reading:
    """Reads a folder that is a model, or that holds one."""
    path = find_model(source, lambda file: _on_disk(file) is not None)
    if os.path.isdir(path):
        return saved_model.read(path, request)
    return _read_content(path, request)


def _on_disk(path: str) -> Format | None:
    known = (form for form in FORMATS if form.read != _read_archive and form.recognises(path))
    return next(known, None)


FORMATS: tuple[Format, ...] = (
    Format("TF-Hub handle", "https://tfhub.dev/deepmind/biggan-128/2", hub.is_handle, hub.read),
    Format("Archive of any of these", "module.tar.gz", archives.is_archive, _read_archive),
    Format("Keras file", "generator.keras", keras_file.is_keras, keras_file.read),
    Format("Keras HDF5 file", "generator.h5", keras_file.is_hdf5, keras_file.read),
    Format("ProGAN pickle", "network-final.pkl", _local([".pkl", ".pickle"]), progan.read),
    Format("WGAN-GP checkpoint", "path/to/model.ckpt-1000", wgan_gp.is_checkpoint, wgan_gp.read),
    Format("TF1 graph and checkpoint", "model.meta", meta_graph.is_meta_graph, meta_graph.read),
    Format("Frozen graph", "frozen.pb", frozen_graph.is_graph, frozen_graph.read),
    Format("SavedModel or TF-Hub folder", "path/to/folder", saved_model.is_folder, _read_folder),
)


def read(
    source: str,
    request: Request,
    *,
    named: str | None = None,
    what: str = "generator",
    others: str = "",
) -> Reading:
    """Reads a file, a folder or an address in whichever format it is.

    Args:
      source: a path or a handle.
      request: what the user says about it.
      named: what the user called it, for messages and for the model's path; `source` if None.
      what: what it should be, for messages.
      others: what else could have been named, for messages, as in "vgg16 or ".

    Raises:
      UserError: there is nothing, or nothing in a format that is known here; or as the format says.
    """
    named = source if named is None else named
    if os.path.exists(source) and not os.path.isfile(source) and not os.path.isdir(source):
        # A pipe would be waited for, and a device read until the memory is full.
        raise UserError(f"{named} is not a regular file: copy what it gives into one")
    for form in FORMATS:
        if source.strip() and form.recognises(source):
            reading = form.read(source, request)
            return replace(reading, model=replace(reading.model, path=named))
    known = "; ".join(f"{form.name} ({form.example})" for form in FORMATS)
    if os.path.exists(source):
        raise UserError(f"{named} is no {what} in a format that is known here: {known}")
    raise UserError(f"{what} {named!r} does not exist: give {others}one of these: {known}")
