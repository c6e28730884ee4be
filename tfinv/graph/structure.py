"""What the live part of a graph looks like: shapes, who reads what, and what feeds the picture.

Nothing is computed here but what is constant. Shapes come from tracing the graph symbolically with
two batch sizes: a tensor is per image if its first dimension is the batch in both traces and
nothing else in its shape changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph import ops, walk
from tfinv.graph.model import GraphModel, Port
from tfinv.graph.plan import CONSTANT, LIVE, PER_BATCH, UNUSED, Plan, Step, make_plan

__all__ = ["ELEMENTWISE", "PRODUCTS", "Structure"]

#: Ops that multiply by a matrix, and the operand that the matrix multiplies.
PRODUCTS = {
    "MatMul": None,
    "BatchMatMul": None,
    "BatchMatMulV2": None,
    "BatchMatMulV3": None,
    "Einsum": None,
    "Conv2D": 0,
    "Conv3D": 0,
    "DepthwiseConv2dNative": 0,
    "Conv2DBackpropInput": 2,
    "Conv2DBackpropInputV2": 2,
    "Conv3DBackpropInputV2": 2,
}

#: Arithmetic of two operands that are broadcast against each other.
ELEMENTWISE = frozenset({"Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "DivNoNan", "AddN"})

# Linear ops that change no more than the arrangement; what else they read is a shape or an axis.
_ARRANGING = frozenset({"Reshape", "Transpose", "Squeeze", "ExpandDims", "Cast", "StopGradient"})

# Linear as long as everything else they read is constant (a statistic, a bias).
_AFFINE = ELEMENTWISE | {"BiasAdd", "BiasAddV1", "Neg"}
_LINEAR_IN_EITHER = ELEMENTWISE - {"RealDiv", "Div", "DivNoNan"}
_FROZEN_NORMS = frozenset(
    {
        "FusedBatchNorm",
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        "BatchNormWithGlobalNormalization",
    }
)


class Structure:
    """The steps that carry the values of the latent to the output.

    Attributes:
      latent, output: resolved tensor names.
      steps: the live steps on the way, in the order they run.
      shapes: for each tensor on the way that is per image, its shape without the batch.
      path: the float tensors on the way, latent and output included.
    """

    def __init__(
        self,
        model: GraphModel,
        latent: str,
        output: str,
        constants: Mapping[str, np.ndarray | float] | None = None,
    ):
        """Evaluates what is constant and traces the rest.

        Args:
          model: the graph.
          latent: the input whose values are followed.
          output: the tensor they are followed to.
          constants: values for other inputs (a truncation); inputs left out vary with the batch.

        Raises:
          UserError: the output does not depend on the latent, or the graph cannot be traced.
        """
        self.latent = walk.canonical(latent)
        given = {walk.canonical(name) for name in constants or {}}
        others = [p for p in model.inputs if walk.canonical(p.tensor) not in {self.latent, *given}]
        self._plan = make_plan(
            model,
            [output],
            live=[self.latent],
            per_batch=[port.tensor for port in others],
            constants=constants,
        )
        [self.output] = self._plan.outputs
        ports = [_port(model, self.latent), *others]
        self._traces = [_trace(self._plan, ports, size) for size in _batch_sizes(ports[0])]
        self._follow(model)
        self.shapes = {name: shape for name in self.path if (shape := self._per_image(name))}

    def _follow(self, model: GraphModel) -> None:
        carrying = {self.latent}
        steps = self._plan.steps[LIVE]
        for step in steps:
            if ops.reads_values(step.node) and carrying.intersection(step.inputs):
                carrying.update(name for name in step.outputs if self._is_float(name))
        reads = {
            name: [tensor for tensor in step.inputs if tensor in carrying]
            for step in steps
            if ops.reads_values(step.node)
            for name in step.outputs
        }
        if self.output not in carrying:
            raise UserError(f"{model.path}: {self._why_cut_off(carrying)}")
        self.path = walk.ancestors(lambda name: reads.get(name, []), [self.output]) & carrying
        self.steps = [step for step in steps if self.path.intersection(step.outputs)]
        self._readers: dict[str, list[Step]] = {name: [] for name in self.path}
        for step in self.steps:
            if not ops.reads_values(step.node):
                continue
            for tensor in step.inputs:
                if tensor in self.path:
                    self._readers[tensor].append(step)

    def _is_float(self, name: str) -> bool:
        dtype = self._traces[0][name].dtype if name != UNUSED else tf.bool
        return dtype.is_floating

    def _per_image(self, name: str) -> tuple[int, ...] | None:
        shapes = [trace[name].shape for trace in self._traces]
        batches = [trace[self.latent].shape[0] for trace in self._traces]
        if not all(s.is_fully_defined() and s.rank > 0 for s in shapes):
            return None
        if any(s[0] != batch for s, batch in zip(shapes, batches, strict=True)):
            return None
        rest = {tuple(s[1:]) for s in shapes}
        return rest.pop() if len(rest) == 1 else None

    def _why_cut_off(self, carrying: set[str]) -> str:
        """Says why no float carries the latent to the output: it is rounded, or goes elsewhere."""
        touched, lost = set(carrying), None
        for step in self._plan.steps[LIVE]:
            if ops.reads_values(step.node) and touched.intersection(step.inputs):
                touched.update(step.outputs)
                if carrying.intersection(step.inputs) and not carrying.intersection(step.outputs):
                    lost = step
        if self.output not in touched or lost is None:
            return (
                f"the output {self.output!r} does not depend on the input {self.latent!r}: name "
                "another latent or output"
            )
        return (
            f"the picture is rounded to integers by node {lost.node.name!r} ({lost.node.op}), so "
            "no gradient reaches it: export the generator without the last cast"
        )

    def readers(self, tensor: str) -> list[Step]:
        """Returns the steps on the way that read a tensor, one entry for each time they do."""
        return self._readers[tensor]

    def carried(self, step: Step) -> list[str]:
        """Returns the inputs of a step that carry the latent's values."""
        return [tensor for tensor in step.inputs if tensor in self.path]

    def trunk_inputs(self, step: Step) -> list[str]:
        """Returns the carried inputs that the step's output grows from.

        The others only steer it: the gain and the bias of a conditional batch norm, which are
        broadcast over a larger operand, the norm that a vector is divided by, a filter made from
        a style.
        """
        op = step.node.op
        operand = PRODUCTS.get(op, 0 if op in _FROZEN_NORMS else None)
        if operand is not None:
            return [t for t in [step.inputs[operand]] if t in self.path]
        if op not in ELEMENTWISE:
            return self.carried(step)
        out = self._traces[0][step.outputs[0]].shape
        sizes = [self._size_beside(tensor, out) for tensor in step.inputs]
        full = max(sizes)
        pairs = zip(step.inputs, sizes, strict=True)
        return [tensor for tensor, size in pairs if size == full and tensor in self.path]

    def _size_beside(self, tensor: str, out: tf.TensorShape) -> float:
        shape = self._traces[0][tensor].shape
        if not (shape.is_fully_defined() and out.is_fully_defined()):
            return math.inf
        return math.prod(shape[1:] if shape.rank == out.rank else shape)

    def is_linear(self, step: Step) -> bool:
        """Whether a step is linear in the one thing it carries, with constants for the rest."""
        op = step.node.op
        if len(self.carried(step)) != 1:
            return False
        if step.inputs[0] not in self.path and op not in _LINEAR_IN_EITHER:
            return False
        if op in _ARRANGING:
            return True
        if op in _FROZEN_NORMS:
            if ops.attribute(step.node, "is_training"):
                return False
        elif op not in _AFFINE:
            return False
        return all(self._plan.kinds[t] == CONSTANT for t in step.inputs if t not in self.path)

    def next_linear(self, tensor: str) -> Step | None:
        """Returns the step that reads a tensor, if it is the only one and is linear."""
        readers = self.readers(tensor)
        if len(readers) == 1 and tensor != self.output and self.is_linear(readers[0]):
            return readers[0]
        return None

    def end_of_stage(self, tensor: str) -> str:
        """Follows a tensor through the linear steps behind it to the one to cut at.

        That is the last, except that a rearrangement at the very end counts only if it makes an
        image or keeps the dimensions: flattening the pixels, or splitting them into more than
        height, width and channels, is the beginning of something else.
        """
        last = tensor
        while (step := self.next_linear(tensor)) is not None:
            tensor = step.outputs[0]
            old, new = self.shapes.get(last, ()), self.shapes.get(tensor)
            if new is None:
                continue
            if step.node.op not in _ARRANGING or min(len(old), 3) <= len(new) <= 3:
                last = tensor
        return last

    def is_picture(self, tensor: str) -> bool:
        """Whether nothing but linear steps stands between a tensor and the output."""
        while tensor != self.output:
            step = self.next_linear(tensor)
            if step is None:
                return False
            tensor = step.outputs[0]
        return True

    def is_constant(self, tensor: str) -> bool:
        """Whether the value of a tensor is known before anything is fed."""
        return self._plan.kinds[tensor] == CONSTANT


def _port(model: GraphModel, latent: str) -> Port:
    for port in model.inputs:
        if walk.canonical(port.tensor) == latent and port.shape:
            return port
    known = ", ".join(f"{port.key} ({port.tensor}, {port.shape})" for port in model.inputs)
    raise UserError(
        f"{model.path}: {latent!r} is not an input of known shape; the inputs are {known}"
    )


def _batch_sizes(latent: Port) -> Sequence[int]:
    """Two sizes tell the batch from a dimension that happens to be as large."""
    return (2, 3) if latent.shape[0] is None else (latent.shape[0],)


def _trace(plan: Plan, ports: Sequence[Port], batch: int) -> dict[str, tf.TensorSpec]:
    """Returns the shape and type of every tensor of a plan, for one batch size."""
    found: dict[str, tf.TensorSpec] = {}
    specs = []
    for port in ports:
        shape = port.shape and (batch if port.shape[0] is None else port.shape[0], *port.shape[1:])
        specs.append(tf.TensorSpec(shape, port.dtype))

    def trace(*inputs: tf.Tensor) -> None:
        values = dict(plan.constants)
        values.update(zip((*plan.fed[LIVE], *plan.fed[PER_BATCH]), inputs, strict=True))
        for step in [*plan.steps[PER_BATCH], *plan.steps[LIVE]]:
            run = ops.make_runner(step.node)
            with ops.naming(step.node):
                outputs = run([values[tensor] for tensor in step.inputs])
            values.update(zip(step.outputs, outputs, strict=True))
        for name, value in values.items():
            found[name] = tf.TensorSpec(value.shape, value.dtype)

    tf.function(trace, autograph=False).get_concrete_function(*specs)
    return found
