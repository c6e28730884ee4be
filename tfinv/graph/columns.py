"""Which numbers of a vector a graph reads.

A hierarchical latent is cut into chunks (thesis, section 6.1.2): the first feeds the dense layer,
each other one the batch norms of one block. Behind a cut, some chunks are read and some are not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfinv.graph import ops
from tfinv.graph.plan import LIVE, PER_BATCH, Plan, Step
from tfinv.graph.walk import canonical

__all__ = ["columns_read"]


def columns_read(plan: Plan, tensor: str, size: int) -> np.ndarray:
    """Finds the columns of a fed matrix that the outputs of a plan depend on.

    Splits and slices along its columns are followed; whatever else reads a part of it is taken to
    need all of that part.

    Args:
      plan: what is computed.
      tensor: one of those that are fed, [batch, size].
      size: of a row.

    Returns:
      bool [size].
    """
    read = np.zeros(size, bool)
    columns = {canonical(tensor): np.arange(size)}
    for step in (*plan.steps[PER_BATCH], *plan.steps[LIVE]):
        if columns.keys().isdisjoint(step.inputs) or not ops.reads_values(step.node):
            continue
        parts = _parts(step, columns, plan.constants)
        if parts is None:
            for name in columns.keys() & set(step.inputs):
                read[columns[name]] = True
        else:
            columns.update(parts)
    for name in columns.keys() & set(plan.outputs):
        read[columns[name]] = True
    return read


def _parts(
    step: Step, columns: Mapping[str, np.ndarray], constants: Mapping[str, object]
) -> dict[str, np.ndarray] | None:
    """The columns in each output of a step that only takes a matrix apart; None for others."""
    node, inputs, outputs = step.node, step.inputs, step.outputs
    given = [None if name not in constants else constants[name].numpy() for name in inputs]
    if node.op == "Split" and _is_last(given[0]):
        return _named(outputs, np.split(columns[inputs[1]], len(outputs)))
    if node.op == "SplitV" and given[1] is not None and _is_last(given[2]):
        ends = np.cumsum(given[1])  # with a size of -1, for the rest, this does not add up
        whole = columns[inputs[0]]
        return _named(outputs, np.split(whole, ends[:-1])) if ends[-1] == len(whole) else None
    if node.op == "StridedSlice" and all(value is not None for value in given[1:]):
        return _slice(step, columns[inputs[0]], *given[1:])
    return None


def _is_last(axis: np.ndarray | None) -> bool:
    return axis is not None and int(axis) in (1, -1)


def _slice(
    step: Step, whole: np.ndarray, begin: np.ndarray, end: np.ndarray, strides: np.ndarray
) -> dict[str, np.ndarray] | None:
    """z[:, begin:end], and nothing more elaborate."""
    masks = {
        name: ops.attribute(step.node, f"{name}_mask")
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    elaborate = masks["ellipsis"] | masks["new_axis"] | masks["shrink_axis"]
    every_row = masks["begin"] & masks["end"] & 1
    if len(begin) != 2 or elaborate or not every_row:
        return None
    first = None if masks["begin"] & 2 else int(begin[1])
    last = None if masks["end"] & 2 else int(end[1])
    return {step.outputs[0]: whole[first : last : int(strides[1])]}


def _named(names: tuple[str, ...], parts: list[np.ndarray]) -> dict[str, np.ndarray]:
    return dict(zip(names, parts, strict=True))
