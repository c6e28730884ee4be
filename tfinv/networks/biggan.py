"""BigGAN, and replicas of the modules that it was published as.

`write_biggan` writes a TF1-Hub module with random weights that has the names, the formats and the
oddities of DeepMind's biggan-128/2, 256/2, 512/2 and biggan-deep-128/1, 256/1, 512/1. Its pictures
are noise; it is for testing and for measuring speed and memory where the real file is not at hand.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.networks import biggan_deep, biggan_module
from tfinv.networks.biggan_layers import Layers

__all__ = ["BLOCKS", "CHUNKS", "BigGAN", "write_biggan"]

v1 = tf.compat.v1

#: Resolution -> by how much each of the widths multiplies ch; every block doubles the side.
BLOCKS = {
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
#: Resolution -> size of each of the pieces that z is cut into: one for G_Z, one for each block.
CHUNKS = {128: 20, 256: 20, 512: 16}
_ATTENTION_BEFORE = {128: 4, 256: 5, 512: 4}


@dataclass(frozen=True)
class BigGAN:
    """The generator of biggan-128/2, 256/2 and 512/2.

    Brock et al. (2019), appendix B, tables 4 to 6. `h = G_Z(first piece of z)` is [N, 4, 4, 16 ch];
    each block is norm, ReLU, upsampling, conv 3x3, norm, ReLU, conv 3x3, plus a 1x1 convolution of
    the upsampled input; the norms' gain and bias are linear in (a piece of z, class embedding).

    Attributes:
      resolution: side of a picture, a key of `BLOCKS`.
      ch: width of the last block; 96 in the published modules.
      averages: suffix of the moving averages of the weights.
      applications: of the generator in one graph; the signature shows the last: `Generator_2`.
    """

    resolution: int
    ch: int = 96
    averages: str = "ema_b999900"
    applications: int = 3

    @property
    def latent_size(self) -> int:
        """Length of z: 120, 140 or 128."""
        return CHUNKS[self.resolution] * len(BLOCKS[self.resolution])

    def draw(self, layers: Layers, z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Writes z float32 [N, latent_size], y [N, classes] to [N, resolution, resolution, 3]."""
        embedding = layers.linear(y, 128, "linear", bias=False, vectors=0)
        first, *widths = (m * self.ch for m in BLOCKS[self.resolution])
        with v1.variable_scope("Generator"):
            pieces = tf.split(z, 1 + len(widths), axis=1)
            with v1.variable_scope("G_Z"):
                h = layers.linear(pieces[0], 16 * first, "G_linear", vectors=3)
                h = tf.reshape(h, [-1, 4, 4, first])
            for k, width in enumerate(widths):
                if k == _ATTENTION_BEFORE[self.resolution]:
                    h = layers.attention(h)
                condition = tf.concat([pieces[k + 1], embedding], 1)
                h = _block(layers, h, condition, width, f"GBlock_{k}" if k else "GBlock")
            head, names = "ScaledCrossReplicaBN", ("gamma", "beta")
            h = layers.norm(h, None, head, names=names, statistics=f"{head}bn")
            return tf.tanh(layers.conv(tf.nn.relu(h), 3, 3, "conv_2d"))


def _block(
    layers: Layers, x: tf.Tensor, condition: tf.Tensor, outputs: int, scope: str
) -> tf.Tensor:
    with v1.variable_scope(scope):
        h = x
        for k, suffix in enumerate(("", "_1")):
            names, statistics = ("gamma", "beta"), f"CrossReplicaBN{suffix}"
            h = layers.norm(h, condition, f"HyperBN{suffix}", names=names, statistics=statistics)
            h = tf.nn.relu(h)
            h = layers.conv(h if k else layers.upsample(h), outputs, 3, f"conv{k}")
        return h + layers.conv(layers.upsample(x), outputs, 1, "conv_sc")


def write_biggan(
    path: str | os.PathLike,
    *,
    resolution: int = 128,
    deep: bool = False,
    ch: int | None = None,
    classes: int = 1000,
    scale: Literal["good", "saturated"] = "good",
    truncation_statistics: Literal["constants", "variables"] | None = None,
    applications: int | None = None,
    seed: int = 0,
) -> None:
    """Writes a TF1-Hub module with random weights.

    Its signature "default", under no tag, takes z float32 [?, d], y one-hot float32 [?, classes]
    and truncation float32 [], and gives "default", float32 [?, resolution, resolution, 3] in
    [-1, 1].

    Args:
      path: a folder, which may not hold anything yet.
      resolution: 128, 256 or 512.
      deep: BigGAN-deep rather than BigGAN.
      ch: width; by default that of the published module, 96, or 128 if deep.
      classes: number of classes.
      scale: "good": activations are of order 1 throughout and pictures fill the range.
        "saturated": the norms enlarge what they are given, attention is almost a choice, and most
        pixels are black or white; rounding errors grow on the way.
      truncation_statistics: how batch norm's statistics by truncation are held; by default as
        constants if deep, and as variables if not.
      applications: how often the generator stands in the graph, at least once; by default 2 if
        deep and 3 if not, as published. The last is the one that the signature shows.
      seed: of everything random.

    Raises:
      UserError: there is no such resolution, or the folder is not empty.
    """
    if resolution not in BLOCKS:
        raise UserError(f"BigGAN has no resolution {resolution}: choose one of 128, 256, 512")
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise UserError(f"{path} exists and is not an empty folder: name another")
    if deep:
        network = biggan_deep.BigGANDeep(resolution, ch or biggan_deep.BigGANDeep.ch)
    else:
        network = BigGAN(resolution, ch or BigGAN.ch)
    biggan_module.write_module(
        os.fspath(path),
        network,
        classes=classes,
        saturated=scale == "saturated",
        constants=(truncation_statistics or ("constants" if deep else "variables")) == "constants",
        applications=applications or network.applications,
        seed=seed,
    )
