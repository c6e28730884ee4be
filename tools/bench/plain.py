"""A generator behind a cut by TensorFlow's own operations, one by one: no kernel of tfinv's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from bench.network import Network, Step
from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.output.border import RANGES
from tfinv.generators.split import Split
from tfinv.graph import ops
from tfinv.graph.kernels.relu import relu
from tfinv.graph.model import split_tensor_name
from tfinv.graph.plan import LIVE, PER_BATCH, make_plan
from tfinv.graph.walk import canonical

__all__ = ["Plain"]

_ATTRIBUTES = {
    "Conv2D": ("strides", "padding", "dilations", "explicit_paddings"),
    "Conv2DBackpropInput": ("strides", "padding", "dilations", "explicit_paddings"),
    "FusedBatchNormV3": ("epsilon",),
    "MaxPool": ("strides", "ksize", "padding"),
    "BatchMatMulV2": ("adj_x", "adj_y"),
    "MatMul": ("transpose_a", "transpose_b"),
}


class Plain:
    """The live half of g2 as the file has it, its constant part evaluated.

    Args:
      generator: whose.
      split: where it is cut.
    """

    def __init__(self, generator: Generator, split: Split):
        if generator.border.layout != "NHWC" or generator.border.shape is not None:
            raise UserError(f"{generator.path}: only graphs that draw NHWC pictures are compared")
        self.code = canonical(generator.inputs.latent if split.is_latent else split.layer.name)
        self._inputs, self._border, self._shape = (
            generator.inputs,
            generator.border,
            split.code_shape,
        )
        held = [name for name in generator.inputs.names if canonical(name) != self.code]
        self.plan = make_plan(
            generator.model,
            [generator.output],
            live=[self.code],
            per_batch=held,
            constants=generator.inputs.constants,
        )
        with tf.init_scope():
            self._runners = {
                step.node.name: ops.make_runner(step.node)
                for steps in self.plan.steps.values()
                for step in steps
            }

    def held(self, latents: np.ndarray, labels: np.ndarray | None) -> dict[str, tf.Tensor]:
        """What the live steps read of z and labels, by name; run it once a batch."""
        feeds = zip(self._inputs.names, self._inputs.feeds(latents, labels), strict=True)
        values = {canonical(k): v for k, v in feeds if canonical(k) in self.plan.fed[PER_BATCH]}
        values |= self.plan.constants
        self._run(PER_BATCH, values, 0.0)
        return {name: values[name] for name in self.plan.frontier}

    def images(
        self, code: tf.Tensor, held: Mapping[str, tf.Tensor], leak: tf.Tensor | float
    ) -> tf.Tensor:
        """Draws pictures, float32 [B, H, W, C] in [0, 1], of codes [B, *code_shape]."""
        values = {**self.plan.constants, **held, self.code: code}
        self._run(LIVE, values, leak)
        return self._border.to_images(values[self.plan.outputs[0]])

    def _run(self, kind: str, values: dict[str, tf.Tensor], leak: tf.Tensor | float) -> None:
        for step in self.plan.steps[kind]:
            inputs = [values[name] for name in step.inputs]
            if step.node.op == "Relu" and kind == LIVE:
                made = [relu(inputs[0], leak)]
            else:
                made = self._runners[step.node.name](inputs)
            values.update(zip(step.outputs, made, strict=True))

    def described(self, latents: np.ndarray, labels: np.ndarray | None) -> Network:
        """The same network without TensorFlow; its rows are those of these latents."""
        held = self.held(latents, labels)
        code = tf.zeros([len(latents), *self._shape])
        values = {**self.plan.constants, **held, self.code: code}
        self._run(LIVE, values, 0.0)
        live = self.plan.steps[LIVE]
        read = {name for step in live for name in step.inputs}
        black, white = RANGES[self._border.range]
        return Network(
            steps=tuple(_step(step, values) for step in live),
            code=self.code,
            code_shape=tuple(self._shape),
            output=self.plan.outputs[0],
            black=black,
            white=white,
            arrays={name: values[name].numpy() for name in read & self.plan.constants.keys()},
            rows={
                name: value.numpy()
                for name, value in held.items()
                if value.shape.rank and value.shape[0] == len(latents) and value.dtype.is_floating
            },
        )


def _step(step, values: Mapping[str, tf.Tensor]) -> Step:
    node, output = step.node, step.outputs[0]
    if "data_format" in node.attr and ops.attribute(node, "data_format") != "NHWC":
        raise UserError(f"node {node.name!r} has its channels first: only NHWC is compared")
    if any(split_tensor_name(name)[1] for name in step.inputs):
        raise UserError(f"node {node.name!r} reads a second output: such graphs are not compared")
    attributes = {name: ops.attribute(node, name) for name in _ATTRIBUTES.get(node.op, ())}
    return Step(node.op, step.inputs, output, tuple(values[output].shape[1:]), _plain(attributes))


def _plain(attributes: Mapping[str, object]) -> dict[str, object]:
    """Attributes as JSON has them."""
    return {k: list(v) if isinstance(v, (list, tuple)) else v for k, v in attributes.items()}
