"""ProGAN's networks as TF2 SavedModels, which any TensorFlow can serve and tfinv reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfinv.networks import progan
from tfinv.networks.progan_settings import Settings

__all__ = ["export_discriminator", "export_generator"]

Arrays = Mapping[str, np.ndarray]


def export_generator(
    settings: Settings, arrays: Arrays, path: str | Path, *, lod: float = 0.0
) -> None:
    """Writes a SavedModel that draws pictures.

    Its signature takes `z`, float32 [N, latent], standard normal; and, where the network has
    labels, `labels`, float32 [N, label_size]. It gives `images`, float32
    [N, resolution, resolution, num_channels], black at -1 and white at 1, not clipped.

    Args:
      settings: how the network was made.
      arrays: float32, by the names of `generator_shapes`.
      path: folder to write.
      lod: see `progan.generator`.
    """
    specs = [tf.TensorSpec([None, settings.latent], tf.float32, "z")]
    if settings.label_size:
        specs.append(tf.TensorSpec([None, settings.label_size], tf.float32, "labels"))

    def draw(weights, *inputs):
        images = progan.generator(settings, weights, *inputs, lod=lod)
        return {"images": tf.transpose(images, [0, 2, 3, 1])}

    _save(draw, arrays, specs, path)


def export_discriminator(
    settings: Settings, arrays: Arrays, path: str | Path, *, lod: float = 0.0
) -> None:
    """Writes a SavedModel that scores pictures, and whose layers keep the network's names.

    Its signature takes `images`, float32 [N, resolution, resolution, num_channels], black at -1
    and white at 1. It gives `scores`, float32 [N, 1], higher for pictures that look real, and,
    where the network has labels, `labels`, their logits, float32 [N, label_size]. Scores of a
    group of pictures depend on each other (`mbstd_group_size`); layers before 4x4 do not.

    Args:
      settings: how the network was made.
      arrays: float32, by the names of `discriminator_shapes`.
      path: folder to write.
      lod: see `progan.discriminator`.
    """
    side, channels = settings.resolution, settings.num_channels
    specs = [tf.TensorSpec([None, side, side, channels], tf.float32, "images")]

    def score(weights, images):
        images = tf.transpose(images, [0, 3, 1, 2])
        scores, labels = progan.discriminator(settings, weights, images, lod=lod)
        return {"scores": scores, **({"labels": labels} if settings.label_size else {})}

    _save(score, arrays, specs, path)


def _save(function, arrays: Arrays, specs: list[tf.TensorSpec], path: str | Path) -> None:
    module = tf.Module()
    # A list, because a checkpoint names a dict's entries by its keys, and these have slashes.
    module.weights = [tf.Variable(array, name=name) for name, array in arrays.items()]
    by_name = dict(zip(arrays, module.weights, strict=True))
    module.call = tf.function(lambda *inputs: function(by_name, *inputs), input_signature=specs)
    tf.saved_model.save(module, str(path), signatures=module.call)
