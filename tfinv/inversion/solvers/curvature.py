"""The memory of L-BFGS: pairs of steps and gradient changes, and what they say of the Hessian."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfinv.inversion.solvers.base import column

__all__ = ["Curvature", "forget", "newton_direction", "nothing_known", "remember"]


class Curvature(NamedTuple):
    """The last M accepted steps of each image, the newest first.

    Attributes:
      steps: float32 [B, M, D], s = x_new - x_old.
      changes: float32 [B, M, D], y = gradient_new - gradient_old.
      cross: float32 [B, M, M], s_i . y_j.
      square: float32 [B, M, M], y_i . y_j.
      count: int32 [B], how many pairs are held; those beyond it are ignored.
    """

    steps: tf.Tensor
    changes: tf.Tensor
    cross: tf.Tensor
    square: tf.Tensor
    count: tf.Tensor


def nothing_known(code: tf.Tensor, memory: int) -> Curvature:
    """An empty memory for `memory` pairs, for codes float32 [B, D]."""
    rows, size = tf.shape(code)[0], code.shape[1]
    pairs = tf.zeros([rows, memory, size])
    products = tf.zeros([rows, memory, memory])
    return Curvature(pairs, pairs, products, products, tf.zeros([rows], tf.int32))


def forget(curvature: Curvature, rows: tf.Tensor) -> Curvature:
    """Empties the memory of the images where `rows`, bool [B], is true."""
    return curvature._replace(count=tf.where(rows, 0, curvature.count))


def remember(
    curvature: Curvature, step: tf.Tensor, change: tf.Tensor, rows: tf.Tensor
) -> Curvature:
    """Adds a pair to the images where `rows` is true; the oldest is dropped when M are held.

    Args:
      curvature: what is known.
      step: float32 [B, D].
      change: float32 [B, D]; `step . change` must be positive where `rows` is true.
      rows: bool [B].
    """
    memory = curvature.steps.shape[1]
    where = rows[:, tf.newaxis, tf.newaxis]
    steps = _push(curvature.steps, step, where)
    changes = _push(curvature.changes, change, where)
    # Only the products with the new pair are new: the others move one place down.
    to_change = tf.einsum("bmd,bd->bm", steps, change)
    from_step = tf.einsum("bmd,bd->bm", changes, step)
    among = tf.einsum("bmd,bd->bm", changes, change)
    return Curvature(
        steps=steps,
        changes=changes,
        cross=tf.where(where, _border(curvature.cross, from_step, to_change), curvature.cross),
        square=tf.where(where, _border(curvature.square, among, among), curvature.square),
        count=tf.where(rows, tf.minimum(curvature.count + 1, memory), curvature.count),
    )


def _push(pairs: tf.Tensor, newest: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    moved = tf.concat([newest[:, tf.newaxis], pairs[:, :-1]], 1)
    return tf.where(where, moved, pairs)


def _border(products: tf.Tensor, row: tf.Tensor, first_column: tf.Tensor) -> tf.Tensor:
    """A matrix whose first row and column are given and whose rest is the old one, moved down."""
    below = tf.concat([first_column[:, 1:, tf.newaxis], products[:, :-1, :-1]], 2)
    return tf.concat([row[:, tf.newaxis], below], 1)


def newton_direction(curvature: Curvature, gradient: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Minus the inverse Hessian estimate times the gradient.

    The compact form of the inverse L-BFGS matrix (Byrd, Nocedal and Schnabel, 1994, equation 3.13;
    Nocedal and Wright, 2006, section 7.2): two triangular solves of size M instead of a recursion
    over vectors of size D, so that all work of size D is four matrix products.

    Args:
      curvature: what is known.
      gradient: float32 [B, D].
      first: float32 [B], the scale of the inverse Hessian while nothing is known.

    Returns:
      float32 [B, D].
    """
    memory = curvature.steps.shape[1]
    known = tf.range(memory)[tf.newaxis] < curvature.count[:, tf.newaxis]
    both = known[:, :, tf.newaxis] & known[:, tf.newaxis]
    newest = curvature.cross[:, 0, 0] / tf.maximum(curvature.square[:, 0, 0], 1e-30)
    scale = tf.where(curvature.count > 0, newest, first)

    # With the newest pair first, s_i . y_j for i not newer than j is a lower triangle: R of the
    # paper with its rows and columns reversed. Unknown pairs become rows of the identity.
    triangle = tf.where(both, tf.linalg.band_part(curvature.cross, -1, 0), 0.0)
    diagonal = tf.where(known, tf.linalg.diag_part(curvature.cross), 1.0)
    triangle = tf.linalg.set_diag(triangle, diagonal)
    square = tf.where(both, curvature.square, 0.0)

    def product(vectors: tf.Tensor) -> tf.Tensor:
        return tf.where(known, tf.einsum("bmd,bd->bm", vectors, gradient), 0.0)[..., tf.newaxis]

    alpha = tf.linalg.triangular_solve(triangle, product(curvature.steps))
    rest = product(curvature.changes) - tf.matmul(square, alpha)
    right = diagonal[..., tf.newaxis] * alpha - scale[:, tf.newaxis, tf.newaxis] * rest
    weight = tf.linalg.triangular_solve(triangle, right, adjoint=True)
    along_changes = tf.einsum("bm,bmd->bd", alpha[..., 0], curvature.changes)
    along_steps = tf.einsum("bm,bmd->bd", weight[..., 0], curvature.steps)
    return -(column(scale) * (gradient - along_changes) + along_steps)
