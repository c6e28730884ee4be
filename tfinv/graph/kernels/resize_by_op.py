"""Bicubic and area resizing as matrix products.

XLA has no ResizeBicubic and TensorFlow no gradient of ResizeArea. Both are linear and work on rows
and columns apart, so each is Y = A X B' with one matrix for the rows and one for the columns; and
what the op itself makes of unit vectors are the columns of that matrix, in every convention.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute
from tfinv.graph.kernels.registry import Kernel, register
from tfinv.graph.kernels.resize_bilinear import matrix_kernel

__all__ = ["matrix_of_op"]


def matrix_of_op(op: str, inputs: int, outputs: int, **conventions: bool) -> tf.Tensor:
    """Returns the weight of each input row in each output row.

    Args:
      op: "ResizeBicubic" or "ResizeArea".
      inputs: rows (or columns) of the input.
      outputs: of the output.
      **conventions: attributes of the op, such as align_corners.

    Returns:
      float32 [outputs, inputs], each row with a sum of 1.
    """
    # One image, one pixel wide; channel k is the unit vector k.
    units = tf.reshape(tf.eye(inputs), [1, inputs, 1, inputs])
    resized = getattr(tf.raw_ops, op)(images=units, size=[outputs, 1], **conventions)
    return tf.reshape(resized, [outputs, inputs])


@register("ResizeBicubic", "ResizeArea")
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel:
    del constants
    names = ("align_corners", "half_pixel_centers")[: 2 if node.op == "ResizeBicubic" else 1]
    conventions = {name: attribute(node, name) for name in names}
    return matrix_kernel(
        node, lambda inputs, outputs: matrix_of_op(node.op, inputs, outputs, **conventions)
    )
