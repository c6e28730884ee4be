"""Keras 3 files."""

from __future__ import annotations

from tfinv.errors import UserError
from tfinv.generators.reading import Reading, Request
from tfinv.graph.read_keras import read_keras

__all__ = ["read"]


def read(source: str, request: Request) -> Reading:
    """Reads a `.keras` file; it has no signatures, so none can be named."""
    if request.signature is not None:
        raise UserError(f"{source} is a Keras file and has no signatures: drop --signature")
    return Reading(read_keras(source))
