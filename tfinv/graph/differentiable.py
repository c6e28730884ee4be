"""Whether a gradient reaches a tensor from the output, and whether XLA can compile it.

Some ops have no gradient (ResizeArea before it is replaced), some are flat wherever they are smooth
(Round, Floor), and XLA lacks a few more. An optimisation would find out in a traceback, or never.
Here the graph is traced and lowered, as the optimisation would do it, and nothing of it is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.graph import ops, walk
from tfinv.graph.kernels import kernel_for, plain
from tfinv.graph.model import GraphModel
from tfinv.graph.plan import LIVE, PER_BATCH, Plan, Step, make_plan

__all__ = ["why_not_differentiable"]

_ADVICE = "export the generator without it, or choose a layer behind it with --layer"
_LACKING_GRADIENT = re.compile(r"(?:op type|no entry for): (\w+)")
_LACKING_KERNEL = re.compile(r"(\w+) \(No registered")
_BATCH = 2  # any would do


def why_not_differentiable(
    model: GraphModel,
    tensor: str,
    output: str,
    shape: Sequence[int],
    constants: Mapping[str, np.ndarray | float] | None = None,
    *,
    compiled: bool = True,
) -> str | None:
    """Says why the output cannot be optimised over a tensor.

    Args:
      model: the graph.
      tensor: what would be optimised over.
      output: the tensor of the picture.
      shape: of `tensor`, without the batch.
      constants: values of inputs that do not change from picture to picture.
      compiled: whether XLA must be able to compile the gradient too.

    Returns:
      None if the gradient is there; else one line that names the op and says what to do.

    Raises:
      UserError: as `tfinv.graph.interpret.Program`.
    """
    given = {walk.canonical(name) for name in (tensor, *(constants or {}))}
    others = [port for port in model.inputs if walk.canonical(port.tensor) not in given]
    plan = make_plan(
        model,
        [output],
        live=[tensor],
        per_batch=[port.tensor for port in others],
        constants=constants,
    )
    specs = [tf.TensorSpec([_BATCH, *shape], ops.tensor_type(model.nodes, tensor))]
    for port in others:
        sizes = port.shape and [_BATCH if size is None else size for size in port.shape]
        specs.append(tf.TensorSpec(sizes, port.dtype))
    flat: list[Step] = []

    @tf.function(autograph=False, jit_compile=compiled)
    def gradient(*inputs: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(inputs[0])
            values = _run(plan, inputs, tape)
        wanted = [t for s in plan.steps[LIVE] for t in (*s.inputs, *s.outputs) if t in values]
        wanted = list(dict.fromkeys([*plan.fed[LIVE], *wanted]))
        found = tape.gradient(values[plan.outputs[0]], [values[name] for name in wanted])
        reached = {n for n, dy in zip(wanted, found, strict=True) if dy is not None}
        if wanted[0] in reached:
            return found[0]
        flat.extend(step for step in plan.steps[LIVE] if _stops(step, reached))
        return tf.zeros([])

    try:
        gradient.get_concrete_function(*specs)
        if not flat and compiled:
            gradient.experimental_get_compiler_ir(*specs)(stage="hlo")
    except LookupError as error:
        return f"{_named(plan, _LACKING_GRADIENT, error)} has no gradient in TensorFlow: {_ADVICE}"
    except (tf.errors.OpError, ValueError) as error:
        return f"XLA cannot compile {_named(plan, _LACKING_KERNEL, error)}: {_ADVICE}"
    if flat:
        node = flat[-1].node
        return f"no gradient passes node {node.name!r} ({node.op}): {_ADVICE}"
    return None


def _run(plan: Plan, inputs: Sequence[tf.Tensor], tape: tf.GradientTape) -> dict[str, tf.Tensor]:
    """The value of every tensor, with the kernels that an optimisation would run.

    The tape watches all, so that a gradient shows how far down it comes.
    """
    # A shape that the trace captured from outside would be one that the lowering does not know.
    values = {
        name: value if value.dtype.is_floating else tf.constant(value.numpy(), value.dtype)
        for name, value in plan.constants.items()
    }
    values.update(zip((*plan.fed[LIVE], *plan.fed[PER_BATCH]), inputs, strict=True))
    for kind in (PER_BATCH, LIVE):
        for step in plan.steps[kind]:
            known = [plan.constants.get(name) for name in step.inputs]
            kernel = (kernel_for(step.node, known) if kind == LIVE else None) or plain(step.node)
            with ops.naming(step.node):
                outputs = kernel([values[name] for name in step.inputs], tf.constant(0.0))
            tape.watch([value for value in outputs if value.dtype.is_floating])
            values.update(zip(step.outputs, outputs, strict=True))
    return values


def _stops(step: Step, reached: set[str]) -> bool:
    """Whether a gradient comes down to a step and goes no further."""
    return (
        ops.reads_values(step.node)
        and not reached.isdisjoint(step.outputs)
        and reached.isdisjoint(step.inputs)
    )


def _named(plan: Plan, pattern: re.Pattern[str], error: Exception) -> str:
    """The node that a message of TensorFlow is about, or its op, or what TensorFlow says."""
    said = pattern.search(str(error))
    if said is None:
        return f"this generator ({' '.join(str(error).split())[:200]})"
    op = said[1]
    nodes = [
        step.node.name for step in plan.steps[LIVE] if op in (step.node.op, step.node.op + "Grad")
    ]
    return f"node {nodes[0]!r} ({op})" if nodes else f"the op {op}"
