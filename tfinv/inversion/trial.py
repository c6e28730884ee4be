"""What a loss term may look at: one evaluation of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import tensorflow as tf

__all__ = ["Trial"]


class Trial(NamedTuple):
    """A batch of codes, and what the generator drew from them.

    Attributes:
      images: float32 [B, H, W, C], `g2(code)`, in [0, 1]; through a degradation, what is seen of
        it, float32 [B, h, w, c].
      targets: of the same shape; in [0, 1] if they are pictures.
      code: float32 [B, D], flattened codes.
      anchor: float32 [B, D], g1(z*): what z reaches at this layer.
      latent: float32 [B, latent_size], z, where it is optimised: as the code, or beside it; else
        None.
      references: what terms keep of the targets, by their names; see `Term`.
      known: float32 [B, h, w, 1], 1 where the target is known, 0 where it is not, and where images
        and targets are both 0; None if all of it is.
    """

    images: tf.Tensor
    targets: tf.Tensor
    code: tf.Tensor
    anchor: tf.Tensor
    latent: tf.Tensor | None = None
    references: Mapping[str, tf.Tensor] = MappingProxyType({})
    known: tf.Tensor | None = None
