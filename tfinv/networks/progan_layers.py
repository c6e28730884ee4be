"""The operations of ProGAN, on NCHW tensors; Karras et al. (2018), appendix A.

Scopes and names are those of the official graphs, because users name layers by them.
"""

from __future__ import annotations

import math

import tensorflow as tf

__all__ = [
    "convolve",
    "convolve_and_halve",
    "dense",
    "double_and_convolve",
    "enlarge",
    "leaky_relu",
    "minibatch_deviation",
    "pixel_norm",
    "scaled",
    "shrink",
]

HE_GAIN = math.sqrt(2)
"""For layers that a rectifier follows; He et al. (2015)."""

_LEAK = 0.2
_EPSILON = 1e-8


def scaled(weight: tf.Tensor, gain: float, fan_in: int, equalized: bool) -> tf.Tensor:
    """The weight in effect: `weight * gain / sqrt(fan_in)`, or `weight` as it is.

    Weights are stored with unit variance and scaled where they are used ("equalized learning
    rate", section 4.1).
    """
    return weight * (gain / math.sqrt(fan_in)) if equalized else weight


def dense(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Multiplies float32 [N, ...], each picture as one row, by [in, out]."""
    return tf.matmul(x if x.shape.rank == 2 else tf.reshape(x, [-1, weight.shape[0]]), weight)


def convolve(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Convolves [N, in, H, W] by [k, k, in, out], zeros around; [N, out, H, W]."""
    return tf.nn.conv2d(x, weight, 1, "SAME", data_format="NCHW")


def double_and_convolve(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Doubles by repetition and convolves in one operation.

    Repetition followed by a 3x3 convolution is a transposed convolution of stride 2 by the 4x4 sum
    of the filter's four shifts: four products a pixel instead of nine.

    Args:
      x: float32 [N, in, H, W].
      weight: float32 [k, k, out, in], as `tf.nn.conv2d_transpose` takes it.

    Returns:
      float32 [N, out, 2 H, 2 W].
    """
    weight = _four_shifts(weight)
    channels, height, width = weight.shape[2], 2 * x.shape[2], 2 * x.shape[3]
    shape = tf.stack([tf.shape(x)[0], channels, height, width])
    return tf.nn.conv2d_transpose(x, weight, shape, 2, "SAME", data_format="NCHW")


def convolve_and_halve(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Convolves [N, in, H, W] by [k, k, in, out] and averages 2x2 pixels, in one operation."""
    return tf.nn.conv2d(x, _four_shifts(weight) * 0.25, 2, "SAME", data_format="NCHW")


def _four_shifts(weight: tf.Tensor) -> tf.Tensor:
    padded = tf.pad(weight, [[1, 1], [1, 1], [0, 0], [0, 0]])
    return tf.add_n([padded[1:, 1:], padded[:-1, 1:], padded[1:, :-1], padded[:-1, :-1]])


def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """`max(x, 0.2 x)`."""
    return tf.nn.leaky_relu(x, _LEAK, name="LeakyRelu")


def pixel_norm(x: tf.Tensor, epsilon: float = _EPSILON) -> tf.Tensor:
    """Divides by the root mean square over channels, `x / sqrt(mean(x^2) + epsilon)` (4.2)."""
    with tf.name_scope("PixelNorm"):
        return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axis=1, keepdims=True) + epsilon)


def enlarge(x: tf.Tensor, factor: int) -> tf.Tensor:
    """Repeats the pixels of [N, C, H, W]; [N, C, factor H, factor W]."""
    if factor == 1:
        return x
    with tf.name_scope("Upscale2D"):
        _, channels, height, width = x.shape
        x = tf.tile(
            tf.reshape(x, [-1, channels, height, 1, width, 1]), [1, 1, 1, factor, 1, factor]
        )
        return tf.reshape(x, [-1, channels, height * factor, width * factor])


def shrink(x: tf.Tensor, factor: int) -> tf.Tensor:
    """Averages squares of pixels of [N, C, H, W]; [N, C, H / factor, W / factor]."""
    if factor == 1:
        return x
    with tf.name_scope("Downscale2D"):
        return tf.nn.avg_pool2d(x, factor, factor, "VALID", data_format="NCHW")


def minibatch_deviation(x: tf.Tensor, group_size: int) -> tf.Tensor:
    """Appends a channel that says how much the pictures of a group differ (section 3).

    Args:
      x: float32 [N, C, H, W]; N is smaller than `group_size` or a multiple of it.
      group_size: pictures that are compared; every (N / group_size)-th belongs to the same group.

    Returns:
      float32 [N, C + 1, H, W].
    """
    with tf.name_scope("MinibatchStddev"):
        _, channels, height, width = x.shape
        group = tf.minimum(group_size, tf.shape(x)[0])
        y = tf.reshape(x, tf.stack([group, -1, channels, height, width]))
        y = tf.reduce_mean(tf.square(y - tf.reduce_mean(y, axis=0, keepdims=True)), axis=0)
        y = tf.reduce_mean(tf.sqrt(y + _EPSILON), axis=[1, 2, 3], keepdims=True)
        return tf.concat([x, tf.tile(y, tf.stack([group, 1, height, width]))], axis=1)
