"""Running a graph, or a part of it, node by node, as TensorFlow code that anything can wrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.graph import columns, hinge, ops
from tfinv.graph.kernels import Kernel, plain
from tfinv.graph.model import GraphModel, NodeDef
from tfinv.graph.pairs import with_kernels
from tfinv.graph.plan import CONSTANT, LIVE, PER_BATCH, Step, make_plan

__all__ = ["Program"]


@dataclass(frozen=True)
class _Instruction:
    """A step with its function, and slot numbers in the place of names."""

    node: NodeDef
    kernel: Kernel
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Program:
    """A part of a graph, from the tensors that are fed to the outputs.

    The work is split three ways (see `tfinv.graph.plan`): constants are computed here, once;
    `prepare` computes what depends on values fed once a batch; `run` the rest. Both are ordinary
    TensorFlow code: they work eagerly, in `tf.function` with and without `jit_compile=True`, inside
    `tf.while_loop` and under `tf.GradientTape`, from any thread.

    Example, G cut at a layer h of a class-conditional generator::

        g2 = Program(model, ["image:0"], live=["h:0"], per_batch=["z:0", "y:0"])
        frontier = g2.prepare(z, y)
        [image] = g2.run([h], frontier)

    Attributes:
      counts: how many nodes are "constant", "per_batch" and "live"; nodes that compute nothing
        (identities, conditions) are not counted.
      reads: the tensors of `live` and `per_batch`, as "node:k", of which the outputs need the
        values. Of the others they need nothing, or the shape alone: many exports take a batch size
        off the latent.
    """

    counts: dict[str, int]
    reads: frozenset[str]

    def __init__(
        self,
        model: GraphModel,
        outputs: Sequence[str],
        *,
        live: Sequence[str] = (),
        per_batch: Sequence[str] = (),
        constants: Mapping[str, np.ndarray | float] | None = None,
    ):
        """Evaluates what is constant and makes the kernels of the rest.

        Args:
          model: the graph.
          outputs: the tensors to return, "node" or "node:k".
          live: tensors fed to `run`. Feeding a tensor cuts the graph there: nothing behind it is
            computed unless something else needs it. Live wins over per batch over constants.
          per_batch: tensors fed to `prepare`.
          constants: fixed values for tensors (a truncation, a noise), cast to their dtype.

        Raises:
          UserError: a tensor that is not there, an input on the path without a value, an op that
            cannot be run, a random op on the path (see `tfinv.graph.ops.make_runner`), a
            condition whose predicate is not constant.
        """
        plan = make_plan(model, outputs, live=live, per_batch=per_batch, constants=constants)
        self.counts = {
            CONSTANT: plan.folded,
            PER_BATCH: len(plan.steps[PER_BATCH]),
            LIVE: len(plan.steps[LIVE]),
        }
        self.reads = plan.reads
        self._plan = plan
        self._fed = plan.fed
        self._types = {
            name: ops.tensor_type(model.nodes, name)
            for names in plan.fed.values()
            for name in names
        }
        slots: dict[str, int] = {}

        def slot(name: str) -> int:
            return slots.setdefault(name, len(slots))

        with tf.init_scope():
            kernels = {
                PER_BATCH: [(step, plain(step.node)) for step in plan.steps[PER_BATCH]],
                LIVE: with_kernels(plan),
            }
            self._instructions = {
                kind: [_instruction(step, kernel, slot) for step, kernel in chosen]
                for kind, chosen in kernels.items()
            }
        self._fed_slots = {kind: [slot(n) for n in names] for kind, names in plan.fed.items()}
        self._frontier = [slot(name) for name in plan.frontier]
        self._outputs = [slot(name) for name in plan.outputs]
        self._slots: list[tf.Tensor | None] = [plan.constants.get(name) for name in slots]

    def columns_read(self, tensor: str, size: int) -> np.ndarray:
        """Which columns of a fed matrix the outputs depend on; see `tfinv.graph.columns`."""
        return columns.columns_read(self._plan, tensor, size)

    def rectified_tensor(self, tensor: str) -> str | None:
        """What the ReLU right behind a live tensor reads; see `tfinv.graph.hinge`."""
        return hinge.rectified_tensor(self._plan, tensor)

    def prepare(self, *per_batch_values: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Runs the per-batch nodes.

        Args:
          *per_batch_values: one tensor for each name in `per_batch`, in that order.

        Returns:
          The frontier: the per-batch tensors that `run` reads, in a fixed order.
        """
        slots = self._start(PER_BATCH, per_batch_values)
        self._execute(PER_BATCH, slots, tf.constant(0.0))
        return tuple(slots[index] for index in self._frontier)

    def run(
        self,
        live_values: Sequence[tf.Tensor],
        frontier: Sequence[tf.Tensor] = (),
        leak: tf.Tensor | float = 0.0,
    ) -> list[tf.Tensor]:
        """Runs the live nodes.

        Args:
          live_values: one tensor for each name in `live`, in that order.
          frontier: what `prepare` returned; none if nothing is per batch.
          leak: in [0, 1], a scalar or one for each image [B]; the share of a negative upstream
            gradient that a closed ReLU lets through (thesis, 4.7). 0 is the true gradient. The
            outputs do not depend on it.

        Returns:
          The outputs, in the order in which they were asked for.
        """
        slots = self._start(LIVE, live_values)
        if len(frontier) != len(self._frontier):
            raise ValueError(
                f"run() takes a frontier of {len(self._frontier)} tensors, not {len(frontier)}: "
                "give it what prepare() returned"
            )
        for index, value in zip(self._frontier, frontier, strict=True):
            slots[index] = value
        self._execute(LIVE, slots, tf.convert_to_tensor(leak, tf.float32))
        return [slots[index] for index in self._outputs]

    def _start(self, kind: str, values: Sequence[tf.Tensor]) -> list[tf.Tensor | None]:
        names = self._fed[kind]
        if len(values) != len(names):
            raise ValueError(f"{len(values)} values for {len(names)} {kind} tensors: {names}")
        slots = list(self._slots)
        for name, index, value in zip(names, self._fed_slots[kind], values, strict=True):
            slots[index] = tf.convert_to_tensor(value, self._types[name])
        return slots

    def _execute(self, kind: str, slots: list[tf.Tensor | None], leak: tf.Tensor) -> None:
        for instruction in self._instructions[kind]:
            with ops.naming(instruction.node):
                values = instruction.kernel([slots[i] for i in instruction.inputs], leak)
            for index, value in zip(instruction.outputs, values, strict=True):
                slots[index] = value


def _instruction(step: Step, kernel: Kernel, slot: Callable[[str], int]) -> _Instruction:
    return _Instruction(
        step.node, kernel, tuple(map(slot, step.inputs)), tuple(map(slot, step.outputs))
    )
