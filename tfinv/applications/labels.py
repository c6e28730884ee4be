"""Labels of pictures that bring none: found for a group at once, or weights to start from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfinv.applications.pictures import Picture
from tfinv.generators.generator import Generator
from tfinv.inversion.engine import OnProgress
from tfinv.inversion.labels import LabelSearch

__all__ = ["find_labels", "label_to_give"]


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


def label_to_give(generator: Generator, label: int | None, weights: bool) -> np.ndarray | None:
    """What an inverter is given for a picture with this label.

    Args:
      generator: conditional or not.
      label: None if there is none.
      weights: whether weights of the classes are optimised.

    Returns:
      int32 []; or float32 [classes], the weights to start from: one-hot, or all alike if there is
      no label. None for an unconditional generator.
    """
    if not generator.conditional:
        return None
    if not weights:
        return np.int32(label)
    classes = generator.classes
    row = np.full(classes, 1 / classes) if label is None else np.eye(classes)[label]
    return np.asarray(row, np.float32)
