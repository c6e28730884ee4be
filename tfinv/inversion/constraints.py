"""Constraints on z: every point that a solver proposes is brought back into a box."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.split import LATENT, Split
from tfinv.inversion.solvers.base import Constrain
from tfinv.inversion.unknowns import CODE

__all__ = ["CONSTRAINTS", "Constraint", "constrained", "find_constraint", "streams"]

_PURPOSE = 4  # of an image's stream; see `tfinv.inversion.starts`


@dataclass(frozen=True)
class Constraint:
    """A box for the numbers of z: from -bound to bound.

    Attributes:
      name: in `CONSTRAINTS`: what becomes of a number outside.
      bound: half the width of the box, in standard deviations of the prior.
    """

    name: str
    bound: float

    def __str__(self) -> str:
        return f"{self.name}:{self.bound:g}"


def _clip(points: tf.Tensor, bound: float, uniform: Callable[[], tf.Tensor]) -> tf.Tensor:
    del uniform
    return tf.clip_by_value(points, -bound, bound)


def _redraw(points: tf.Tensor, bound: float, uniform: Callable[[], tf.Tensor]) -> tf.Tensor:
    return tf.where(tf.abs(points) > bound, bound * (2.0 * uniform() - 1.0), points)


CONSTRAINTS = {"clip": _clip, "stochastic_clip": _redraw}
"""What becomes of a number outside.

"clip": the nearest of the two bounds (thesis, section 6.2.2). "stochastic_clip": a number drawn
uniformly from the box, so that none gets stuck at a bound (Lipton and Tripathi, 2017).
"""


def find_constraint(text: str) -> Constraint:
    """Reads "clip:2" or "stochastic_clip:1.5".

    Raises:
      UserError: if it is no name of `CONSTRAINTS` with a positive number.
    """
    name, _, number = text.partition(":")
    if name not in CONSTRAINTS:
        raise UserError(
            f"constraint {text!r} is not known: it is one of "
            f"{', '.join(f'{known}:BOUND' for known in CONSTRAINTS)}"
        )
    try:
        bound = float(number)
    except ValueError:
        bound = math.nan
    if not 0.0 < bound < math.inf:
        raise UserError(
            f"constraint {text!r}: the bound of z is a positive number, as in {name}:2, which lets "
            "each number of z be from -2 to 2"
        )
    return Constraint(name, bound)


def streams(indices: Sequence[int], seed: int) -> np.ndarray:
    """The key of each image's own stream of numbers, uint32 [B].

    Args:
      indices: which image of the run each row is.
      seed: of the run.
    """
    keys = [np.random.default_rng([seed, index, _PURPOSE]).integers(2**32) for index in indices]
    return np.asarray(keys, np.uint32)


def constrained(constraint: Constraint, split: Split, keys: tf.Tensor) -> Constrain:
    """What holds the rows of a stage's unknowns inside the box.

    Only z is constrained, as the code or beside it, and of a z beside the code only the numbers
    that g2 reads: the others are no unknowns.

    Args:
      constraint: the box.
      split: of the stage.
      keys: uint32 [B], see `streams`.

    Returns:
      For `Solver.step`.
    """
    inside = _numbers_of_z(split)

    def constrain(points: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        def uniform() -> tf.Tensor:
            return _uniform(keys, draw, points.shape[1])

        # A number that is not finite stays as it is, so that its image fails and is not mended.
        held = CONSTRAINTS[constraint.name](points, constraint.bound, uniform)
        clipped = _clip(points, constraint.bound, uniform)
        held = tf.where(draw[:, tf.newaxis] > 0, held, clipped)
        return tf.where(inside & tf.math.is_finite(points), held, points)

    return constrain


def _numbers_of_z(split: Split) -> np.ndarray:
    """Which numbers of a row of `unknowns.join` are optimised numbers of z; bool [D]."""
    flags = {
        CODE: np.full(int(np.prod(split.code_shape)), split.is_latent),
        LATENT: split.latent_read,
        "labels": np.zeros(split.classes or 0, bool),
    }
    return np.concatenate([flags[name] for name in (CODE, *split.free)])


def _uniform(keys: tf.Tensor, draw: tf.Tensor, columns: int) -> tf.Tensor:
    """Numbers in [0, 1), float32 [B, columns], each a function of its key, draw and column alone.

    TensorFlow's stateless generators take one key for a whole tensor; here every row has its own,
    or the batch size would matter.
    """
    row = _mixed(_mixed(keys) + tf.cast(draw, tf.uint32))
    bits = _mixed(row[:, tf.newaxis] + tf.constant(np.arange(columns, dtype=np.uint32)))
    return tf.cast(_shifted(bits, 8), tf.float32) * 2.0**-24


def _mixed(bits: tf.Tensor) -> tf.Tensor:
    """Integers uint32 in which every bit depends on every bit of the given ones.

    The finaliser of MurmurHash3 (A. Appleby): multiplications modulo 2^32 and shifts, which XLA
    computes alike on every device.
    """
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        bits = tf.bitwise.bitwise_xor(bits, _shifted(bits, shift)) * tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(bits, _shifted(bits, 16))


def _shifted(bits: tf.Tensor, places: int) -> tf.Tensor:
    return tf.bitwise.right_shift(bits, tf.constant(places, tf.uint32))
