"""The layers of improved_wgan_training, filled with somebody's arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.networks.batch_norm import EPSILON

__all__ = ["Layers", "Moments"]

Moments = tuple[tf.Tensor, tf.Tensor]
"""Mean and variance of a layer's input, float32, in shapes that broadcast against it."""


class Layers:
    """Layers by the names that improved_wgan_training gives them, on NCHW tensors as there.

    Every array's shape is checked before the array is asked for, so a network can be laid out in a
    graph, and found to be sound, before anything but shapes has been read.

    Args:
      shapes: of the arrays, by name such as "Generator.Input.W".
      array: gives an array, float32, by name.
      moments: takes the name of a batch normalisation, its input and the axes to average over, and
        gives the mean and the variance to normalise with: those of the batch, or frozen ones.
      path: of the file, for messages.

    Attributes:
      shapes: as given.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        array: Callable[[str], tf.Tensor],
        moments: Callable[[str, tf.Tensor, Sequence[int]], Moments],
        path: str,
    ):
        self.shapes, self._array, self._moments, self._path = shapes, array, moments, path
        # Each network can be made without normalisation, but not with half of it.
        self._normalised = any(name.endswith((".offset", ".scale")) for name in shapes)

    def has(self, name: str) -> bool:
        """Whether there is such an array."""
        return name in self.shapes

    def shape(self, name: str, rank: int) -> tuple[int, ...]:
        """The shape of an array of a known rank.

        Raises:
          UserError: there is no such array, or it has another rank.
        """
        if name not in self.shapes:
            raise UserError(
                f"{self._path}: array {name!r} is missing; the checkpoint is incomplete, or of a "
                "network that was changed"
            )
        if len(self.shapes[name]) != rank:
            raise self._wrong(name, f"{rank} dimensions are")
        return self.shapes[name]

    def linear(self, name: str, z: tf.Tensor) -> tf.Tensor:
        """`z W + b`: float32 [N, in] to [N, out]."""
        with tf.name_scope(name):
            weight = self._weight(f"{name}.W", (z.shape[1], None), out=1)
            return tf.nn.bias_add(tf.matmul(z, weight), self._take(f"{name}.b", weight.shape[1:]))

    def pictures(self, name: str, x: tf.Tensor, channels: int) -> tf.Tensor:
        """What `linear` of this name gave, as maps: float32 [N, 16 * channels] to [N, C, 4, 4]."""
        if x.shape[1] != 16 * channels:
            raise self._wrong(f"{name}.W", f"{16 * channels} columns, for maps of 4 x 4, are")
        return tf.reshape(x, [-1, channels, 4, 4], name=f"{name}/Reshape")

    def conv(self, name: str, x: tf.Tensor, *, bias: bool = True) -> tf.Tensor:
        """A convolution of stride 1, SAME: float32 [N, in, H, W] to [N, out, H, W]."""
        with tf.name_scope(name):
            filters = self._conv_filters(name, x)
            result = tf.nn.conv2d(x, filters, 1, "SAME", data_format="NCHW")
            return self._biased(name, result) if bias else result

    def upsample_conv(self, name: str, x: tf.Tensor, *, bias: bool = True) -> tf.Tensor:
        """Every pixel made four, then `conv`: float32 [N, in, H, W] to [N, out, 2 H, 2 W].

        Of k taps along an axis, those that meet copies of one pixel act as their sum: the whole is
        a transposed convolution of stride 2 with k + 1 taps, borders included, and takes four
        ninths of the products for k = 3.
        """
        with tf.name_scope(name):
            filters = self._conv_filters(name, x)
            for one_more in ([1, 0, 0, 0], [0, 1, 0, 0]):
                filters = sum(tf.pad(filters, pad) for pad in _either_side(one_more))
            filters = tf.transpose(tf.reverse(filters, [0, 1]), [0, 1, 3, 2])
            result = _doubled(x, filters)
            return self._biased(name, result) if bias else result

    def upsample_shortcut(self, name: str, x: tf.Tensor) -> tf.Tensor:
        """`upsample_conv` with one tap, which commutes with the upsampling: a quarter of the work.

        float32 [N, in, H, W] to [N, out, 2 H, 2 W].
        """
        x = self.conv(name, x)
        _, channels, height, width = x.shape
        with tf.name_scope(f"{name}/upsample"):
            fine = [tf.shape(x)[0], channels, height, 2, width, 2]
            x = tf.broadcast_to(tf.reshape(x, [-1, channels, height, 1, width, 1]), fine)
            return tf.reshape(x, [-1, channels, 2 * height, 2 * width])

    def deconv(self, name: str, x: tf.Tensor) -> tf.Tensor:
        """A transposed convolution of stride 2, SAME: float32 [N, in, H, W] to [N, out, 2H, 2W]."""
        with tf.name_scope(name):
            filters = self._weight(f"{name}.Filters", (None, None, None, x.shape[1]), out=2)
            return self._biased(name, _doubled(x, filters))

    def norm(self, name: str, x: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Batch normalisation over all axes but 1, and ReLU: float32 [N, C, ...], the same out.

        Args:
          name: of the normalisation; a network that has none at all is left without.
          x: what is normalised.
          labels: int32 [N]; picks rows of scale and offset where these are tables [classes, C]
            (Dumoulin et al., 2017). None where they are not.
        """
        if self._normalised:
            axes = [axis for axis in range(x.shape.rank) if axis != 1]
            with tf.name_scope(name):
                mean, variance = self._moments(name, x, axes)
                scale, offset = (
                    self._affine(f"{name}.{part}", x, labels) for part in ("scale", "offset")
                )
                x = tf.nn.batch_normalization(x, mean, variance, offset, scale, EPSILON)
        return tf.nn.relu(x, name=f"{name}/Relu")

    def add(self, name: str, x: tf.Tensor, shortcut: tf.Tensor) -> tf.Tensor:
        """The sum at the end of a residual block: float32 [N, C, H, W] each, the same out."""
        if x.shape[1] != shortcut.shape[1]:
            raise self._wrong(f"{name}.Conv2.Filters", f"{shortcut.shape[1]} outputs are")
        return tf.add(shortcut, x, name=f"{name}/add")

    def _affine(self, name: str, x: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        """Scale or offset, [C] in any of the original's shapes or [classes, C], against x."""
        channels = x.shape[1]
        shape = self.shapes.get(name) or self.shape(name, 1)
        spread = [-1, channels] + [1] * (x.shape.rank - 2)
        if math.prod(shape) == channels:
            return tf.reshape(self._array(name), [1, *spread[1:]])
        if labels is None or len(shape) != 2 or shape[1] != channels:
            raise self._wrong(name, f"[{channels}] is")
        return tf.reshape(tf.gather(self._array(name), labels), spread)

    def _conv_filters(self, name: str, x: tf.Tensor) -> tf.Tensor:
        return self._weight(f"{name}.Filters", (None, None, x.shape[1], None), out=3)

    def _biased(self, name: str, x: tf.Tensor) -> tf.Tensor:
        bias = self._take(f"{name}.Biases", (x.shape[1],))
        return tf.nn.bias_add(x, bias, data_format="NC..")

    def _weight(self, name: str, wanted: tuple[int | None, ...], out: int) -> tf.Tensor:
        """A weight; where it has a norm `.g` of its own for each output, with that norm.

        Weight normalisation (Salimans & Kingma, 2016): `g w / |w|`.
        """
        weight = self._take(name, wanted)
        if len(wanted) == 4 and (weight.shape[0] % 2 == 0 or weight.shape[1] % 2 == 0):
            raise self._wrong(name, "an odd number of taps is")
        norms = name.rpartition(".")[0] + ".g"
        if not self.has(norms):
            return weight
        shape = [size if axis == out else 1 for axis, size in enumerate(weight.shape)]
        target = tf.reshape(self._take(norms, (weight.shape[out],)), shape)
        others = [axis for axis in range(len(wanted)) if axis != out]
        return weight * (target / tf.sqrt(tf.reduce_sum(weight**2, others, keepdims=True)))

    def _take(self, name: str, wanted: Sequence[int | None]) -> tf.Tensor:
        shape = self.shape(name, len(wanted))
        if any(size not in (None, found) for size, found in zip(wanted, shape, strict=True)):
            text = ", ".join("any" if size is None else str(size) for size in wanted)
            raise self._wrong(name, f"[{text}] is")
        return self._array(name)

    def _wrong(self, name: str, needed: str) -> UserError:
        return UserError(
            f"{self._path}: array {name!r} has shape {list(self.shapes[name])}, where {needed} "
            "needed; the checkpoint is of a network that was changed"
        )


def _either_side(sizes: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Paddings by these sizes, all of it after or all before."""
    return [[(0, n) for n in sizes], [(n, 0) for n in sizes]]


def _doubled(x: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    """A transposed convolution of stride 2, SAME, by filters [k, k, out, in]."""
    _, _, height, width = x.shape
    shape = tf.stack([tf.shape(x)[0], filters.shape[2], 2 * height, 2 * width])
    return tf.nn.conv2d_transpose(x, filters, shape, 2, "SAME", data_format="NCHW")
