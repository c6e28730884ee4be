"""BigGAN-deep: four times as many layers in bottleneck blocks, and a latent that is not cut up."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from tfinv.networks.biggan_layers import Layers

__all__ = ["BLOCKS", "BigGANDeep"]

v1 = tf.compat.v1

#: Resolution -> whether each block doubles the side, and by how much it multiplies the width.
BLOCKS = {
    128: "16 +16 16 +8 8 +4 4 +2 2 +1",
    256: "16 +16 16 +8 8 +8 8 +4 4 +2 2 +1",
    512: "16 +16 16 +8 8 +8 8 +4 4 +2 2 +1 1 +1",
}
_ATTENTION_BEFORE = 8
_NAMES = ("scale", "offset")


@dataclass(frozen=True)
class BigGANDeep:
    """The generator of biggan-deep-128/1, -256/1 and -512/1.

    Brock et al. (2019), appendix B, tables 7 to 9. `h = GenZ(z, class)` is [N, 4, 4, 16 ch]; blocks
    1x1, 3x3, 3x3, 1x1 with a quarter of the channels inside follow, conditional batch norm and ReLU
    before each; the shortcut drops channels.

    Attributes:
      resolution: side of a picture, a key of `BLOCKS`.
      ch: width of the last block; 128 in the published modules.
      averages: suffix of the moving averages of the weights.
      applications: of the generator in one graph; the signature shows the last: `Generator_1`.
      latent_size: of z.
    """

    resolution: int
    ch: int = 128
    averages: str = "ema_0.9999"
    applications: int = 2
    latent_size: int = 128

    def draw(self, layers: Layers, z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Writes z float32 [N, 128], y float32 [N, classes] to [N, resolution, resolution, 3]."""
        condition = tf.concat([z, layers.linear(y, 128, "linear", bias=False, vectors=0)], 1)
        width = 16 * self.ch
        with v1.variable_scope("Generator"):
            with v1.variable_scope("GenZ"):
                h = layers.linear(condition, 16 * width, "G_linear", vectors=3)
                h = tf.reshape(h, [-1, 4, 4, width])
            for k, block in enumerate(BLOCKS[self.resolution].split()):
                if k == _ATTENTION_BEFORE:
                    h = layers.attention(h)
                name = f"GBlock_{k}" if k else "GBlock"
                h = _block(layers, h, condition, int(block) * self.ch, "+" in block, name)
            h = tf.nn.relu(layers.norm(h, None, "BatchNorm", names=_NAMES))
            # The modules compute 128 channels, which suits a TPU, and use three.
            return tf.tanh(layers.conv(h, 128, 3, "conv_to_rgb")[..., :3])


def _block(
    layers: Layers, x: tf.Tensor, condition: tf.Tensor, outputs: int, doubles: bool, scope: str
) -> tf.Tensor:
    inside = max(x.shape[-1] // 4, 1)
    with v1.variable_scope(scope):
        h = x
        for k, (width, size) in enumerate(((inside, 1), (inside, 3), (inside, 3), (outputs, 1))):
            name = f"BatchNorm_{k}" if k else "BatchNorm"
            h = tf.nn.relu(layers.norm(h, condition, name, names=_NAMES))
            if doubles and k == 1:
                h = layers.upsample(h)
            h = layers.conv(h, width, size, f"conv{k}")
        if outputs < x.shape[-1]:
            x = x[..., :outputs]
        return h + (layers.upsample(x) if doubles else x)
