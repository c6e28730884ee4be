"""Edits drawn in pixels: what is painted is carried into the code, and the rest stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfinv.applications.codes import Codes
from tfinv.applications.editing.carrying import Carried, Carrier
from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.images.decode import decode
from tfinv.images.resize import fit, has_proportions
from tfinv.images.sources import list_images
from tfinv.inversion.losses import Loss, Term
from tfinv.inversion.trial import Trial

__all__ = ["paint", "painter", "painting_errors", "read_painting", "read_picture"]

_PAINTED, _MASK = "painted", "mask"


def painting(trial: Trial) -> tf.Tensor:
    """Mean squared error to what is painted where the mask says so, and to the picture elsewhere.

    Each is a mean over its own pixels, weighted by the mask, so that a small mark counts as much as
    all that is to stay.

    Returns:
      float32 [B] in [0, 2].
    """
    mask = trial.references[_MASK]
    inside = _weighted_mean(trial.images - trial.references[_PAINTED], mask)
    return inside + _weighted_mean(trial.images - trial.targets, 1.0 - mask)


def _weighted_mean(error: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Of squares of [B, H, W, C] over pixels with weights [B, H, W, 1]; 0 where all of them are."""
    squares = tf.reduce_mean(tf.square(error), 3, keepdims=True)
    total = tf.reduce_sum(weights * squares, [1, 2, 3])
    return tf.math.divide_no_nan(total, tf.reduce_sum(weights, [1, 2, 3]))


def painter(generator: Generator, layer: str, **options) -> Carrier:
    """What carries painted pictures into codes of a layer; for the options see `Carrier`."""
    return Carrier(generator, layer, Loss.of(Term("painting", painting)), **options)


def paint(
    carrier: Carrier,
    points: Codes,
    images: np.ndarray,
    painted: np.ndarray,
    masks: np.ndarray,
    on_progress: Callable[[int], None] = lambda evaluations: None,
) -> Carried:
    """Moves codes so that they draw what is painted.

    Args:
      carrier: from `painter`.
      points: N of them.
      images: float32 [N, H, W, C] in [0, 1], what they draw now.
      painted: the same shape, what they are to draw where the mask is white.
      masks: float32 [N, H, W, 1] in [0, 1]; grey counts in part.
      on_progress: see `Carrier`.
    """
    given = {_PAINTED: painted, _MASK: masks}
    return carrier(points, images, given, on_progress)


def painting_errors(
    found: np.ndarray, images: np.ndarray, painted: np.ndarray, masks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far pictures are from what is painted, and from what was to stay.

    Args:
      found: float32 [N, H, W, C] in [0, 1].
      images: as for `paint`; so are the next two.
      painted: what they are to show inside the mask.
      masks: float32 [N, H, W, 1] in [0, 1].

    Returns:
      Root mean square errors float64 [N], inside the mask to what is painted, and outside it to
      what was there; 0 where there is no outside.
    """

    def error(difference: np.ndarray, weights: np.ndarray) -> np.ndarray:
        squares = np.mean(np.square(difference, dtype=np.float64), 3, keepdims=True)
        total = weights.sum((1, 2, 3), dtype=np.float64)
        return np.sqrt((weights * squares).sum((1, 2, 3)) / np.maximum(total, 1e-12))

    return error(found - painted, masks), error(found - images, 1.0 - masks)


def read_painting(
    painted: str,
    mask: str,
    shape: tuple[int, int, int],
    had: tuple[int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Reads a painted picture and its mask, and fits both to a generator in the same way.

    Args:
      painted: a picture file; of the size of its photograph, or of the generator's pictures.
      mask: another of the same size: white where the painting counts, black or transparent where
        it does not.
      shape: (height, width, channels) of the generator's pictures.
      had: height and width of the photograph, if it had another size; see `resize.size_before`.

    Returns:
      float32 [H, W, C] and [H, W, 1] in [0, 1].

    Raises:
      UserError: if one cannot be read, their sizes differ, they have other proportions than the
        photograph and the generator's pictures, or the mask marks nothing.
    """
    pixels, marks = _read(painted), _read(mask, under=0)
    if pixels.shape != marks.shape:
        sizes = [f"{array.shape[1]}x{array.shape[0]}" for array in (marks, pixels)]
        raise UserError(
            f"{mask}: the mask is {sizes[0]} and the painted picture {painted} is {sizes[1]}: make "
            "them alike"
        )
    height, width, channels = shape
    if not any(has_proportions(pixels.shape, size) for size in (had or (height, width), shape[:2])):
        rows, columns = had or (height, width)
        raise UserError(
            f"{painted}: is {pixels.shape[1]}x{pixels.shape[0]}, and its picture was "
            f"{columns}x{rows}: paint on that, or on what the generator draws"
        )
    weights = fit(marks, height, width, 1)[0]
    if not weights.max() > 0.5:
        raise UserError(
            f"{mask}: the mask is black, or nearly, at {width}x{height}: make white what is painted"
        )
    return fit(pixels, height, width, channels)[0], weights


def read_picture(path: str, shape: tuple[int, int, int]) -> np.ndarray:
    """Reads a picture file and fits it to a generator.

    Args:
      path: of the file.
      shape: (height, width, channels) of the generator's pictures.

    Returns:
      float32 [H, W, C] in [0, 1].

    Raises:
      UserError: if it cannot be read.
    """
    return fit(_read(path), *shape)[0]


def _read(path: str, under: int = 255) -> np.ndarray:
    if not Path(path).expanduser().is_file():
        raise UserError(f"{path}: no such picture")
    [record] = list_images([path])
    return decode(record.read(), path, under)
