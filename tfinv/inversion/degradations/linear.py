"""Degradations that treat rows, columns and channels each by a matrix: exact, and cheap."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.inversion.degradations.step import Shape, Step

__all__ = ["Separable", "bicubic", "blur", "downsample", "greyscale"]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601-7, section 2.5.1)."""

_REACH = 4.0  # standard deviations after which a blur's kernel ends, as in scipy.ndimage
_WIDEST = 64.0


class Separable(Step):
    """y[i, j, k] = sum of rows[i, p] * columns[j, q] * channels[k, r] * x[p, q, r].

    Args:
      before: (H, W, C).
      rows: [h, H]; None for the identity, as the next two.
      columns: [w, W].
      channels: [c, C].

    Attributes:
      matrices: float64, the three of them, identities included.
      mixes_pixels: whether what is seen of a pixel depends on others.
    """

    def __init__(
        self,
        before: Shape,
        rows: np.ndarray | None = None,
        columns: np.ndarray | None = None,
        channels: np.ndarray | None = None,
    ):
        given = (rows, columns, channels)
        self._moves = [matrix is not None for matrix in given]
        self.mixes_pixels = any(self._moves[:2])
        self.matrices = tuple(
            np.eye(size) if matrix is None else np.asarray(matrix, np.float64)
            for size, matrix in zip(before, given, strict=True)
        )
        self.before = before
        self.shape = tuple(len(matrix) for matrix in self.matrices)

    def see(self, pictures: tf.Tensor) -> tf.Tensor:
        """See `Step.see`."""
        sums = ("pi,bihc->bphc", "qj,bhjc->bhqc", "rk,bhwk->bhwr")
        for sum_, matrix, moves in zip(sums, self.matrices, self._moves, strict=True):
            if moves:
                pictures = tf.einsum(sum_, tf.constant(matrix, tf.float32), pictures)
        return pictures


def downsample(argument: str, before: Shape) -> Separable:
    """The mean of every block of k x k pixels: what a sensor with larger cells would see."""
    factor = _factor("downsample", argument, before)
    block = np.full((1, factor), 1.0 / factor)
    rows, columns = (np.kron(np.eye(size // factor), block) for size in before[:2])
    return Separable(before, rows, columns)


def bicubic(argument: str, before: Shape) -> Separable:
    """Reduction by k with the antialiased cubic filter of Pillow, a = -1/2.

    R. Keys, Cubic convolution interpolation for digital image processing, IEEE Transactions on
    Acoustics, Speech and Signal Processing 29 (1981); the support is k times as wide,
    and at the borders the weights that are left are made to add up to 1. Edges overshoot: values
    may leave [0, 1] a little.
    """
    factor = _factor("bicubic", argument, before)
    rows, columns = (_cubic(size, factor) for size in before[:2])
    return Separable(before, rows, columns)


def blur(argument: str, before: Shape) -> Separable:
    """A Gaussian of so many pixels' standard deviation; what is beyond the border is mirrored."""
    try:
        sigma = float(argument)
    except ValueError:
        sigma = math.nan
    if not 0.0 < sigma <= _WIDEST:
        raise UserError(
            f"blur:{argument} is not understood: its standard deviation in pixels is above 0 and "
            f"at most {_WIDEST:g}, as in blur:1.5"
        )
    rows, columns = (_gaussian(size, sigma) for size in before[:2])
    return Separable(before, rows, columns)


def greyscale(argument: str, before: Shape) -> Separable:
    """Luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)."""
    if argument:
        raise UserError(f"greyscale takes no number: drop :{argument}")
    if before[2] != len(LUMA):
        raise UserError(f"greyscale needs 3 channels, and what comes before it has {before[2]}")
    return Separable(before, channels=np.array([LUMA]))


def _factor(name: str, argument: str, before: Shape) -> int:
    height, width, _ = before
    factor = int(argument) if argument.isascii() and argument.isdigit() else 0
    if factor < 2:
        raise UserError(f"{name}:{argument} is not understood: write {name}:4 for a quarter")
    if height % factor or width % factor:
        raise UserError(
            f"{name}:{argument} does not divide pictures of {width}x{height}: choose a factor of "
            "both sides"
        )
    return factor


def _cubic(size: int, factor: int) -> np.ndarray:
    """Weights of the old pixels in each new one, float64 [size / factor, size]."""
    count = size // factor
    middles = (np.arange(count) + 0.5) * factor
    t = np.abs(np.arange(size) + 0.5 - middles[:, np.newaxis]) / factor
    near = (1.5 * t - 2.5) * t * t + 1.0
    far = ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    weights = np.where(t < 1.0, near, np.where(t < 2.0, far, 0.0))
    return weights / weights.sum(1, keepdims=True)


def _gaussian(size: int, sigma: float) -> np.ndarray:
    """A blur of a row of pixels, mirrored with its last pixel at the border; [size, size]."""
    reach = int(_REACH * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    matrix = np.zeros((size, size))
    for row in range(size):
        place = np.mod(row + offsets, 2 * size)
        np.add.at(matrix[row], np.minimum(place, 2 * size - 1 - place), kernel)
    return matrix
