"""The graph and checkpoint that tf.train.Saver of TensorFlow 1 leaves: `.meta`, `.index`, data."""

from __future__ import annotations

import os

from tfinv.errors import UserError
from tfinv.generators.formats.reading import Reading, Request
from tfinv.generators.formats.saver_files import find_prefix, is_checkpoint
from tfinv.graph.reading.meta_graph import read_meta

__all__ = ["is_meta_graph", "read"]

_SUFFIX = ".meta"


def is_meta_graph(source: str) -> bool:
    """Whether a source is a `.meta` file, or a checkpoint that has one."""
    if source.endswith(_SUFFIX):
        return os.path.isfile(source)
    if not is_checkpoint(source):
        return False
    try:
        return os.path.isfile(find_prefix(source) + _SUFFIX)
    except UserError:  # a list of checkpoints that names none: to be said where it is read
        return False


def read(source: str, request: Request) -> Reading:
    """Reads the part of a training graph that --input and --output name."""
    if request.signature is not None:
        raise UserError(
            f"{source} is a training graph and has no signatures: name tensors with --input and "
            "--output instead of --signature"
        )
    prefix = source.removesuffix(_SUFFIX) if source.endswith(_SUFFIX) else find_prefix(source)
    model, notes = read_meta(prefix, request.inputs, request.output)
    return Reading(model, notes=notes)
