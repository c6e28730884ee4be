"""Where the units of a tensor close: at which value the ReLU right behind it switches each off."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfinv.graph import ops
from tfinv.graph.kernels.attributes import attribute
from tfinv.graph.plan import LIVE, Plan, Step
from tfinv.graph.walk import canonical

__all__ = ["Hinge", "measure_hinge", "rectified_tensor"]

# Ops that keep the order of the numbers and make each an affine function of itself, if all else
# that they read is constant; and those that only write the same numbers in another shape.
_NORMS = frozenset(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"))
_AFFINE = frozenset(("Add", "AddV2", "BiasAdd", "Mul", "Sub")) | _NORMS
_RESHAPING = frozenset(("ExpandDims", "Reshape", "Squeeze"))
_LEAST_GAIN = 1e-3  # of the largest: opening a unit with less would take it far from all others
_EXACT = 1e-4
_CORRECTIONS = 2
_HAIR = 2e-6  # several roundings of float32, and nothing that a picture shows


class Hinge(NamedTuple):
    """The units of a tensor that only a ReLU reads: what it sees is gain * (value - at).

    A unit is open where that is positive. Whatever lies beyond `at` draws the same as `at`.

    Attributes:
      at: float32 [D], one for each unit, flattened.
      gain: float32 [D]; 0 for units of which the ReLU sees nothing, which neither open nor close.
      level: what the ReLU sees of an open unit on average, in codes as the generator makes them.
    """

    at: np.ndarray
    gain: np.ndarray
    level: float

    @property
    def open(self) -> np.ndarray:
        """A code all of whose units are open, as far as open ones are on average; float32 [D]."""
        return self.at + self._way

    @property
    def hair(self) -> np.ndarray:
        """What a unit at its hinge is short of being open, float32 [D]; nobody sees it."""
        return np.sign(self.gain) * _HAIR * (np.abs(self.at) + np.abs(self._way))

    @property
    def _way(self) -> np.ndarray:
        zero = np.zeros_like(self.gain)
        return np.divide(np.float32(self.level), self.gain, out=zero, where=self.gain != 0)


def rectified_tensor(plan: Plan, tensor: str) -> str | None:
    """What the ReLU right behind a tensor reads.

    Args:
      plan: in which the tensor is live.
      tensor: "node:k".

    Returns:
      The tensor that ReLUs alone read, and that is, unit by unit, an affine function of the given
      one with constant coefficients (a batch normalisation in between is); None if there is none,
      because something else reads the numbers too, as a shortcut around the ReLU does.
    """
    tensor = canonical(tensor)
    while tensor not in plan.outputs:
        readers = [
            step
            for step in plan.steps[LIVE]
            if tensor in step.inputs and ops.reads_values(step.node)
        ]
        if readers and all(step.node.op == "Relu" for step in readers):
            return tensor
        if len(readers) != 1 or not _keeps_units(readers[0], tensor, plan):
            return None
        tensor = readers[0].outputs[0]
    return None


def _keeps_units(step: Step, tensor: str, plan: Plan) -> bool:
    if step.node.op in _RESHAPING:
        return step.inputs[0] == tensor
    if step.node.op not in _AFFINE:
        return False
    if step.node.op in _NORMS and attribute(step.node, "is_training"):
        return False
    others = [name for name in step.inputs if name != tensor]
    return len(others) == len(step.inputs) - 1 and all(o in plan.constants for o in others)


def measure_hinge(behind: Callable[[tf.Tensor], tf.Tensor], codes: tf.Tensor) -> Hinge | None:
    """Measures a hinge.

    Args:
      behind: what the ReLU reads, [3, ...], of values float32 [3, *shape].
      codes: values that the generator makes, float32 [N, *shape].

    Returns:
      None if `behind` is not affine unit by unit after all: where a constant is broadcast over the
      units, there are more of them behind than before. Neither if it rounds so coarsely that a unit
      a hair beyond its hinge is not open.
    """

    def seen_by_relu(values: np.ndarray) -> np.ndarray:
        rows = np.broadcast_to(values.astype(np.float32), (3, *values.shape[-1:]))
        found = behind(tf.reshape(rows, [3, *codes.shape[1:]]))
        return np.asarray(found, np.float64).reshape(3, -1)

    usual = np.asarray(codes).reshape(len(codes), -1)
    seen = seen_by_relu(np.outer([0.0, 1.0, -2.0], np.ones(usual.shape[1])))
    if seen.shape[1] != usual.shape[1]:
        return None
    offset, gain = seen[0], seen[1] - seen[0]
    scale = np.abs(offset) + np.abs(gain)
    if not np.all(np.abs(seen[2] - (offset - 2.0 * gain)) <= _EXACT * scale):
        return None
    gain = np.where(np.abs(gain) > _LEAST_GAIN * np.abs(gain).max(initial=0.0), gain, 0.0)
    at = np.divide(-offset, gain, out=np.zeros_like(gain), where=gain != 0.0)
    for _ in range(_CORRECTIONS):  # far from the probes, their rounding counts
        at -= np.divide(seen_by_relu(at)[0], gain, out=np.zeros_like(gain), where=gain != 0.0)
    opened = gain * (usual - at)
    level = opened[opened > 0.0].mean() if (opened > 0.0).any() else 1.0
    hinge = Hinge(at.astype(np.float32), gain.astype(np.float32), float(level))
    is_open = seen_by_relu(hinge.at + hinge.hair)[0] > 0.0
    return hinge if is_open[gain != 0.0].all() else None
