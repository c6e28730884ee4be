"""What JPEG leaves of a picture: every 8 x 8 block's cosine coefficients, rounded coarsely."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.inversion.degradations.step import Shape, Step

__all__ = ["Jpeg"]

_SIDE = 8
# ITU-T T.81 (1992), annex K, tables K.1 and K.2, row by row.
_LUMINANCE = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 "
    "14 17 22 29 51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 "
    "49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)
_CHROMINANCE = (
    "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 "
    "47 66 99 99 99 99 99 99" + " 99" * 32
)
# JFIF 1.02: luma of BT.601, and blue and red less luma, scaled to the same range.
_TO_YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.5],
        [0.5, -0.587 / 1.402, -0.114 / 1.402],
    ]
)


class Jpeg(Step):
    """JPEG of a quality, chroma at full resolution, without the entropy coder, which loses nothing.

    Rounding has no gradient. What is observed of a real picture is truly rounded, as in a file; a
    drawn one is seen through round(x) + (x - round(x))^3 in its place, which is never further than
    1/8 of a step from it (R. Shin, D. Song, JPEG-resistant adversarial images, NIPS 2017 workshop
    on machine learning and computer security).

    Args:
      argument: the quality, 1 to 100, with libjpeg's scaling of the tables.
      before: (H, W, C), sides that 8 divides, C of 1 or 3.

    Raises:
      UserError: for others.
    """

    def __init__(self, argument: str, before: Shape):
        quality = int(argument) if argument.isascii() and argument.isdigit() else 0
        if not 1 <= quality <= 100:
            raise UserError(f"jpeg:{argument} is not understood: a quality is from 1 to 100")
        height, width, channels = before
        if height % _SIDE or width % _SIDE or channels not in (1, 3):
            raise UserError(
                f"jpeg needs pictures of 1 or 3 channels whose sides {_SIDE} divides, and these "
                f"are {width}x{height}x{channels}"
            )
        self.before = self.shape = before
        tables = [_table(_LUMINANCE, quality)] + [_table(_CHROMINANCE, quality)] * 2
        self._steps = np.stack(tables[:channels], 2)  # [8, 8, C]
        self._cosines = _cosines()

    def see(self, pictures: tf.Tensor) -> tf.Tensor:
        """See `Step.see`; the rounding is the smooth one."""
        return self._coded(pictures, _smooth_round)

    def observe(self, pictures: np.ndarray) -> np.ndarray:
        """See `Step.observe`; the rounding is the true one."""
        rows = [self._coded(tf.constant(p[np.newaxis]), tf.round).numpy() for p in pictures]
        return np.clip(np.concatenate(rows), 0.0, 1.0) if rows else pictures

    def _coded(self, pictures: tf.Tensor, rounding) -> tf.Tensor:
        height, width, channels = self.before
        colours = _TO_YCC if channels == 3 else np.eye(1)
        cosines = tf.constant(self._cosines, tf.float32)
        steps = tf.constant(self._steps, tf.float32)[:, tf.newaxis]
        # Grey of 128 lies at 0 for all channels, chroma's as well.
        centred = 255.0 * pictures - 128.0
        planes = tf.einsum("rk,bhwk->bhwr", tf.constant(colours, tf.float32), centred)
        grid = (height // _SIDE, _SIDE, width // _SIDE, _SIDE, channels)
        blocks = tf.reshape(planes, (-1, *grid))
        found = tf.einsum("ui,vj,bminjc->bmunvc", cosines, cosines, blocks)
        kept = rounding(found / steps) * steps
        planes = tf.einsum("ui,vj,bmunvc->bminjc", cosines, cosines, kept)
        back = tf.constant(np.linalg.inv(colours), tf.float32)
        planes = tf.reshape(planes, (-1, height, width, channels))
        return (tf.einsum("rk,bhwk->bhwr", back, planes) + 128.0) / 255.0


def _smooth_round(values: tf.Tensor) -> tf.Tensor:
    whole = tf.stop_gradient(tf.round(values))
    return whole + (values - whole) ** 3


def _table(text: str, quality: int) -> np.ndarray:
    """A table of annex K scaled to a quality as libjpeg does (jpeg_quality_scaling)."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    base = np.array(text.split(), np.int64).reshape(_SIDE, _SIDE)
    return np.clip((base * scale + 50) // 100, 1, 255).astype(np.float64)


def _cosines() -> np.ndarray:
    """The orthonormal discrete cosine transform of 8 numbers (T.81, section A.3.3); [8, 8]."""
    u, i = np.mgrid[:_SIDE, :_SIDE]
    matrix = np.cos((2 * i + 1) * u * np.pi / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    matrix[0] /= np.sqrt(2)
    return matrix
