"""Small generators with a self-attention block whose regions are planted.

The sign of z[0] chooses one of two layouts of regions. The map in front of the block says at each
position, in one channel for each region, which it is in; queries and keys are those channels, so a
position attends to the positions of its own region, and to them alone.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

LATENT, COLOURS = 4, 3
STRENGTH = 3.0  # squared, the logit of two positions of one region; of two regions: about 0


def quarters(height: int, width: int) -> np.ndarray:
    """Four regions of different sizes, whose borders 2x2 pooling keeps; int [height, width]."""
    rows, columns = np.indices((height, width))
    return 2 * (rows >= height // 2 + 2) + (columns >= width // 2 - 2)


def rings(height: int, width: int) -> np.ndarray:
    """A frame two positions thick around the rest, which falls into two halves."""
    rows, columns = np.indices((height, width))
    inner = (np.minimum(rows, columns) >= 2) & (rows < height - 2) & (columns < width - 2)
    return inner * (1 + (columns >= width // 2))


@dataclass(frozen=True)
class Attending:
    """What the generator is like.

    Attributes:
      height, width: of the map; the picture is twice as large.
      pooled: whether keys and values are pooled 2x2.
      channels_first: whether it is NCHW.
      form: a name in `FORMS`, how the block is written.
    """

    height: int = 8
    width: int = 8
    pooled: bool = True
    channels_first: bool = False
    form: str = "plain"

    @property
    def layouts(self) -> tuple[np.ndarray, np.ndarray]:
        """The regions where z[0] is positive, and where it is not."""
        return quarters(self.height, self.width), rings(self.height, self.width)

    @property
    def channels(self) -> int:
        """Of the map in front of the block."""
        return sum(int(layout.max()) + 1 for layout in self.layouts) + COLOURS

    def regions(self, z: np.ndarray) -> np.ndarray:
        """The truth: int [N, height, width]."""
        return np.stack([self.layouts[int(row[0] <= 0)] for row in z])

    def draw(self, z: tf.Tensor) -> tf.Tensor:
        """The picture of z [N, LATENT]; float [N, 2 height, 2 width, 3] or channels first."""
        rng = np.random.default_rng(0)
        planted = [np.eye(layout.max() + 1)[layout] for layout in self.layouts]
        channels = self.channels
        kernel = np.zeros((LATENT, self.height, self.width, channels))
        kernel[0] = np.concatenate(
            [planted[0], -planted[1], np.zeros((self.height, self.width, COLOURS))], -1
        )
        kernel[1:, :, :, -COLOURS:] = 0.4 * rng.standard_normal(kernel[1:, :, :, -COLOURS:].shape)
        if self.channels_first:
            kernel = kernel.transpose(0, 3, 1, 2)
        h = tf.matmul(z, tf.constant(kernel.reshape(LATENT, -1), tf.float32))
        h = tf.reshape(h, [-1, *kernel.shape[1:]], name="map")
        x = tf.nn.relu(tf.tanh(20 * h))
        regions = channels - COLOURS
        choose = np.eye(channels, regions) + 0.02 * rng.standard_normal((channels, regions))
        q, k = (self.conv(x, STRENGTH * choose) for _ in range(2))
        v = self.conv(x, rng.standard_normal((channels, channels)) / channels)
        if self.pooled:
            k, v = self.pool(k), self.pool(v)
        x += FORMS[self.form](self, q, k, v)
        picture = self.conv(x, 0.8 * rng.standard_normal((channels, 3)))
        axes = (2, 3) if self.channels_first else (1, 2)
        for axis in axes:
            picture = tf.repeat(picture, 2, axis)
        return tf.tanh(picture)

    def conv(self, x: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
        layout = "NCHW" if self.channels_first else "NHWC"
        filters = tf.constant(matrix[None, None], tf.float32)
        return tf.nn.conv2d(x, filters, 1, "SAME", data_format=layout)

    def pool(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.max_pool2d(x, 2, 2, "VALID", "NCHW" if self.channels_first else "NHWC")

    def flat(self, x: tf.Tensor) -> tf.Tensor:
        """[N, positions, channels]."""
        if self.channels_first:
            return tf.transpose(tf.reshape(x, [-1, x.shape[1], x.shape[2] * x.shape[3]]), [0, 2, 1])
        return tf.reshape(x, [-1, x.shape[1] * x.shape[2], x.shape[3]])

    def unflat(self, y: tf.Tensor) -> tf.Tensor:
        if self.channels_first:
            y = tf.transpose(y, [0, 2, 1])
            return tf.reshape(y, [-1, y.shape[1], self.height, self.width])
        return tf.reshape(y, [-1, self.height, self.width, y.shape[2]])


def _plain(made, q, k, v):
    q, k, v = map(made.flat, (q, k, v))
    return made.unflat(tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True), name="map"), v))


def _turned(made, q, k, v):
    """Keys times queries, transposed; columns of positions in the place of rows."""
    across = [0, 1, 3, 2] if made.channels_first else [0, 2, 1, 3]
    q, k, v = (made.flat(tf.transpose(t, across)) for t in (q, k, v))
    weights = tf.nn.softmax(tf.transpose(tf.matmul(k, q, transpose_b=True), [0, 2, 1]))
    return tf.transpose(
        tf.reshape(tf.matmul(weights, v), [-1, made.width, made.height, v.shape[2]]), [0, 2, 1, 3]
    )


def _heads(made, q, k, v):
    """Two heads, of which each gets all channels, as Keras's layer writes them."""
    q, k, v = (tf.stack([made.flat(t)] * 2, 2) for t in (q, k, v))
    weights = tf.nn.softmax(tf.einsum("bqhd,bkhd->bhqk", q, k))
    return made.unflat(tf.reduce_mean(tf.einsum("bhqk,bkhd->bqhd", weights, v), 2))


def _spelled_out(made, q, k, v):
    q, k, v = map(made.flat, (q, k, v))
    logits = tf.matmul(q, k, transpose_b=True)
    weights = tf.exp(logits - tf.stop_gradient(tf.reduce_max(logits, -1, keepdims=True)))
    weights /= tf.reduce_sum(weights, -1, keepdims=True)
    return made.unflat(tf.matmul(weights, v))


def _unflattened(made, q, k, v):
    """Height and width of the queries are axes of their own."""
    k, v = made.flat(k), made.flat(v)
    weights = tf.nn.softmax(tf.einsum("bhwc,bkc->bhwk", q, k))
    return tf.einsum("bhwk,bkc->bhwc", weights, v)


def _normalised(made, q, k, v):
    """Queries and keys of length STRENGTH: what is between is not linear."""
    q, k, v = map(made.flat, (q, k, v))
    q, k = (STRENGTH * tf.nn.l2_normalize(t, -1) for t in (q, k))
    return made.unflat(tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True)), v))


def _of_channels(made, q, k, v):
    """Channels attend to channels, which says nothing of positions."""
    q, k, v = (made.flat(t)[:, :, :4] for t in (q, k, v))
    weights = tf.nn.softmax(tf.matmul(q, k, transpose_a=True))  # 4 by 4, which could be 2x2
    return made.unflat(tf.tile(tf.matmul(v, weights), [1, 1, 3])[:, :, : made.channels])


def _of_a_table(made, q, k, v):
    """The values are constant: a memory, and no picture."""
    q, k = map(made.flat, (q, k))
    table = tf.constant(np.random.default_rng(1).normal(size=(k.shape[1], v.shape[-1])), tf.float32)
    weights = tf.reshape(tf.nn.softmax(tf.matmul(q, k, transpose_b=True)), [-1, k.shape[1]])
    return made.unflat(tf.reshape(tf.matmul(weights, table), [-1, q.shape[1], v.shape[-1]]))


def _twice(made, q, k, v):
    return _plain(made, q, k, v) + _plain(made, 0.5 * q, k, v)


def _stacked(made, q, k, v):
    """A second block right behind the first, as Transformers have them."""
    q, k, v = map(made.flat, (q, k, v))
    v += tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True)), v)
    return made.unflat(tf.matmul(tf.nn.softmax(tf.matmul(v, v, transpose_b=True)), v))


FORMS: dict[str, Callable] = {
    "plain": _plain,
    "turned": _turned,
    "heads": _heads,
    "spelled out": _spelled_out,
    "unflattened": _unflattened,
    "normalised": _normalised,
    "of channels": _of_channels,
    "of a table": _of_a_table,
    "twice": _twice,
    "stacked": _stacked,
}


def save(path, made: Attending = Attending()) -> str:
    """Saves a generator."""
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, LATENT], tf.float32, "z")])
    def draw(z):
        return {"image": made.draw(z)}

    tf.saved_model.save(module, str(path), signatures={"serving_default": draw})
    return str(path)


@functools.cache
def loaded(**options):
    """Such a generator, and what it is like, loaded once a process."""
    from tfinv.generators.load import load_generator

    made = Attending(**options)
    with tempfile.TemporaryDirectory() as folder:
        return load_generator(save(os.path.join(folder, "attending"), made)), made


def latents(count: int, seed: int = 0) -> np.ndarray:
    """float32 [count, LATENT], of which every other one is of the second layout."""
    z = np.random.default_rng(seed).standard_normal((count, LATENT)).astype(np.float32)
    z[:, 0] = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    return z
