"""Reference regions for pictures that have been inverted."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from tfinv.errors import UserError
from tfinv.images.labels import decode_labels, fit_labels
from tfinv.images.resize import has_proportions, size_before
from tfinv.images.sources import ImageRecord, list_images
from tfinv.images.specs import EXTENSIONS

__all__ = ["read_masks"]

_NAMED = 3


def read_masks(
    specs: Sequence[str], names: Sequence[str], notes: Sequence[str], size: tuple[int, int]
) -> list[np.ndarray]:
    """Reads the mask of each picture, and crops and resizes it as the picture was.

    Args:
      specs: files, folders or globs, see `tfinv.images.sources.list_images`. The mask of
        photos/cat.jpg is called photos/cat.png, or cat.png in any folder.
      names: of the pictures.
      notes: what was done to them, as results have it.
      size: height and width of the generator's pictures.

    Returns:
      int32 [height, width] for each picture, regions from 0.

    Raises:
      UserError: if a picture has no mask or several, or two have the same, or one cannot be read
        or has other proportions than its picture.
    """
    masks = list(list_images(specs))
    found = [_of_picture(name, masks) for name in names]
    if missing := [name for name, mask in zip(names, found, strict=True) if mask is None]:
        listed = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        there = ", ".join(mask.name for mask in masks[:_NAMED])
        raise UserError(
            f"--masks={','.join(specs)}: no mask for {listed}; masks are called as their pictures "
            f"are, whatever the extension; there is {there}"
        )
    served: dict[str, str] = {}
    for name, mask in zip(names, found, strict=True):
        if served.setdefault(mask.name, name) != name:
            raise UserError(
                f"mask {mask.name} is called as {served[mask.name]} and as {name}: put masks in "
                "folders as their pictures are"
            )
    return [
        _read(mask, name, note, size) for mask, name, note in zip(found, names, notes, strict=True)
    ]


def _of_picture(name: str, masks: Sequence[ImageRecord]) -> ImageRecord | None:
    for key in (_stem, lambda text: os.path.basename(_stem(text))):
        fitting = [mask for mask in masks if key(mask.name) == key(name)]
        if len(fitting) > 1:
            two = " and ".join(mask.name for mask in fitting[:2])
            raise UserError(f"{name} has {len(fitting)} masks, such as {two}: name one of them")
        if fitting:
            return fitting[0]
    return None


def _stem(name: str) -> str:
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in EXTENSIONS else name


def _read(mask: ImageRecord, name: str, note: str, size: tuple[int, int]) -> np.ndarray:
    labels = decode_labels(mask.read(), mask.name)
    had = size_before(note) or size
    if not any(has_proportions(labels.shape, other) for other in (had, size)):
        width, height = had[::-1]
        raise UserError(
            f"mask {mask.name} is {labels.shape[1]}x{labels.shape[0]}, but {name} was "
            f"{width}x{height}: a mask has the size of its picture, or the same proportions"
        )
    return fit_labels(labels, *size)
