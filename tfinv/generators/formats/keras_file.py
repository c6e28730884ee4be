"""Models that Keras saved as one file: `.keras`, `.h5`, `.hdf5`."""

from __future__ import annotations

import os

from tfinv.errors import UserError
from tfinv.generators.formats.reading import Reading, Request
from tfinv.graph.reading.keras_archive import read_keras
from tfinv.graph.reading.keras_h5 import read_h5

__all__ = ["is_hdf5", "is_keras", "read"]


def is_keras(source: str) -> bool:
    """Whether a source is a `.keras` file."""
    return source.lower().endswith(".keras") and os.path.isfile(source)


def is_hdf5(source: str) -> bool:
    """Whether a source is an HDF5 file."""
    return source.lower().endswith((".h5", ".hdf5")) and os.path.isfile(source)


def read(source: str, request: Request) -> Reading:
    """Reads a model; it has outputs to choose from, and no signatures."""
    if request.signature is not None:
        raise UserError(
            f"{source} is a Keras file and has no signatures: drop --signature; --output picks "
            "one of several outputs"
        )
    if request.inputs:
        raise UserError(
            f"{source} is a Keras file and says itself what its inputs are: drop --input"
        )
    reader = read_h5 if is_hdf5(source) else read_keras
    return Reading(reader(source, request.output))
