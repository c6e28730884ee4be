"""What tells one model from another: a digest of its graph and its weights."""

from __future__ import annotations

import hashlib

import numpy as np

from tfinv.graph.model import GraphModel

__all__ = ["digest"]


def digest(model: GraphModel) -> str:
    """A hexadecimal digest of a model, the same wherever the same model lies.

    Every node (its operation, inputs and attributes) and every number of the weights counts; the
    order of nodes, and the path, do not. It reads all weights once: about a second a gigabyte.
    """
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(model.nodes):
        found.update(model.nodes[name].SerializeToString(deterministic=True))
    for name in sorted(model.weights):
        value = np.ascontiguousarray(model.weights[name])
        found.update(f"{name} {value.dtype.str} {value.shape}".encode())
        found.update(value.reshape(-1).view(np.uint8))
    return found.hexdigest()
