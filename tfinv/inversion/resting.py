"""Closed units rest where they close, so that the gradient there says whether they should open.

Where a ReLU alone reads a unit, everything beyond its hinge draws the same picture. A solver that
lets a closed unit go on falling has to bring it all the way back when the picture needs it; and the
gradient of a unit that is deep in the dark is none. So codes are kept on the open side or at the
hinge, and at the hinge the gradient is taken a hair beyond it, on the open side. That is the
one-sided derivative: what the picture gains if the unit opens, in full and not a share of it. For
these units it takes the place of the modified gradient (thesis, section 4.7), which the ReLUs
further behind still have.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfinv.graph.hinge import Hinge
from tfinv.inversion.solvers.base import Constrain

__all__ = ["a_hair_open", "resting"]


def resting(hinge: Hinge, inner: Constrain) -> Constrain:
    """Keeps units from going beyond their hinge.

    Args:
      hinge: of the code, the first D numbers of a row.
      inner: what else holds the rows; it is asked first, and holds other numbers.
    """
    size = len(hinge.at)
    low = np.where(hinge.gain > 0, hinge.at, -np.inf).astype(np.float32)
    high = np.where(hinge.gain < 0, hinge.at, np.inf).astype(np.float32)

    def constrain(points: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
        points = inner(points, draws)
        # Not tf.clip_by_value: a number that is no number has to stay one, and fail its image.
        code = tf.minimum(tf.maximum(points[:, :size], low), high)
        return code if points.shape[1] == size else tf.concat([code, points[:, size:]], 1)

    return constrain


def a_hair_open(hinge: Hinge, code: tf.Tensor) -> tf.Tensor:
    """Codes whose units at the hinge pass the gradient of those that are open.

    Args:
      hinge: of the code.
      code: float32 [B, D], at the hinge or on the open side.
    """
    return code + hinge.hair
