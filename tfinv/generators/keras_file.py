"""Keras 3 files."""

from __future__ import annotations

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel
from tfinv.graph.read_keras import read_keras

__all__ = ["read"]


def read(source: str, signature: str | None = None) -> GraphModel:
    """Reads a `.keras` file; it has no signatures, so none can be named."""
    if signature is not None:
        raise UserError(f"{source} is a Keras file and has no signatures: drop --signature")
    return read_keras(source)
