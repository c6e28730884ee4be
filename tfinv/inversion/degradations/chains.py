"""Chains of degradations by their names: "downsample:4+greyscale"."""

from __future__ import annotations

from tfinv.errors import UserError
from tfinv.inversion.degradations.degradation import Degradation
from tfinv.inversion.degradations.masks import Mask
from tfinv.inversion.degradations.registry import MASKS, STEPS
from tfinv.inversion.degradations.step import Shape, Step

__all__ = ["find_degradation"]


def find_degradation(text: str, image_shape: Shape) -> Degradation:
    """Reads a chain such as "downsample:4+greyscale" or "blur:1+center:0.25".

    Args:
      text: names, each with a number behind a colon or without, in the order in which they happen
        to the picture; a mask comes last.
      image_shape: (H, W, C) of whole pictures.

    Raises:
      UserError: if a name is unknown, a number is not understood, or they do not fit together.
    """
    steps: list[Step] = []
    mask: Mask | None = None
    shape = image_shape
    for part in text.split("+"):
        name, _, argument = part.strip().partition(":")
        if name not in STEPS and name not in MASKS:
            raise UserError(
                f"degradation {name!r} is not known: it is a chain, such as downsample:4+greyscale,"
                f" of {', '.join([*STEPS, *MASKS])}"
            )
        if mask is not None:
            raise UserError(f"degradation {text!r}: a mask comes last, and there is only one")
        if steps and not steps[-1].is_picture:
            raise UserError(f"degradation {text!r}: nothing follows projections, which are numbers")
        if name in MASKS:
            mask = MASKS[name](argument)
            if mask.is_made:
                mask.known(*shape[:2], 0, 0)  # so large a share may be none, or all
        else:
            steps.append(STEPS[name](argument, shape))
            shape = steps[-1].shape
    return Degradation(steps, image_shape, mask, "+".join(p.strip() for p in text.split("+")))
