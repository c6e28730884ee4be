"""The degradations by name; a new one is a file here and a line in `STEPS`, or in `MASKS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfinv.inversion.degradations import masks
from tfinv.inversion.degradations.jpeg import Jpeg
from tfinv.inversion.degradations.linear import bicubic, blur, downsample, greyscale
from tfinv.inversion.degradations.masks import Mask
from tfinv.inversion.degradations.projections import Projections
from tfinv.inversion.degradations.step import Shape, Step

__all__ = ["MASKS", "STEPS"]

STEPS: Mapping[str, Callable[[str, Shape], Step]] = {
    "downsample": downsample,
    "bicubic": bicubic,
    "greyscale": greyscale,
    "blur": blur,
    "jpeg": Jpeg,
    "projections": Projections,
}
"""What is done to all pictures alike: what stands behind the colon, and the shape before, to it."""

MASKS: Mapping[str, Callable[[str], Mask]] = {
    "center": masks.center,
    "random": masks.random,
    "mask": masks.drawn,
}
"""Which pixels are known of each picture, from what stands behind the colon."""
