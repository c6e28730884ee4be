"""The flat subspace of codes that z reaches, and how far a code is from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.split import Split
from tfinv.inversion.trial import Trial

__all__ = ["column_basis", "projection"]

_RANK = 1e-5  # smallest singular value, as a share of the largest, that float32 codes can tell
_FLAT = 1e-3  # how far a drawn code may be outside, as a share of its distance from g1(0)
_CHECKS = 8
_LABELS_SEED, _CHECKS_SEED = 0, 1


def projection(split: Split) -> Callable[[Trial], tf.Tensor]:
    """Squared distance of a code from the subspace that z reaches (thesis, section 5.6.1).

    The first dense layer makes g1(z) = W z + b. With B an orthonormal basis of the columns of W,
    the nearest code that a z has is proj(h) = B B^T (h - b) + b, and the term is |h - proj(h)|^2.
    Any code that z reaches does in the place of b; the anchor is one, and is that of the image's
    own label where g1 reads labels.

    The thesis adds |h - proj(h)|, not squared, to |x - g2(h)|, not squared either. Here both are
    squared, so that the term is smooth where it is 0, which is where a stage starts that follows
    one at the latent. A code at which one of the two sums is stationary is stationary for the other
    as well, with the weight times |x - g2(h)| / |h - proj(h)|: sweeping the weight passes through
    the same codes.

    Args:
      split: at a layer whose codes are an affine image of z.

    Returns:
      A Trial to float32 [B] in [0, inf); 0 where z reaches.

    Raises:
      UserError: if the codes of the layer lie in no such subspace, or it is all there is.
    """
    basis = column_basis(split)

    def value(trial: Trial) -> tf.Tensor:
        away = trial.code - trial.anchor
        # The difference of the two squared norms would be one of large numbers.
        along = tf.matmul(away, tf.constant(basis))
        return tf.reduce_sum(tf.square(away - tf.matmul(along, tf.constant(basis.T))), 1)

    return value


def column_basis(split: Split) -> np.ndarray:
    """An orthonormal basis of the directions in which z moves the code of a layer.

    It is found from g1 alone, whatever the graph calls its weights: its columns are
    g1(e_k) - g1(0), of which a singular value decomposition keeps the directions that float32 can
    tell from rounding. That this is all that z does is then checked on drawn z, with labels drawn
    for them: they may shift the subspace, but not turn it.

    Args:
      split: at the layer.

    Returns:
      float32 [D, rank], D numbers a code, rank < D.

    Raises:
      UserError: as `projection`.
    """
    size, layer = split.latent_size, split.layer.name
    units = np.concatenate([np.zeros([1, size]), np.eye(size)]).astype(np.float32)
    codes = _codes(split, units, np.zeros(len(units), np.int32))
    columns = (codes[1:] - codes[0]).T
    if not np.isfinite(columns).all():
        raise UserError(
            f"loss term 'projection': codes at {layer} are not finite numbers for z = 0 or a unit "
            "vector: drop the term"
        )
    directions, lengths, _ = np.linalg.svd(columns, full_matrices=False)
    rank = int(np.sum(lengths > _RANK * lengths[0]))
    if rank == len(columns):
        raise UserError(
            f"loss term 'projection': z reaches every code at {layer}, so that none is away from "
            "it: drop the term"
        )
    basis = directions[:, :rank]
    outside = _outside(split, basis)
    if not outside <= _FLAT:
        raise UserError(
            f"loss term 'projection': what z reaches at {layer} is no flat subspace (drawn codes "
            f"are {outside:.0%} outside the one that unit vectors span): use the layer dense"
        )
    return basis.astype(np.float32)


def _outside(split: Split, basis: np.ndarray) -> float:
    """The largest share of a drawn code's distance from g1(0) that is outside the basis."""
    rng = np.random.default_rng(_CHECKS_SEED)
    z = rng.standard_normal([_CHECKS, split.latent_size]).astype(np.float32)
    labels = np.random.default_rng(_LABELS_SEED).integers(split.classes or 1, size=_CHECKS)
    moved = _codes(split, z, labels) - _codes(split, np.zeros_like(z), labels)
    rest = moved - moved @ basis @ basis.T
    norms = np.linalg.norm(moved, axis=1)
    return float(np.max(np.linalg.norm(rest, axis=1) / np.where(norms > 0, norms, 1)))


def _codes(split: Split, z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """g1(z), flat and in double precision; labels are used if there are any."""
    codes = split.g1(z, labels.astype(np.int32) if split.conditional else None)
    return codes.numpy().reshape(len(z), -1).astype(np.float64)
