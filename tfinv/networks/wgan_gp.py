"""The generators of improved_wgan_training (Gulrajani et al., 2017), told apart by their arrays.

Widths, and the number of residual blocks, are those of the arrays. What leaves no array behind is
as the scripts have it by default: ReLU, and not the tanh that gan_64x64.py offers its DCGAN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.networks.wgan_gp_layers import Layers

__all__ = ["KNOWN", "Recognised", "recognise"]

Shapes = Mapping[str, tuple[int, ...]]
Draw = Callable[[Layers, tf.Tensor, tf.Tensor | None], tf.Tensor]

_BLOCK = re.compile(r"Generator\.(?:Res)?(\d+)\.Conv1\.Filters")


@dataclass(frozen=True)
class _Known:
    name: str
    mark: str  # an array that no other has
    draw: Draw


@dataclass(frozen=True)
class Recognised:
    """One generator, its widths still those of the arrays.

    Attributes:
      name: for users.
      draw: lays it out: layers, z float32 [N, latent_size] and, for a conditional one, labels int32
        [N] (else None) to pictures float32 [N, C, H, W], in [-1, 1] behind a tanh or in [0, 1]
        behind a sigmoid.
      latent_size: length of z.
      classes: how many classes its tables hold; None if unconditional.
    """

    name: str
    draw: Draw
    latent_size: int
    classes: int | None


def recognise(shapes: Shapes, path: str) -> Recognised:
    """Tells from the names and shapes of its arrays which generator they are of.

    Args:
      shapes: by name, such as "Generator.Input.W".
      path: of the file, for messages.

    Raises:
      UserError: it is none of `KNOWN`; says what was seen.
    """
    for known in KNOWN:
        if known.mark in shapes and len(shapes.get("Generator.Input.W", ())) == 2:
            tables = shapes.get("Generator.1.N1.offset", ())
            classes = tables[0] if len(tables) == 2 and tables[0] > 1 else None
            return Recognised(known.name, known.draw, shapes["Generator.Input.W"][0], classes)
    names = sorted(shapes)
    seen = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    raise UserError(
        f"{path}: the arrays {seen} are of no generator that is known here: "
        + "; ".join(f"{known.name} has {known.mark}" for known in KNOWN)
    )


def _dcgan(layers: Layers, z: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
    """`Generator` of gan_cifar.py and gan_mnist.py, the DCGANs of gan_64x64.py.

    Transposed 5x5 convolutions of stride 2 from 4 x 4 to 32 or 64 pixels. MNIST's has one channel:
    it drops the eighth row and column of 8 x 8 to arrive at 28, and ends in a sigmoid.
    """
    del labels
    x = layers.linear("Generator.Input", z)
    maps = layers.shape("Generator.2.Filters", 4)[3]
    # gan_cifar.py normalises every unit by itself, gan_64x64.py every map of 4 x 4.
    if math.prod(layers.shapes.get("Generator.BN1.offset", ())) == maps:
        x = layers.norm("Generator.BN1", layers.pictures("Generator.Input", x, maps))
    else:
        x = layers.pictures("Generator.Input", layers.norm("Generator.BN1", x), maps)
    hidden = [k for k in (2, 3, 4) if k < 4 or layers.has("Generator.4.Filters")]
    digits = hidden == [2, 3] and layers.shape("Generator.5.Filters", 4)[2] == 1
    for k in hidden:
        x = layers.norm(f"Generator.BN{k}", layers.deconv(f"Generator.{k}", x))
        if digits and k == 2:
            x = x[:, :, :7, :7]
    x = layers.deconv("Generator.5", x)
    if digits:
        return tf.sigmoid(x, name="Generator.5/Sigmoid")
    return tf.tanh(x, name="Generator.5/Tanh")


def _resnet(layers: Layers, z: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
    """`GoodGenerator` of gan_64x64.py and `Generator` of gan_cifar_resnet.py.

    Residual blocks, each of which doubles height and width. The names of blocks and normalisations
    differ; gan_64x64.py has no bias in a block's first convolution.
    """
    good = layers.has("Generator.Res1.Conv1.Filters")
    prefix, norm = ("Generator.Res", "BN") if good else ("Generator.", "N")
    x = layers.linear("Generator.Input", z)
    x = layers.pictures("Generator.Input", x, layers.shape(f"{prefix}1.Conv1.Filters", 4)[2])
    blocks = [int(found[1]) for name in layers.shapes if (found := _BLOCK.fullmatch(name))]
    for k in range(1, max(blocks) + 1):
        block = f"{prefix}{k}"
        shortcut = layers.upsample_shortcut(f"{block}.Shortcut", x)
        h = layers.norm(f"{block}.{norm}1", x, labels)
        bias = not good or layers.has(f"{block}.Conv1.Biases")
        h = layers.upsample_conv(f"{block}.Conv1", h, bias=bias)
        h = layers.norm(f"{block}.{norm}2", h, labels)
        x = layers.add(block, layers.conv(f"{block}.Conv2", h), shortcut)
    x = layers.conv("Generator.Output", layers.norm("Generator.OutputN", x))
    return tf.tanh(x, name="Generator.Output/Tanh")


KNOWN = (
    _Known("64x64 ResNet (gan_64x64.py)", "Generator.Res1.Conv1.Filters", _resnet),
    _Known("CIFAR ResNet (gan_cifar_resnet.py)", "Generator.1.Conv1.Filters", _resnet),
    _Known("DCGAN (gan_cifar.py, gan_mnist.py, gan_64x64.py)", "Generator.5.Filters", _dcgan),
)
"""The generators, each with an array that tells it from the others."""
