"""A graph with everything that is constant evaluated: what the parts of a cut generator share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfinv.graph.model import GraphModel, NodeDef, split_tensor_name, tensor_name
from tfinv.graph.plan import LIVE, Plan, make_plan
from tfinv.graph.walk import canonical

__all__ = ["fold"]


def fold(
    model: GraphModel, output: str, constants: Mapping[str, np.ndarray | float] | None = None
) -> GraphModel:
    """Evaluates what does not change from picture to picture, once.

    A generator is planned several times: whole, each half of each cut, for its list of layers.
    Spectral norm or statistics by truncation in the graph would be computed, and the weights that
    result be held, by each of them.

    Args:
      model: the graph.
      output: the tensor that is wanted, "node:k".
      constants: values of inputs that do not change, by tensor.

    Returns:
      The part of the graph that leads to `output`. Nodes that depend on the other inputs keep their
      names and, but for the tensors they read, are as they were; identities and conditions are
      gone; what was constant is a Const with its value among the weights, as a tensor, which every
      Program then uses as it is, without a copy. All inputs are there, the constant ones too,
      though nothing reads those. The one output has the key that it had.

    Raises:
      UserError: as `tfinv.graph.interpret.Program`.
    """
    fixed = {canonical(name) for name in constants or {}}
    fed = [port.tensor for port in model.inputs if canonical(port.tensor) not in fixed]
    plan = make_plan(model, [output], live=fed, constants=constants)
    nodes = {
        name: model.nodes[name]
        for name in (split_tensor_name(port.tensor)[0] for port in model.inputs)
    }
    names = _name_constants(plan, {*nodes, *(step.node.name for step in plan.steps[LIVE])})
    for tensor, name in names.items():
        nodes[name] = NodeDef(name=name, op="Const")
        nodes[name].attr["dtype"].type = plan.constants[tensor].dtype.as_datatype_enum
    for step in plan.steps[LIVE]:
        node = NodeDef()
        node.CopyFrom(step.node)
        del node.input[:]
        node.input.extend(names.get(t) or tensor_name(*split_tensor_name(t)) for t in step.inputs)
        nodes[node.name] = node
    ports = {canonical(port.tensor): port for port in model.outputs}
    [found] = plan.outputs
    port = dataclasses.replace(ports[canonical(output)], tensor=canonical(names.get(found, found)))
    weights = {name: plan.constants[tensor] for tensor, name in names.items()}
    return dataclasses.replace(model, nodes=nodes, weights=weights, outputs=(port,))


def _name_constants(plan: Plan, taken: set[str]) -> dict[str, str]:
    """A node name for each constant tensor: that of its node, if only its first output is read."""
    names: dict[str, str] = {}
    for tensor in plan.constants:
        node, index = split_tensor_name(tensor)
        name = f"{node}/{index}" if index else node
        while name in taken:
            name += "_"
        taken.add(name)
        names[tensor] = name
    return names
