"""Partial evaluation: what of a graph is constant, what runs once a batch, what runs every step.

Every node falls into one of three kinds. *Constant* ones depend on nothing that is fed (spectral
norm, truncation, statistics): they are evaluated once, here. *Per batch* ones depend on values that
are fed once for a batch (the gains of a conditional batch norm at a fixed z). *Live* ones depend on
what is optimised. Nodes that compute nothing disappear: identities, and the switches and merges of
a condition whose predicate is constant, where the branch not taken is dead and is never run.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph import ops, walk
from tfinv.graph.model import GraphModel, NodeDef
from tfinv.graph.validate import check_growth

__all__ = ["CONSTANT", "LIVE", "PER_BATCH", "UNUSED", "Plan", "Step", "make_plan"]

CONSTANT, PER_BATCH, LIVE = "constant", "per_batch", "live"

#: Stands in a step's outputs for one that is fed, so that what the step computes is not wanted.
UNUSED = ""

# What a tensor resolves to when it is on a branch not taken, or is a placeholder nobody feeds. An
# unfed placeholder is an error only for a node that reads it and runs. No tensor's name has a "^".
_DEAD, _UNFED = "^dead", "^unfed:"


@dataclass(frozen=True)
class Step:
    """One node that runs, with the names of the tensors it reads and writes ("node:k").

    The inputs are resolved: they name the tensor that holds the value, whatever identities,
    switches and merges stand between.
    """

    node: NodeDef
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass
class Plan:
    """The result of partial evaluation.

    Attributes:
      constants: the constants that a step reads or that are outputs, evaluated.
      steps: the steps of kind PER_BATCH and of kind LIVE, each in the order to run them in.
      kinds: the kind of every tensor, by its name.
      fed: the tensors that are fed, of kind PER_BATCH and of kind LIVE, in the order asked for.
      outputs: the tensors that hold the outputs.
      frontier: the per-batch tensors that live steps read or that are outputs.
      reads: the tensors fed, in every step or once a batch, of which the outputs need the values,
        not the shape alone.
      folded: how many nodes were evaluated as constants.
    """

    constants: dict[str, tf.Tensor] = field(default_factory=dict)
    steps: dict[str, list[Step]] = field(default_factory=lambda: {PER_BATCH: [], LIVE: []})
    kinds: dict[str, str] = field(default_factory=dict)
    fed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    frontier: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    folded: int = 0


def make_plan(
    model: GraphModel,
    outputs: Sequence[str],
    *,
    live: Sequence[str] = (),
    per_batch: Sequence[str] = (),
    constants: Mapping[str, np.ndarray | float] | None = None,
) -> Plan:
    """Evaluates what is constant, eagerly, and orders the rest.

    Args:
      model: the graph.
      outputs: the tensors that are wanted, "node" or "node:k".
      live: tensors that are fed in every step; they win over the two below.
      per_batch: tensors that are fed once a batch; they win over constants.
      constants: values for tensors, cast to the tensor's dtype.

    Raises:
      UserError: a name that is not there, an input on the path without a value, an op that cannot
        be run, a condition whose predicate is not constant.
    """
    planner = _Planner(model, outputs, live, per_batch, constants or {})
    with tf.init_scope():
        for name in planner.order:
            planner.visit(model.nodes[name])
    return planner.finish()


class _Planner:
    """Walks the graph once, in topological order; `plan` grows as it goes."""

    def __init__(self, model, outputs, live, per_batch, constants):
        self.model = model
        self.plan = Plan()
        self._resolved: dict[str, str] = {}  # a tensor -> the one that holds its value
        live, per_batch = (tuple(map(walk.canonical, names)) for names in (live, per_batch))
        self.plan.fed = {LIVE: live, PER_BATCH: per_batch}
        self._outputs = [walk.canonical(name) for name in outputs]
        constants = {walk.canonical(name): value for name, value in constants.items()}
        fed = {*live, *per_batch, *constants}
        types = {name: ops.tensor_type(model.nodes, name) for name in [*fed, *self._outputs]}
        self.order = walk.topological_order(model.nodes, outputs, fed)
        # How many reads of a tensor are still to come: at none, its value is let go.
        self._reads = collections.Counter(self._outputs)
        for name in self.order:
            self._reads.update(walk.data_inputs(model.nodes[name]))
        for kind, names in ((CONSTANT, constants), (PER_BATCH, per_batch), (LIVE, live)):
            for name in names:
                self.plan.kinds[name] = kind
                self._resolved[name] = name
        with tf.init_scope():
            for name, value in constants.items():
                if self.plan.kinds[name] == CONSTANT:
                    value = np.asarray(value, types[name].as_numpy_dtype)
                    self.plan.constants[name] = tf.constant(value)
        self._fed = fed

    def _resolve(self, tensor: str) -> str:
        if tensor in self._resolved:
            return self._resolved[tensor]
        return _DEAD  # the walk is topological: only a node on a branch not taken left no trace

    def visit(self, node: NodeDef) -> None:
        """Places one node: hands it on, runs it, or makes it a step."""
        inputs = [self._resolve(tensor) for tensor in walk.data_inputs(node)]
        if node.op == "Merge":
            self._merge(node, inputs)
        elif _DEAD in inputs:
            pass
        elif node.op in ops.PLACEHOLDERS:
            self._hand_on(node, 0, _UNFED + node.name)
        elif node.op == "Switch":
            self._switch(node, inputs)
        elif ops.forwards(node):
            self._hand_on(node, 0, inputs[0])
        else:
            self._compute(node, inputs)
        for tensor in walk.data_inputs(node):
            self._let_go(self._resolve(tensor))

    def _hand_on(self, node: NodeDef, index: int, source: str) -> None:
        name = f"{node.name}:{index}"
        if name not in self._fed:
            self._resolved[name] = source
            if source != name:
                self._reads[source] += self._reads[name]

    def _let_go(self, tensor: str) -> None:
        self._reads[tensor] -= 1
        if not self._reads[tensor]:
            self.plan.constants.pop(tensor, None)

    def _merge(self, node: NodeDef, inputs: list[str]) -> None:
        alive = [i for i, tensor in enumerate(inputs) if tensor != _DEAD]
        if len(alive) > 1:
            raise UserError(
                f"node {node.name!r} joins two branches and both would run: the file does not say "
                "which one its condition takes; export the generator without the condition"
            )
        if not alive:
            return
        self._hand_on(node, 0, inputs[alive[0]])
        if self._reads[f"{node.name}:1"]:
            self._store(f"{node.name}:1", tf.constant(alive[0]))

    def _switch(self, node: NodeDef, inputs: list[str]) -> None:
        data, predicate = inputs
        self._refuse_unfed(node, [predicate])
        if self.plan.kinds[predicate] != CONSTANT:
            raise UserError(
                f"node {node.name!r} is a condition on a value that changes from picture to "
                f"picture ({predicate!r}): give that value as a constant"
            )
        taken = int(bool(self.plan.constants[predicate]))
        self._hand_on(node, taken, data)
        if f"{node.name}:{1 - taken}" not in self._fed:
            self._resolved[f"{node.name}:{1 - taken}"] = _DEAD

    def _compute(self, node: NodeDef, inputs: list[str]) -> None:
        self._refuse_unfed(node, inputs)
        kinds = {self.plan.kinds[tensor] for tensor in inputs}
        kind = LIVE if LIVE in kinds else PER_BATCH if PER_BATCH in kinds else CONSTANT
        if kind == CONSTANT:
            self.plan.folded += 1
            values = self._evaluate(node, [self.plan.constants[tensor] for tensor in inputs])
            for index, value in enumerate(values):
                self._store(f"{node.name}:{index}", value)
            return
        names = [f"{node.name}:{i}" for i in range(len(ops.output_types(node)))]
        outputs = tuple(UNUSED if name in self._fed else name for name in names)
        for name in {*outputs} - {UNUSED}:
            self._resolved[name] = name
            self.plan.kinds[name] = kind
        self.plan.steps[kind].append(Step(node, tuple(inputs), outputs))
        for tensor in inputs:
            self._reads[tensor] += 1  # a read that stays: the step's own

    def _store(self, name: str, value: tf.Tensor) -> None:
        if name not in self._fed and self._reads[name]:
            self._resolved[name] = name
            self.plan.kinds[name] = CONSTANT
            self.plan.constants[name] = value

    def _evaluate(self, node: NodeDef, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        if node.op == "Const":
            return [ops.constant_value(node, self.model.weights)]
        run = ops.make_runner(node)
        if node.name in self.model.unsized:
            check_growth(node, inputs, self.model.path)
        with ops.naming(node):
            return run(inputs)

    def _refuse_unfed(self, node: NodeDef, inputs: list[str]) -> None:
        for tensor in inputs:
            if not tensor.startswith(_UNFED):
                continue
            name = walk.canonical(tensor.removeprefix(_UNFED))
            keys = [port.key for port in self.model.inputs if walk.canonical(port.tensor) == name]
            called = f"input {keys[0]!r} ({name})" if keys else f"placeholder {name!r}"
            raise UserError(f"{called} has no value, but node {node.name!r} reads it: give it one")

    def finish(self) -> Plan:
        """Resolves the outputs and keeps the steps that lead to them."""
        plan = self.plan
        plan.outputs = tuple(self._resolve(name) for name in self._outputs)
        for wanted, found in zip(self._outputs, plan.outputs, strict=True):
            if found == _DEAD:
                raise UserError(f"tensor {wanted!r} is on a branch that its condition never takes")
            self._refuse_unfed(self.model.nodes[walk.split_tensor_name(wanted)[0]], [found])
        needed = set(plan.outputs)
        for kind in (LIVE, PER_BATCH):
            kept = []
            for step in reversed(plan.steps[kind]):
                if needed.intersection(step.outputs):
                    kept.append(step)
                    needed.update(step.inputs)
            plan.steps[kind] = kept[::-1]
        plan.constants = {name: plan.constants[name] for name in plan.constants if name in needed}
        read = [tensor for step in plan.steps[LIVE] for tensor in step.inputs]
        read += plan.outputs
        plan.frontier = tuple(
            dict.fromkeys(tensor for tensor in read if plan.kinds[tensor] == PER_BATCH)
        )
        plan.reads = self._read_values()
        return plan

    def _read_values(self) -> frozenset[str]:
        plan = self.plan
        values = set(plan.outputs)
        for step in reversed([*plan.steps[PER_BATCH], *plan.steps[LIVE]]):
            if ops.reads_values(step.node) and values.intersection(step.outputs):
                values.update(step.inputs)
        return frozenset(values.intersection(plan.fed[LIVE] + plan.fed[PER_BATCH]))
