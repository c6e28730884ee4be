"""Frozen graphs: `.pb` and `.pbtxt`."""

from __future__ import annotations

import os

from tfinv.errors import UserError
from tfinv.generators.formats import saved_model
from tfinv.generators.formats.reading import Reading, Request
from tfinv.graph.reading.frozen_graph import parse_frozen, read_frozen

__all__ = ["is_graph", "read"]

_SUFFIXES = (".pb", ".pbtxt", ".pb.txt")


def is_graph(source: str) -> bool:
    """Whether a source is a file with the name of a GraphDef."""
    return source.lower().endswith(_SUFFIXES) and os.path.isfile(source)


def read(source: str, request: Request) -> Reading:
    """Reads a frozen graph; or, where the file is that of a SavedModel, the folder it stands in."""
    if os.path.basename(source) == "saved_model.pb":
        return saved_model.read(os.path.dirname(source) or os.curdir, request)
    if request.signature is not None:
        parse_frozen(source)  # which says so where it is that of a SavedModel
        raise UserError(
            f"{source} is a bare graph and has no signatures: name tensors with --input and "
            "--output instead of --signature"
        )
    model, notes = read_frozen(source, request.inputs, request.output)
    return Reading(model, notes=notes)
