"""Neighbouring steps of a plan that one kernel does better than two."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels import Kernel, kernel_for, kernel_for_pair, plain
from tfinv.graph.plan import LIVE, Plan, Step

__all__ = ["with_kernels"]


def with_kernels(plan: Plan) -> list[tuple[Step, Kernel]]:
    """The live steps of a plan, each with the kernel that runs it.

    An upsampling whose only reader is a convolution makes one step with it, which has the
    convolution's node, and reads the image, the size and the filter.
    """
    steps = {output: step for step in plan.steps[LIVE] for output in step.outputs}
    reads = collections.Counter(name for step in plan.steps[LIVE] for name in step.inputs)
    reads.update(plan.outputs)
    made: list[tuple[Step, Kernel]] = []
    absorbed: set[str] = set()
    for step in reversed(plan.steps[LIVE]):
        if step.node.name in absorbed:
            continue
        first = steps.get(step.inputs[0]) if step.node.op == "Conv2D" else None
        pair = None
        if first is not None and reads[step.inputs[0]] == 1:
            pair = _joined(first, step, plan)
        if pair is not None:
            absorbed.add(first.node.name)
        made.append(pair or (step, _kernel(step.node, step.inputs, plan)))
    return made[::-1]


def _joined(first: Step, second: Step, plan: Plan) -> tuple[Step, Kernel] | None:
    if first.node.op != "ResizeNearestNeighbor":
        return None
    inputs = (*first.inputs, second.inputs[1])
    known = [plan.constants.get(name) for name in inputs]
    kernel = kernel_for_pair(first.node, second.node, known)
    return None if kernel is None else (Step(second.node, inputs, second.outputs), kernel)


def _kernel(node: NodeDef, inputs: Sequence[str], plan: Plan) -> Kernel:
    return kernel_for(node, [plan.constants.get(name) for name in inputs]) or plain(node)
