"""How many classes a generator has that takes its label as a number."""

from __future__ import annotations

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.interpret import Program
from tfinv.graph.model import GraphModel
from tfinv.graph.walk import canonical, data_inputs

__all__ = ["count_classes"]

_PASSED_THROUGH = ("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "StopGradient")
_CHOICES = ("Select", "SelectV2")


def count_classes(model: GraphModel, labels: str) -> int | None:
    """Reads off the graph how many classes an integer label chooses between.

    A label picks a row of a table or becomes one-hot. Beyond the end of a table a CPU raises an
    error, a GPU reads zeros and XLA the last row, so the end must be known before.

    Args:
      model: the graph.
      labels: the tensor of the labels.

    Returns:
      The rows of the smallest table that labels index; None if they are used in another way.
    """
    carriers = {canonical(labels)}
    sizes = []
    for name, node in model.nodes.items():  # producers come before consumers
        inputs = data_inputs(node)
        passed = inputs[:1] if node.op in _PASSED_THROUGH else ()
        if node.op in _CHOICES:  # Keras counts negative labels from the end
            passed = inputs[1:]
        if carriers.intersection(passed):
            carriers.add(canonical(name))
        elif node.op == "GatherV2" and inputs[1] in carriers:
            table, axis = _constants(model, inputs[0], inputs[2])
            sizes += [] if table is None else [table.shape[int(axis)]]
        elif node.op == "OneHot" and inputs[0] in carriers:
            [depth] = _constants(model, inputs[1])
            sizes += [] if depth is None else [int(depth)]
    return min(sizes, default=None)


def _constants(model: GraphModel, *tensors: str) -> list[tf.Tensor | None]:
    try:
        return list(Program(model, tensors).run([]))
    except UserError:  # they depend on an input
        return [None] * len(tensors)
