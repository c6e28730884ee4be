"""Where a layer's inversion starts in an evaluation: from what another layer has found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfinv.applications.stored import StoredStart, stored_start
from tfinv.errors import UserError
from tfinv.generators.split import LATENT, Split
from tfinv.images.metrics import RECOVERED
from tfinv.inversion.starts import STARTS, Start, find_start
from tfinv.results.load import iterate_results

__all__ = ["LATER_STARTS", "Relay", "carried_start", "depends_on"]

LATER_STARTS = ("open", "previous", "latent", "generated")
"""open: as previous, but with all units open right behind the latent, where closed units rest.
previous: the code found at the layer before, carried on. latent: g1 of the latent found for the
picture. generated: g1 of a random latent, as the thesis does (section 5.1)."""


class Relay:
    """A start that another one stands behind, so that a compiled inverter serves every set.

    Attributes:
      start: the one behind, to be set before each use.
    """

    def __init__(self):
        self.start: Start = find_start("prior")

    def as_start(self) -> Start:
        """What an `Inverter` takes."""
        return Start(
            lambda *arguments: self.start.latents(*arguments),
            lambda *arguments: self.start.codes(*arguments),
            lambda *arguments: self.start.label_weights(*arguments),
        )


def depends_on(layers: Sequence[str], layer: str, later_start: str) -> list[str]:
    """The layers whose results decide those of one, from the first on; itself not included.

    Raises:
      UserError: if the start needs the latent and the evaluation has none.
    """
    if layer == layers[0] or later_start == "generated":
        return []
    if later_start in ("open", "previous"):
        return list(layers[: layers.index(layer)])
    if LATENT not in layers:
        raise UserError(
            "--later_start=latent needs the layer latent: add it to --layers, or choose generated"
        )
    return [LATENT]


def carried_start(
    folder: str | Path, before: Split, layer: str, *, opens: bool = False
) -> StoredStart:
    """A start at a later layer from the codes of a run at an earlier one.

    Args:
      folder: of the run.
      before: its cut.
      layer: its name there.
      opens: with all units open, for pictures that the run has not recovered.
    """
    found = stored_start(folder, layer)
    labels, recovered = {}, set()
    for row in iterate_results(folder):
        if row.labels is not None:
            labels[row.index] = row.labels
        if row.rmse < RECOVERED:
            recovered.add(row.index)

    def codes(split: Split, indices: Sequence[int], seed: int) -> np.ndarray:
        here = found.start.codes(before, indices, seed)
        latents = found.start.latents(before, indices, seed)
        fed = found.start.label_weights(before, indices, seed)
        if fed is None and labels:
            fed = np.asarray([labels[index] for index in indices])
        if here is None:
            here = before.g1(latents, fed)
        carried = before.follow(here, split, latents, fed).numpy()
        if opens:
            lost = np.asarray([index not in recovered for index in indices])
            carried[lost] = STARTS["open"].codes(split, indices, seed)[lost]
        return carried

    return found._replace(start=dataclasses.replace(found.start, codes=codes))
