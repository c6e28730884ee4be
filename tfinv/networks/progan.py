"""ProGAN's generator and discriminator out of their arrays; Karras et al. (2018), table 2.

The networks that the authors' published files hold, `G_paper` and `D_paper`, with the variables'
names and layouts of those files. Inside, tensors are NCHW.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import tensorflow as tf

from tfinv.networks import progan_layers as layers
from tfinv.networks.progan_settings import Settings, scope

__all__ = ["discriminator", "generator"]

Tensors = Mapping[str, tf.Tensor]


def generator(
    settings: Settings,
    weights: Tensors,
    latents: tf.Tensor,
    labels: tf.Tensor | None = None,
    *,
    lod: float = 0.0,
) -> tf.Tensor:
    """Draws pictures.

    Args:
      settings: how the network was made.
      weights: float32, by name, of `generator_shapes`; those that `lod` leaves out are not read.
      latents: float32 [N, latent], standard normal.
      labels: float32 [N, label_size]; None if that is 0.
      lod: how many doublings an unfinished training lacks; a fraction mixes two resolutions.

    Returns:
      float32 [N, num_channels, resolution, resolution], black at -1 and white at 1, not clipped.
    """
    x = latents if labels is None else tf.concat([latents, labels], axis=1)
    last, share = settings.growth(lod)
    coarser = x
    for stage in range(2, last + 1):
        coarser = x
        with tf.name_scope(scope(stage)):
            x = _generator_block(settings, weights, x, stage)
    images = _to_rgb(settings, weights, x, last)
    if share:
        before = layers.enlarge(_to_rgb(settings, weights, coarser, last - 1), 2)
        with tf.name_scope(f"Grow_lod{settings.stages - last}"):
            images += (before - images) * share
    return tf.identity(layers.enlarge(images, 2 ** (settings.stages - last)), "images_out")


def discriminator(
    settings: Settings, weights: Tensors, images: tf.Tensor, *, lod: float = 0.0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores pictures.

    Args:
      settings: how the network was made.
      weights: float32, by name, of `discriminator_shapes`.
      images: float32 [N, num_channels, resolution, resolution], black at -1 and white at 1. The
        scores of a group of `mbstd_group_size` pictures depend on each other; N is smaller than
        that or a multiple of it.
      lod: as for `generator`.

    Returns:
      Scores, float32 [N, 1], higher for pictures that look real; and the logits of the labels,
      float32 [N, label_size].
    """
    last, share = settings.growth(lod)
    small = layers.shrink(images, 2 ** (settings.stages - last))
    x = _from_rgb(settings, weights, small, last)
    for stage in range(last, 1, -1):
        with tf.name_scope(scope(stage)):
            if stage == 2:
                x = _scores(settings, weights, x)
                break
            x = _discriminator_block(settings, weights, x, stage)
        if share and stage == last:
            before = _from_rgb(settings, weights, layers.shrink(small, 2), stage - 1)
            with tf.name_scope(f"Grow_lod{settings.stages - last}"):
                x += (before - x) * share
    return tf.identity(x[:, :1], "scores_out"), tf.identity(x[:, 1:], "labels_out")


def _bias(weights: Tensors, name: str, x: tf.Tensor) -> tf.Tensor:
    bias = weights[f"{name}/bias"]
    return x + (bias if x.shape.rank == 2 else tf.reshape(bias, [1, -1, 1, 1]))


def _weight(
    settings: Settings, weights: Tensors, name: str, gain: float = layers.HE_GAIN
) -> tf.Tensor:
    """The weight in effect of a layer whose last dimension is its output."""
    weight = weights[f"{name}/weight"]
    return layers.scaled(weight, gain, math.prod(weight.shape[:-1]), settings.use_wscale)


def _generator_block(settings: Settings, weights: Tensors, x: tf.Tensor, stage: int) -> tf.Tensor:
    def finish(x: tf.Tensor, name: str) -> tf.Tensor:
        x = _bias(weights, f"{scope(stage)}/{name}", x)
        x = layers.leaky_relu(x) if settings.use_leakyrelu else tf.nn.relu(x, "Relu")
        return layers.pixel_norm(x, settings.pixelnorm_epsilon) if settings.use_pixelnorm else x

    if stage == 2:
        if settings.normalize_latents:
            x = layers.pixel_norm(x, settings.pixelnorm_epsilon)
        with tf.name_scope("Dense"):
            x = layers.dense(x, _weight(settings, weights, "4x4/Dense", layers.HE_GAIN / 4))
            x = finish(tf.reshape(x, [-1, settings.maps(1), 4, 4]), "Dense")
        second = "Conv"
    else:
        first = "Conv0_up" if settings.fused_scale else "Conv0"
        with tf.name_scope(first):
            name = f"{scope(stage)}/{first}"
            x = finish(layers.double_and_convolve(x, _up_weight(settings, weights, name)), first)
        second = "Conv1"
    with tf.name_scope(second):
        return finish(
            layers.convolve(x, _weight(settings, weights, f"{scope(stage)}/{second}")), second
        )


def _up_weight(settings: Settings, weights: Tensors, name: str) -> tf.Tensor:
    """The weight in effect of a doubling convolution, [k, k, out, in]."""
    weight = weights[f"{name}/weight"]
    if not settings.fused_scale:  # a convolution's filter is its transpose's, turned round
        weight = tf.transpose(tf.reverse(weight, [0, 1]), [0, 1, 3, 2])
    rows, columns, _, inputs = weight.shape
    return layers.scaled(weight, layers.HE_GAIN, rows * columns * inputs, settings.use_wscale)


def _to_rgb(settings: Settings, weights: Tensors, x: tf.Tensor, stage: int) -> tf.Tensor:
    name = f"ToRGB_lod{settings.stages - stage}"
    with tf.name_scope(name):
        return _bias(weights, name, layers.convolve(x, _weight(settings, weights, name, 1.0)))


def _from_rgb(settings: Settings, weights: Tensors, x: tf.Tensor, stage: int) -> tf.Tensor:
    name = f"FromRGB_lod{settings.stages - stage}"
    with tf.name_scope(name):
        x = layers.convolve(x, _weight(settings, weights, name))
        return layers.leaky_relu(_bias(weights, name, x))


def _discriminator_block(
    settings: Settings, weights: Tensors, x: tf.Tensor, stage: int
) -> tf.Tensor:
    fused = settings.fused_scale
    second = "Conv1_down" if fused else "Conv1"
    for name, operation in (
        ("Conv0", layers.convolve),
        (second, layers.convolve_and_halve if fused else layers.convolve),
    ):
        with tf.name_scope(name):
            full = f"{scope(stage)}/{name}"
            x = operation(x, _weight(settings, weights, full))
            x = layers.leaky_relu(_bias(weights, full, x))
    return x if fused else layers.shrink(x, 2)


def _scores(settings: Settings, weights: Tensors, x: tf.Tensor) -> tf.Tensor:
    if settings.mbstd_group_size > 1:
        x = layers.minibatch_deviation(x, settings.mbstd_group_size)
    for name, operation in (("Conv", layers.convolve), ("Dense0", layers.dense)):
        with tf.name_scope(name):
            x = operation(x, _weight(settings, weights, f"4x4/{name}"))
            x = layers.leaky_relu(_bias(weights, f"4x4/{name}", x))
    with tf.name_scope("Dense1"):
        x = layers.dense(x, _weight(settings, weights, "4x4/Dense1", 1.0))
        return _bias(weights, "4x4/Dense1", x)
