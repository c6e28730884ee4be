"""The 32x32 DCGAN of improved_wgan_training, as the thesis's chapter 5 uses it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfinv.networks.batch_norm import BatchNorm
from tfinv.networks.spectral_norm import SpectralNorm

__all__ = ["DCGANCritic", "DCGANGenerator"]

_KERNEL = 5
_DEVIATION = 0.02  # Radford et al. (2016), section 3


def _normal(shape: Sequence[int], seed: tuple[int, int]) -> tf.Tensor:
    return tf.random.stateless_normal(shape, seed=seed, stddev=_DEVIATION)


class DCGANGenerator(tf.Module):
    """Latent to picture: a dense layer, then transposed 5x5 convolutions of stride 2.

    `G(z) = tanh(W3 relu(W2 relu(W1 relu(W0 z + b0) + b1) + b2) + b3)` (thesis, section 5.1), with
    batch normalisation on every layer but the last; its offsets are the biases b0 to b2. The
    thesis takes 128 maps after the first dense layer where Gulrajani et al. (2017) take 512.

    Attributes:
      latent_size: length of z.
      dense: float32 [latent_size, 4 * 4 * maps[0]].
      filters: float32 [5, 5, out, in] each, the layout of tf.nn.conv2d_transpose.
      norms: the batch normalisations, `norms[0]` over the dense layer's units.
      bias: float32 [channels], of the last layer.
    """

    def __init__(
        self,
        *,
        latent_size: int = 128,
        maps: Sequence[int] = (128, 256, 128),
        channels: int = 3,
        seed: int = 0,
    ):
        super().__init__(name="generator")
        self.latent_size = latent_size
        self.maps = tuple(maps)
        outputs = [*maps[1:], channels]
        self.dense = tf.Variable(
            _normal([latent_size, 16 * maps[0]], (seed, 0)), name="dense/kernel"
        )
        self.norms = [BatchNorm(16 * maps[0], name="dense_norm")]
        self.norms += [BatchNorm(m, name=f"norm_{k}") for k, m in enumerate(maps[1:], 1)]
        self.filters = [
            tf.Variable(_normal([_KERNEL, _KERNEL, o, i], (seed, k)), name=f"deconv_{k}/kernel")
            for k, (i, o) in enumerate(zip(maps, outputs, strict=True), 1)
        ]
        self.bias = tf.Variable(tf.zeros([channels]), name="bias")

    @property
    def image_size(self) -> int:
        """Height and width of a picture, in pixels."""
        return 4 * 2 ** len(self.filters)

    def __call__(
        self,
        z: tf.Tensor,
        *,
        training: bool = False,
        tap: Callable[[int, tf.Tensor], None] | None = None,
    ) -> tf.Tensor:
        """Draws pictures.

        Args:
          z: float32 [N, latent_size], standard normal.
          training: whether batch normalisation uses the batch's statistics or the frozen ones.
          tap: called with (k, input of batch normalisation k), which calibration measures.

        Returns:
          float32 [N, image_size, image_size, channels] in [-1, 1].
        """

        def norm(k: int, x: tf.Tensor) -> tf.Tensor:
            if tap is not None:
                tap(k, x)
            return tf.nn.relu(self.norms[k](x, training=training))

        batch = tf.shape(z)[0]
        with tf.name_scope("dense"):  # scopes, because users name layers by the graph's names
            h = tf.reshape(norm(0, tf.matmul(z, self.dense)), [batch, 4, 4, self.maps[0]])
        for k, kernel in enumerate(self.filters, 1):
            with tf.name_scope(f"deconv_{k}"):
                size = 4 * 2**k
                shape = tf.stack([batch, size, size, kernel.shape[2]])
                h = tf.nn.conv2d_transpose(h, kernel, shape, 2, "SAME")
                h = norm(k, h) if k < len(self.norms) else tf.tanh(tf.nn.bias_add(h, self.bias))
        return h


class DCGANCritic(tf.Module):
    """Picture to score: strided 5x5 convolutions, leaky ReLU, a dense layer to one number.

    The critic of improved_wgan_training's gan_cifar, with its width free and spectral
    normalisation on every weight if the objective asks for it.
    """

    def __init__(
        self,
        *,
        image_size: int = 32,
        channels: int = 3,
        width: int = 128,
        spectral_norm: bool = False,
        seed: int = 1,
    ):
        super().__init__(name="critic")
        depth = (image_size // 4).bit_length() - 1
        maps = [channels, *(width * 2**k for k in range(depth))]
        self.filters = [
            tf.Variable(_normal([_KERNEL, _KERNEL, i, o], (seed, k)), name=f"conv_{k}/kernel")
            for k, (i, o) in enumerate(itertools.pairwise(maps), 1)
        ]
        self.biases = [tf.Variable(tf.zeros([m]), name=f"bias_{m}") for m in maps[1:]]
        self.dense = tf.Variable(_normal([16 * maps[-1], 1], (seed, 0)), name="dense/kernel")
        self.dense_bias = tf.Variable(tf.zeros([1]), name="dense/bias")
        weights = [*self.filters, self.dense]
        self.norms = [
            SpectralNorm(w.shape[-1], seed=(seed, 100 + k)) for k, w in enumerate(weights)
        ] * bool(spectral_norm)

    def __call__(self, x: tf.Tensor, *, update: bool = False) -> tf.Tensor:
        """Scores pictures.

        Args:
          x: float32 [N, image_size, image_size, channels] in [-1, 1].
          update: whether spectral normalisation takes a power iteration.

        Returns:
          float32 [N], unbounded; higher for pictures that look real.
        """
        weights = [*self.filters, self.dense]
        if self.norms:
            weights = [n(w, update=update) for n, w in zip(self.norms, weights, strict=True)]
        for kernel, bias in zip(weights[:-1], self.biases, strict=True):
            x = tf.nn.leaky_relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 2, "SAME"), bias), 0.2)
        x = tf.matmul(tf.reshape(x, [-1, weights[-1].shape[0]]), weights[-1])
        return tf.squeeze(x + self.dense_bias, 1)
