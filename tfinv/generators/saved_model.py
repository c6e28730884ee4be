"""SavedModels and TF-Hub modules in a folder, of TensorFlow 1 or 2."""

from __future__ import annotations

import os

from tfinv.errors import UserError
from tfinv.generators.reading import Reading, Request
from tfinv.graph.read import read_saved_model

__all__ = ["is_folder", "read"]


def is_folder(source: str) -> bool:
    """Whether a source is a local folder."""
    return os.path.isdir(source)  # unlike pathlib, answers also where a name is too long


def read(source: str, request: Request) -> Reading:
    """Reads the graph of one signature; see `tfinv.graph.read.read_saved_model`."""
    if request.inputs or request.output:
        raise UserError(
            f"{source} says itself what its inputs and outputs are: drop --input and --output"
        )
    return Reading(read_saved_model(source, request.signature))
