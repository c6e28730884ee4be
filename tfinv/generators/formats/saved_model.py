"""SavedModels and TF-Hub modules in a folder, of TensorFlow 1 or 2."""

from __future__ import annotations

import os

from tfinv.generators.formats.reading import Reading, Request
from tfinv.graph.reading.saved_model import read_saved_model, read_saved_tensors

__all__ = ["is_folder", "read"]


def is_folder(source: str) -> bool:
    """Whether a source is a local folder."""
    return os.path.isdir(source)  # unlike pathlib, answers also where a name is too long


def read(source: str, request: Request) -> Reading:
    """Reads the graph of one signature; see `tfinv.graph.reading.saved_model.read_saved_model`.

    The signature says what the inputs are. With --input they are tensors instead, and the signature
    is not used; --output alone picks one of the signature's outputs, or any tensor before them.
    """
    if request.inputs:
        model, notes = read_saved_tensors(source, request.signature, request.inputs, request.output)
        return Reading(model, notes=notes)
    return Reading(read_saved_model(source, request.signature, request.output))
