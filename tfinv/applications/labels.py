"""Labels of pictures that bring none: found for a whole batch, or weights to start from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfinv.applications.pictures import Picture
from tfinv.generators.generator import Generator
from tfinv.inversion.engine import OnProgress
from tfinv.inversion.labels import LabelSearch

__all__ = ["find_labels", "labels_to_give"]


def find_labels(
    search: LabelSearch, pictures: Sequence[Picture], on_progress: OnProgress | None = None
) -> list[Picture]:
    """Gives those without a label the one that a search finds.

    Args:
      search: tries classes.
      pictures: all readable.
      on_progress: called every few dozen steps of the search.

    Returns:
      The pictures in their order. Those whose label was found say so in their note, and what that
      has cost is in their evaluations.
    """
    lacking = [picture for picture in pictures if picture.label is None]
    if not lacking:
        return list(pictures)
    pixels = np.stack([picture.pixels for picture in lacking])
    found = search.find(pixels, [picture.index for picture in lacking], on_progress)
    said = f"label found, not given: the best of {found.candidates.shape[1]} tried"
    labelled = {
        picture.index: dataclasses.replace(
            picture,
            label=int(label),
            note="; ".join(filter(None, (picture.note, said))),
            evaluations=picture.evaluations + int(spent),
        )
        for picture, label, spent in zip(lacking, found.labels, found.evaluations, strict=True)
    }
    return [labelled.get(picture.index, picture) for picture in pictures]


def labels_to_give(generator: Generator, pictures: Sequence[Picture]) -> np.ndarray | None:
    """What an inverter is given for pictures.

    Returns:
      int [N], their labels; where one has none, float32 [N, classes], weights of the classes: all
      alike for those without, one-hot for the others. None for an unconditional generator.
    """
    if not generator.conditional:
        return None
    labels = [picture.label for picture in pictures]
    if None not in labels:
        return np.asarray(labels)
    classes = generator.classes
    rows = [
        np.full(classes, 1 / classes) if label is None else np.eye(classes)[label]
        for label in labels
    ]
    return np.asarray(rows, np.float32)
