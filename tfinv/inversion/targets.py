"""What an inverter is given to invert: pictures, or observations of a degradation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.images.ranges import to_float
from tfinv.inversion.degradations import Degradation

__all__ = ["check_targets", "listed"]

_OUTSIDE = 1e-3  # how far a resized float picture may overshoot
_OVERSHOT = 1.0  # a filter's overshoot is less; bytes taken for floats are more


def check_targets(
    images: np.ndarray | Sequence[np.ndarray],
    generator: Generator,
    degradation: Degradation | None = None,
) -> np.ndarray:
    """What a run compares drawn pictures with.

    Args:
      images: float [N, H, W, C] in [0, 1] or uint8, of the generator's own size; or, through a
        degradation, observations, float [N, *shape], or uint8 where it has no mask.
      generator: that draws.
      degradation: through which its pictures are seen; None if there is none.

    Returns:
      float32 of the same shape.

    Raises:
      UserError: if they are of another shape or range.
    """
    try:
        images = np.asarray(listed(images))
    except ValueError:
        raise UserError("the images are of different shapes: resize them to one") from None
    shape = generator.image_shape if degradation is None else degradation.shape
    if images.ndim != 4 or images.shape[1:] != shape or not len(images):
        what = generator.path
        if degradation is not None:
            what = f"what {degradation} leaves of a picture"
        raise UserError(
            f"images of shape {list(images.shape)} do not fit {what}: "
            f"[count, {', '.join(map(str, shape))}] is needed"
        )
    if degradation is not None:
        _check_known(images, degradation)
        if not degradation.is_picture:  # sums may be any numbers
            return images.astype(np.float32)
    if images.dtype == np.uint8:
        return to_float(images)
    images = images.astype(np.float32)
    # A pixel that is not finite fails its own image later, and no other.
    finite = images[np.isfinite(images)]
    low, high = finite.min(initial=0.0), finite.max(initial=0.0)
    outside = _OUTSIDE if degradation is None else _OVERSHOT
    if low < -outside or high > 1 + outside:
        raise UserError(
            f"pixels from {low:.3g} to {high:.3g} are not in [0, 1]: scale the images, or give "
            "uint8"
        )
    return images


def listed(values: Any) -> Any:
    """What can be gone through only once, as a list; NumPy would take it for one object."""
    return list(values) if isinstance(values, Iterator) else values


def _check_known(observations: np.ndarray, degradation: Degradation) -> None:
    """The last channel of an observation behind a mask is no colour."""
    if degradation.mask is None:
        return
    known = observations[..., -1]
    if observations.dtype == np.uint8 or not np.isin(known, (0, 1)).all():
        raise UserError(
            f"the last channel of what {degradation} leaves is 1 where a pixel is known and 0 "
            "where it is not, and the others are floats: degradation.join makes it of pictures"
        )
