"""Where a BigGAN's batch normalisation takes mean and variance from.

Training uses the batch. An exported module uses statistics that were gathered for each truncation
in steps of 0.02, and there are two ways to hold them: as constants in the graph, or as variables
for the truncation of the previous call, which a call with another truncation replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf

__all__ = [
    "LEVELS",
    "BatchStatistics",
    "ConstantStatistics",
    "Moments",
    "Statistics",
    "VariableStatistics",
]

v1 = tf.compat.v1

LEVELS = 51  # truncations 0, 0.02, ... 1
COUNT = 4.0  # batches that "accumulated_mean" and "accumulated_var" are sums over

#: Scope of a batch norm -> mean and variance at each level, float32 [2, LEVELS, C].
Moments = Mapping[str, np.ndarray]


class Statistics(Protocol):
    """Gives mean and variance [C] for the batch norm in the variable scope around."""

    def __call__(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """From its input, float32 [N, H, W, C]."""


class BatchStatistics:
    """Those of the batch itself.

    Args:
      accumulates: whether to add them to the variables "accumulated_*" (in a Session that runs
        `updates`).

    Attributes:
      moments: mean and variance by scope.
      updates: the operations that add them up.
    """

    def __init__(self, accumulates: bool = False):
        self.moments: dict[str, tuple[tf.Tensor, tf.Tensor]] = {}
        self.updates: list[tf.Operation] = []
        self._accumulates = accumulates

    def __call__(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and variance [C] over a batch [N, H, W, C]."""
        mean, variance = tf.nn.moments(x, [0, 1, 2])
        self.moments[v1.get_variable_scope().name] = mean, variance
        if self._accumulates:
            for held, value in zip(_accumulated(x.shape[-1]), (mean, variance, 1.0), strict=True):
                self.updates.append(v1.assign_add(held, value).op)
        return mean, variance


class ConstantStatistics:
    """Constants in the graph, one a level, stacked to [51, C]; a truncation between is blended."""

    def __init__(self, moments: Moments, truncation: tf.Tensor):
        self._moments, self._truncation = moments, truncation

    def __call__(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and variance [C] at the truncation."""
        del x
        both = self._moments[v1.get_variable_scope().name]
        with tf.name_scope("/"):  # the modules hold them outside every scope: "stack_11"
            stacks = [tf.stack([tf.constant(row) for row in rows]) for rows in both]
        mean, variance = (_blend(stack, self._truncation) for stack in stacks)
        return mean, variance


class VariableStatistics:
    """Variables that hold the statistics of the previous truncation, at first those of 1.

    A call with another truncation looks up its own, stores them, and remembers the truncation: a
    TF1 condition with assignments inside, on the way to the output.
    """

    def __init__(self, truncation: tf.Tensor):
        self._truncation = truncation
        with v1.variable_scope("", reuse=v1.AUTO_REUSE):
            start = v1.ones_initializer()
            self._previous = v1.get_variable(
                "previous_truncation", [], tf.float32, start, use_resource=False, trainable=False
            )
        self._changed = tf.not_equal(truncation, self._previous)
        self._read: list[tf.Tensor] = []

    def __call__(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and variance [C] at the truncation."""
        *sums, count = _accumulated(x.shape[-1])
        tables = [
            _variable(f"{name}_by_truncation", [LEVELS, x.shape[-1]]) for name in ("mean", "var")
        ]
        pairs = zip(sums, tables, strict=True)
        mean, variance = (self._current(held, table, count) / count for held, table in pairs)
        self._read += [mean, variance]
        return mean, variance

    def _current(self, held: tf.Variable, table: tf.Variable, count: tf.Variable) -> tf.Tensor:
        return v1.cond(
            self._changed,
            lambda: tf.identity(v1.assign(held, count * _blend(table, self._truncation))),
            lambda: tf.identity(held),
        )

    def remember(self, image: tf.Tensor) -> tf.Tensor:
        """Hands on the image, once the truncation is stored as the previous one."""
        with tf.control_dependencies(self._read):
            stored = v1.assign(self._previous, self._truncation)
        with tf.control_dependencies([stored]):
            return tf.identity(image)


def _blend(stack: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
    """Row number 50 * truncation of a table [51, C], linearly between two rows."""
    position = truncation * (LEVELS - 1)
    low = tf.floor(position)
    share, first = position - low, tf.cast(low, tf.int32)
    second = tf.minimum(first + 1, LEVELS - 1)
    return tf.gather(stack, first) * (1 - share) + tf.gather(stack, second) * share


def _accumulated(channels: int) -> tuple[tf.Variable, tf.Variable, tf.Variable]:
    mean, variance = (_variable(f"accumulated_{k}", [channels]) for k in ("mean", "var"))
    return mean, variance, _variable("accumulation_counter", [])


def _variable(name: str, shape: list[int]) -> tf.Variable:
    start = v1.zeros_initializer()
    return v1.get_variable(name, shape, tf.float32, start, use_resource=False, trainable=False)
