"""Starting where an earlier run ended, picture by picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tfinv.applications.pictures import Picture
from tfinv.errors import UserError
from tfinv.inversion.starts import Start, stored
from tfinv.results.load import iterate_results

__all__ = ["StoredStart", "stored_start", "with_start"]


class StoredStart(NamedTuple):
    """Where an earlier run ended.

    Attributes:
      start: for the first stage.
      names: of the pictures that have codes, by their place in the run.
    """

    start: Start
    names: dict[int, str]


def stored_start(folder: str | Path, layer: str) -> StoredStart:
    """A start from the results in a folder.

    Args:
      folder: of an earlier run.
      layer: of the first stage, as that run named it; where it has no codes there, `g1` of the
        latents with which it ended is the start.

    Raises:
      UserError: if there is nothing stored there.
    """
    latents, codes, weights, names = {}, {}, {}, {}
    for result in iterate_results(folder):
        # What belongs to a code is what its own stage found, and no later one.
        if result.latent is None or result.index in codes:
            continue
        latents[result.index], names[result.index] = result.latent, result.name
        if result.label_weights is not None:
            weights[result.index] = result.label_weights
        if result.stage == layer:
            codes[result.index] = result.code
    if not latents:
        raise UserError(f"{folder}: no picture has codes there; every one of them failed")
    return StoredStart(stored(latents, codes or None, weights or None), names)


def with_start(picture: Picture, names: Mapping[int, str] | None) -> Picture:
    """A picture, or its fault where the start does not know it; `names` are of those it does."""
    if names is None or picture.fault or names.get(picture.index) == picture.name:
        return picture
    fault = "no codes are stored for it at this place: give the stored run's --images, in order"
    return dataclasses.replace(picture, pixels=None, fault=fault)
