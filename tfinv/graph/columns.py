"""Which numbers of a vector a graph reads, and how it cuts the vector up before it reads them.

A hierarchical latent is cut into chunks (thesis, section 6.1.2): the first feeds the dense layer,
each other one the batch norms of one block. Behind a cut, some chunks are read and some are not.

There are many ways to cut: splits, slices, a reshape and an unstack, a gather. All of them only
move numbers, so each is run here on a row that says of every number which column it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph import ops
from tfinv.graph.facts import RENAMING
from tfinv.graph.plan import LIVE, PER_BATCH, Plan, Step
from tfinv.graph.walk import canonical

__all__ = ["columns_read", "trace_columns"]

Constants = Callable[[str], np.ndarray | tf.Tensor | None]

_ROWS = 2  # of a batch; enough to see whether an op mixes them

# Ops that put numbers elsewhere and do nothing to them; the place of the input that holds them.
_MOVING: Mapping[str, int] = {
    "ExpandDims": 0,
    "GatherV2": 0,
    "Reshape": 0,
    "ReverseV2": 0,
    "Slice": 0,
    "Split": 1,
    "SplitV": 0,
    "Squeeze": 0,
    "StridedSlice": 0,
    "Transpose": 0,
    "Unpack": 0,
}


def columns_read(plan: Plan, tensor: str, size: int) -> np.ndarray:
    """Finds the columns of a fed matrix that the outputs of a plan depend on.

    Args:
      plan: what is computed.
      tensor: one of those that are fed, [batch, size].
      size: of a row.

    Returns:
      bool [size].
    """
    read = np.zeros(size, bool)
    steps = (*plan.steps[PER_BATCH], *plan.steps[LIVE])
    for columns in trace_columns(steps, tensor, size, plan.constants.get, plan.outputs):
        read[columns] = True
    return read


def trace_columns(
    steps: Iterable[Step], tensor: str, size: int, constant: Constants, outputs: Sequence[str]
) -> list[np.ndarray]:
    """Follows the columns of a matrix through everything that only moves them.

    Args:
      steps: of a graph, each behind those that it reads.
      tensor: the matrix, [batch, size].
      size: of a row.
      constant: the value of a tensor, if that is constant.
      outputs: tensors that are wanted themselves.

    Returns:
      For each read of values, the columns in what is read: int, ascending. Whatever moves columns
      in another way than those known here is taken to read all that it is given.
    """
    trace = _Trace(canonical(tensor), size, constant)
    for step in steps:
        trace.visit(step)
    read = trace.read + [trace.moved[name] for name in outputs if name in trace.moved]
    return [np.unique(numbers[0]) for numbers in read if numbers.size]


class _Trace:
    """Runs a graph on two rows that hold, for each number of theirs, which one that is.

    `moved` are tensors made of these numbers, `sized` what is computed from their shapes: of an
    output shape, say, that is [batch size, 3, 4].
    """

    def __init__(self, tensor: str, size: int, constant: Constants):
        rows = np.arange(_ROWS * size, dtype=np.int32).reshape(_ROWS, size)
        self.moved: dict[str, np.ndarray] = {tensor: rows}
        self.sized: dict[str, np.ndarray] = {}
        self.read: list[np.ndarray] = []
        self._size, self._constant = size, constant

    def visit(self, step: Step) -> None:
        held = [name for name in step.inputs if name in self.moved]
        if held and ops.reads_values(step.node):
            results = self._move(step)
            if results is None:
                self.read += [self.moved[name] for name in held]
            else:
                self.moved.update(zip(step.outputs, results, strict=True))
        elif held or not self.sized.keys().isdisjoint(step.inputs):
            results = self._run(step) or []
            if all(np.issubdtype(result.dtype, np.integer) for result in results):
                self.sized.update(zip(step.outputs, results, strict=False))

    def _move(self, step: Step) -> list[np.ndarray] | None:
        """What a step that only moves numbers makes of them; None for others."""
        if step.node.op in RENAMING:
            return [self.moved[step.inputs[0]]]
        place = _MOVING.get(step.node.op)
        if place is None or step.inputs[place] not in self.moved:
            return None
        results = self._run(step)
        return results if results and all(map(self._keeps_rows, results)) else None

    def _keeps_rows(self, numbers: np.ndarray) -> bool:
        return len(np.atleast_1d(numbers)) == _ROWS and bool(
            (numbers[1] == numbers[0] + self._size).all()
        )

    def _run(self, step: Step) -> list[np.ndarray] | None:
        """A step's outputs; None if they depend on more than is known here."""
        given = [self._value(name) for name in step.inputs]
        if any(value is None for value in given):
            return None
        try:
            with tf.init_scope(), ops.naming(step.node):
                results = ops.make_runner(step.node)([tf.constant(value) for value in given])
        except UserError:  # it is made for another number of rows
            return None
        return [result.numpy() for result in results]

    def _value(self, name: str) -> np.ndarray | None:
        for known in (self.moved, self.sized):
            if name in known:
                return known[name]
        value = self._constant(name)
        # Of a shape computation, all is whole numbers. Weights would only be read for nothing.
        return value if value is not None and _is_whole(value) else None


def _is_whole(value: np.ndarray | tf.Tensor) -> bool:
    return tf.as_dtype(value.dtype).is_integer
