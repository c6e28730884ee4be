"""A stage: one optimisation, at one layer, of one loss, by one solver; and a batch for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.inversion.constraints import Constraint
from tfinv.inversion.degradations import Degradation
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers.base import Solver

__all__ = ["Batch", "Stage"]


@dataclass(frozen=True)
class Stage:
    """What to optimise.

    Attributes:
      layer: as for `Generator.split`.
      loss: what to minimise; terms that this layer does not have are left out.
      solver: how.
      optimize: what, out of "code", "latent" and "labels", the first among them; None for the code
        and, where g2 reads it, the latent (see `tfinv.inversion.unknowns.free_names`).
      constraint: what z must keep to, if it is optimised here; None for nothing.
      degradation: through what drawn pictures are seen before they are compared; targets are its
        observations then. None if they are compared as they are.
    """

    layer: str
    loss: Loss
    solver: Solver
    optimize: Sequence[str] | None = None
    constraint: Constraint | None = None
    degradation: Degradation | None = None


@dataclass(frozen=True)
class Batch:
    """A batch that a stage works on; every array has the same number of rows.

    Attributes:
      targets: float32 [B, H, W, C] in [0, 1]; or observations, float32 [B, *shape], of the stage's
        degradation.
      latents: float32 [B, latent_size], read by g2 behind the cut where it needs z; the start of
        what is optimised if z is free.
      labels: int32 [B], or float32 [B, classes], weights of the classes, likewise; None if
        unconditional.
      start: float32 [B, *code_shape].
      anchor: float32 [B, *code_shape], what z reaches at the layer; see `Trial`.
      references: what `Loss.references` makes of the targets; more than a stage needs does no harm.
      keys: uint32 [B], each image's own stream (`constraints.streams`); needed for a constraint.
    """

    targets: tf.Tensor
    latents: tf.Tensor
    labels: Any
    start: tf.Tensor
    anchor: tf.Tensor
    references: Mapping[str, tf.Tensor] = field(default_factory=dict)
    keys: Any = None

    @property
    def anchors(self) -> tf.Tensor:
        """The anchor as rows, float32 [B, D]."""
        return tf.reshape(self.anchor, [len(self.anchor), -1])

    @property
    def streams(self) -> tf.Tensor:
        """The keys, uint32 [B]; zeros if there are none, where no constraint draws."""
        return tf.constant(
            np.zeros(len(self.anchor), np.uint32) if self.keys is None else self.keys
        )
