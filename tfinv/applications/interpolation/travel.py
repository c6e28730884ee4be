"""The pictures along a path."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

from tfinv.applications.codes import Codes, check_stored, draw
from tfinv.applications.interpolation.blends import BLENDS, blend_chunks, linear
from tfinv.applications.interpolation.paths import Path
from tfinv.errors import UserError
from tfinv.generators.split import BESIDE, Split
from tfinv.images.metrics import rmse

__all__ = ["Journey", "between", "travel"]


@dataclasses.dataclass(frozen=True, eq=False)
class Journey:
    """F pictures along a path.

    Attributes:
      a: float64 [F], where on the path.
      points: their codes, and what g2 reads beside them.
      images: float32 [F, H, W, C] in [0, 1]; at an end that a run has stored, the stored one.
      rmse: float64 [F, 2], how far each is from what the first and the last end were to draw.
      steps: float64 [F], RMSE between each and the one before; 0 for the first.
    """

    a: np.ndarray
    points: Codes
    images: np.ndarray
    rmse: np.ndarray
    steps: np.ndarray


def travel(
    split: Split, path: Path, a: np.ndarray, *, way: str = "linear", hold: Collection[str] = ()
) -> Journey:
    """Draws the pictures along a path.

    Args:
      split: the cut of its ends.
      path: from where to where.
      a: float64 [F], positions; beyond [0, 1] it goes on as between.
      way: a name in `BLENDS`, for z; see `between`.
      hold: see `between`.

    Raises:
      UserError: if an end is not drawn as it is stored, or labels cannot be blended.
    """
    points = between(split, path.first.points, path.last.points, a, way=way, hold=hold)
    images = draw(split, points)
    for place, end in ((0.0, path.first), (1.0, path.last)):
        for row in np.flatnonzero(a == place):
            if end.image is not None and _is_at(split, points.take([row]), end.points):
                check_stored(images[row], end.image, end.name)
                images[row] = end.image
    targets = [np.broadcast_to(end.target, images.shape) for end in (path.first, path.last)]
    errors = np.stack([rmse(images, target) for target in targets], axis=1)
    steps = np.concatenate([[0.0], rmse(images[1:], images[:-1])])
    return Journey(a, points, images, errors, steps)


def between(
    split: Split,
    first: Codes,
    last: Codes,
    a: np.ndarray,
    *,
    way: str = "linear",
    hold: Collection[str] = (),
) -> Codes:
    """The points between two, as g2 takes them.

    Codes behind the latent are blended linearly, as all sums of them are codes too. z, as the code
    or beside it, goes linearly or along an arc, each chunk of it on its own. Labels that differ are
    blended as one-hot weights.

    Args:
      split: the cut.
      first: one point of it.
      last: another.
      a: float64 [F], positions; 0 is the first and 1 the last, bit for bit.
      way: a name in `BLENDS`, for z.
      hold: out of "latent" and "labels", what stays as it is in the first, where g2 reads it beside
        the code.

    Returns:
      F points.

    Raises:
      UserError: if a name is not known, or labels differ and are whole numbers.
    """
    if way not in BLENDS:
        raise UserError(f"{way!r} is no way between latents: it is one of {', '.join(BLENDS)}")
    if unknown := [name for name in hold if name not in BESIDE]:
        raise UserError(f"{unknown[0]!r} cannot be held: {' and '.join(BESIDE)} can")
    a = np.asarray(a, np.float64)

    def of_z(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return blend_chunks(one, other, a, way, split.chunks)

    blend = of_z if split.is_latent else lambda one, other: linear(one, other, a)
    codes = blend(first.codes[0], last.codes[0])
    latents = None
    if split.is_latent:
        latents = codes
    elif first.latents is not None and last.latents is not None:
        goal = first.latents if "latent" in hold else last.latents
        latents = of_z(first.latents[0], goal[0])
    return Codes(codes, latents, _labels(split, first, last, a, "labels" in hold))


def _labels(
    split: Split, first: Codes, last: Codes, a: np.ndarray, is_held: bool
) -> np.ndarray | None:
    if first.labels is None or last.labels is None:
        return None
    if is_held or not split.reads_labels or _same(split, first.labels, last.labels):
        return np.repeat(first.labels, len(a), axis=0)
    try:
        one, other = (split.label_weights(points.labels).numpy()[0] for points in (first, last))
    except UserError as error:
        raise UserError(f"{error}, so two classes cannot be blended: add --hold=labels") from None
    return linear(one, other, a)


def _is_at(split: Split, point: Codes, end: Codes) -> bool:
    """Whether g2 reads the same at both."""
    if not np.array_equal(point.codes, end.codes):
        return False
    if split.reads_latent and not np.array_equal(point.latents, end.latents):
        return False
    return not split.reads_labels or _same(split, point.labels, end.labels)


def _same(split: Split, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether labels are the same, be they written as numbers or as weights."""
    if one.dtype.kind in "iu" and other.dtype.kind in "iu":
        return np.array_equal(one, other)
    return np.array_equal(split.label_weights(one), split.label_weights(other))
