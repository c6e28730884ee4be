"""Random projections: a few weighted sums of all pixels, as compressed sensing measures."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf
from scipy.linalg import solve_triangular

from tfinv.errors import UserError
from tfinv.inversion.degradations.step import Shape, Step

__all__ = ["Projections"]

_MOST = 1 << 26  # numbers of the matrix: 256 MB
_SEED = 1_000_033
_GREY = 0.5


class Projections(Step):
    """y = A x, with A of independent numbers from N(0, 1/n), n pixels and channels of a picture.

    With this variance, the mean square of A e is on average that of e itself: the loss, and the
    RMSE of what is seen, have the scale that they have without any degradation. (A. Bora and
    others, Compressed sensing using generative models, ICML 2017, use N(0, 1/m), m measurements,
    and the sum of squares.)

    Args:
      argument: how many measurements.
      before: (H, W, C).

    Raises:
      UserError: if there are none, or more than there are pixels, or than fit into memory.
    """

    is_picture = False

    def __init__(self, argument: str, before: Shape):
        count = int(argument) if argument.isascii() and argument.isdigit() else 0
        size = int(np.prod(before))
        if not 1 <= count <= size:
            raise UserError(
                f"projections:{argument} is not understood: it is the number of measurements, from "
                f"1 to {size}, the numbers in a picture"
            )
        if count * size > _MOST:
            raise UserError(
                f"projections:{argument} of pictures of {size} numbers need a matrix of "
                f"{count * size} numbers: take at most {_MOST // size} measurements"
            )
        self.before, self.shape = before, (1, count, 1)
        rng = np.random.default_rng([_SEED, count, size])
        self.matrix = (rng.standard_normal((size, count)) / np.sqrt(size)).astype(np.float32)
        self._held = tf.constant(self.matrix)  # once, and not in every program that uses it

    def see(self, pictures: tf.Tensor) -> tf.Tensor:
        """See `Step.see`."""
        flat = tf.reshape(pictures, (-1, len(self.matrix)))
        return tf.reshape(tf.matmul(flat, self._held), (-1, *self.shape))

    @functools.cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        """Q and R of A^T = QR: the least x with Ax = y is Q R^-T y. Factored once a run."""
        return np.linalg.qr(self.matrix.astype(np.float64))

    def lift(self, seen: np.ndarray, smooth: bool) -> np.ndarray:
        """The picture nearest to grey, in the sum of squares, that has these projections."""
        del smooth
        grey = np.full(len(self.matrix), _GREY)
        rest = seen.reshape(len(seen), -1) - grey @ self.matrix
        q, r = self._factors
        least = q @ solve_triangular(r, rest.T, trans="T")
        pictures = (grey[:, np.newaxis] + least).T.reshape(-1, *self.before)
        return np.clip(pictures, 0.0, 1.0).astype(np.float32)
