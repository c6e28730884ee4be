"""The formats that a generator can come in; a new one is a file here and a line in `FORMATS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfinv.generators import (
    frozen_graph,
    hub,
    keras_file,
    meta_graph,
    progan,
    saved_model,
    wgan_gp,
)
from tfinv.generators.reading import Reading, Request

__all__ = ["FORMATS", "Format"]


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
    return lambda source: Path(source).suffix.lower() in suffixes and os.path.exists(source)


FORMATS: tuple[Format, ...] = (
    Format("TF-Hub handle", "https://tfhub.dev/deepmind/biggan-128/2", hub.is_handle, hub.read),
    Format("Keras file", "generator.keras", _local([".keras"]), keras_file.read),
    Format("ProGAN pickle", "network-final.pkl", _local([".pkl", ".pickle"]), progan.read),
    Format("WGAN-GP checkpoint", "path/to/model.ckpt-1000", wgan_gp.is_checkpoint, wgan_gp.read),
    Format("TF1 graph and checkpoint", "model.meta", meta_graph.is_meta_graph, meta_graph.read),
    Format("Frozen graph", "frozen.pb", frozen_graph.is_graph, frozen_graph.read),
    Format(
        "SavedModel or TF-Hub folder", "path/to/folder", saved_model.is_folder, saved_model.read
    ),
)
