"""A trained generator as a SavedModel: one function, z to picture, batch norm frozen."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from tfinv.networks.dcgan import DCGANGenerator

__all__ = ["export"]


def export(generator: DCGANGenerator, path: str | Path) -> None:
    """Writes a TF2 SavedModel whose signature takes `z` and gives `images`.

    Args:
      generator: its batch norm must have been calibrated.
      path: folder to write; `z` is float32 [N, latent_size], `images` float32 [N, H, W, C] in
        [-1, 1].
    """
    module = tf.Module()
    module.generator = generator
    spec = tf.TensorSpec([None, generator.latent_size], tf.float32, "z")
    module.draw = tf.function(lambda z: {"images": generator(z)}, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures=module.draw)
