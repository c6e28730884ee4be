"""Transposed convolution by a constant filter, without the multiplications by zero.

A transposed convolution of stride 2 is usually computed by putting zeros between the pixels and
convolving: three of four products are zero. Seen from the output, along one axis, taps a b c d e:

     input        x0      x1      x2      x3
     output    0  1   2   3   4   5   6   7
               |  |   |   |
               |  |   |   '-- 3: a*x2 + c*x1 + e*x0     odd outputs: taps a, c, e
               |  |   '------ 2: b*x1 + d*x0            even outputs: taps b, d
               |  '---------- 1: a*x1 + c*x0
               '------------- 0: b*x0

so the even outputs are an ordinary convolution of the input with (d, b) and the odd ones with
(e, c, a): one convolution for each of the stride's phases, interleaved. Where the output has few
channels (a picture), one convolution that makes all phases at once, with zeros where a phase has
no tap, uses the machine better; `depth_to_space` does the interleaving.

The gradient by the input is the strided convolution whose transpose this is: an ordinary
convolution by the very same filter, written out because TensorFlow's own gradient of the phases
would take them one by one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain, static_sizes
from tfinv.graph.kernels.constant_filter import (
    constant_convolution,
    forward_pads,
    pad_and_convolve,
)
from tfinv.graph.kernels.layout import either_layout
from tfinv.graph.kernels.registry import Kernel, register

__all__ = ["Axis", "by_one_convolution", "by_phases", "transposed_convolution"]

# Up to this many channels (output channels times phases) one convolution for all phases is as
# quick or quicker: measured with XLA on a CPU for 3, 4 and 5 taps, stride 2, 3 to 64 channels.
_ONE_CONVOLUTION_CHANNELS = 32


@dataclass(frozen=True)
class Axis:
    """Height or width of a transposed convolution: y[stride * m + u - pad] += w[u] * x[m].

    Attributes:
      taps: size of the filter along this axis; 0 <= u < taps.
      stride: outputs for each input.
      pad: zeros that the forward convolution puts before its input, which y stands for.
      inputs: size of x.
      outputs: size of y.
    """

    taps: int
    stride: int
    pad: int
    inputs: int
    outputs: int

    @property
    def length(self) -> int:
        """Outputs of one phase, those beyond the end of y included."""
        return -(-self.outputs // self.stride)

    @property
    def end(self) -> int:
        """Zeros that the forward convolution needs after its input; negative: inputs unused."""
        return (self.inputs - 1) * self.stride + self.taps - self.pad - self.outputs

    def reads(self, phase: int) -> list[tuple[int, int]]:
        """Returns (offset, u), by offset: y[stride * q + phase] sums x[q + offset] * w[u]."""
        pairs = [(phase + self.pad - u, u) for u in range(self.taps)]
        reads = [(d // self.stride, u) for d, u in pairs if d % self.stride == 0]
        return sorted((d, u) for d, u in reads if -self.length < d < self.inputs)

    def phase_pads(self, first: int, last: int) -> tuple[int, int]:
        """Returns the pads with which a phase reads x at the offsets first to last."""
        return -first, self.length - 1 + last - (self.inputs - 1)


def transposed_convolution(
    filters: np.ndarray, rows: Axis, columns: Axis
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the transposed convolution by a filter that gets no gradient.

    Args:
      filters: [rows, columns, out, in], as in `tf.nn.conv2d_transpose`.
      rows: the height.
      columns: the width.

    Returns:
      A function of x [B, h, w, in] to [B, H, W, out], differentiable by x.
    """
    phases = rows.stride * columns.stride
    few = filters.shape[2] * phases <= _ONE_CONVOLUTION_CHANNELS
    forward = (by_one_convolution if few else by_phases)(filters, rows, columns)
    strides, pads = (rows.stride, columns.stride), [(a.pad, a.end) for a in (rows, columns)]
    with tf.init_scope():
        strided_filter = tf.constant(filters)

    @tf.custom_gradient
    def convolve(x: tf.Tensor):
        def backward(dy: tf.Tensor) -> tf.Tensor:
            return pad_and_convolve(dy, strided_filter, pads, strides)

        return forward(x), backward

    return convolve


def by_phases(filters: np.ndarray, rows: Axis, columns: Axis) -> Callable[[tf.Tensor], tf.Tensor]:
    """The transposed convolution as one small convolution for each phase, interleaved."""
    phases = [
        _phase(filters, rows, columns, rows.reads(r), columns.reads(c))
        for r in range(rows.stride)
        for c in range(columns.stride)
    ]

    def convolve(x: tf.Tensor) -> tf.Tensor:
        parts = tf.stack([phase(x) for phase in phases], axis=3)  # [B, q, q', phases, out]
        return _interleave(parts, rows, columns)

    return convolve


def _phase(
    filters: np.ndarray,
    rows: Axis,
    columns: Axis,
    row_reads: list[tuple[int, int]],
    column_reads: list[tuple[int, int]],
) -> Callable[[tf.Tensor], tf.Tensor]:
    if not row_reads or not column_reads:  # fewer taps than phases: nothing reaches this one
        size = (rows.length, columns.length, filters.shape[2])
        return lambda x: tf.zeros([tf.shape(x)[0], *size], x.dtype)
    taps = filters[[u for _, u in row_reads]][:, [v for _, v in column_reads]]
    pads = (
        rows.phase_pads(row_reads[0][0], row_reads[-1][0]),
        columns.phase_pads(column_reads[0][0], column_reads[-1][0]),
    )
    return constant_convolution(taps.transpose(0, 1, 3, 2), pads)


def by_one_convolution(
    filters: np.ndarray, rows: Axis, columns: Axis
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The transposed convolution as one convolution to all phases' channels, interleaved."""
    first, last = zip(_span(rows), _span(columns), strict=True)
    _, _, outputs, inputs = filters.shape
    all_phases = np.zeros(
        [
            last[0] - first[0] + 1,
            last[1] - first[1] + 1,
            inputs,
            rows.stride,
            columns.stride,
            outputs,
        ],
        filters.dtype,
    )
    for r in range(rows.stride):
        for c in range(columns.stride):
            for d, u in rows.reads(r):
                for e, v in columns.reads(c):
                    all_phases[d - first[0], e - first[1], :, r, c, :] = filters[u, v].T
    pads = rows.phase_pads(first[0], last[0]), columns.phase_pads(first[1], last[1])
    joint = constant_convolution(all_phases.reshape(*all_phases.shape[:3], -1), pads)
    shape = [-1, rows.length, columns.length, rows.stride * columns.stride, outputs]
    return lambda x: _interleave(tf.reshape(joint(x), shape), rows, columns)


def _span(axis: Axis) -> tuple[int, int]:
    offsets = [d for phase in range(axis.stride) for d, _ in axis.reads(phase)]
    return min(offsets), max(offsets)


def _interleave(parts: tf.Tensor, rows: Axis, columns: Axis) -> tf.Tensor:
    """Takes [B, q, q', phases, out] to [B, H, W, out]; the column's phase changes quickest."""
    outputs = parts.shape[-1]
    parts = tf.reshape(
        parts, [-1, rows.length, columns.length, rows.stride, columns.stride, outputs]
    )
    whole = tf.reshape(
        tf.transpose(parts, [0, 1, 3, 2, 4, 5]),
        [-1, rows.length * rows.stride, columns.length * columns.stride, outputs],
    )
    return whole[:, : rows.outputs, : columns.outputs, :]


@register("Conv2DBackpropInput")
@functools.partial(either_layout, images=2, sizes=0)
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    if constants[1] is None or set(attribute(node, "dilations")) != {1}:
        return None
    filters = constants[1].numpy()
    strides = attribute(node, "strides")[1:3]
    otherwise = plain(node)

    @functools.cache
    def convolution(inputs: tuple[int, int], outputs: tuple[int, int]):
        pads = forward_pads(node, filters.shape[:2], outputs)
        rows, columns = (
            Axis(taps, stride, before, size, target)
            for taps, stride, (before, _), size, target in zip(
                filters.shape[:2], strides, pads, inputs, outputs, strict=True
            )
        )
        return transposed_convolution(filters, rows, columns)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        sizes, _, x = inputs
        *outputs, channels = static_sizes(sizes)[1:]
        spatial = x.shape[1:3].as_list()
        grouped = channels != filters.shape[2]
        if grouped or None in outputs or None in spatial:
            return otherwise(inputs, leak)
        return [convolution(tuple(spatial), tuple(outputs))(x)]

    return kernel
