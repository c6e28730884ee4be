"""Replacements for TensorFlow ops: the same values, a quicker or a kinder backward pass.

Every kernel works eagerly, in `tf.function`, under XLA inside a `tf.while_loop`, and under
`tf.GradientTape`.
"""

from __future__ import annotations

# Importing a module registers its kernels.
from tfinv.graph.kernels import (  # noqa: F401
    batch_norm,
    channels_first,
    convolution,
    pooling,
    relu,
    resize_bilinear,
    resize_by_op,
    resize_nearest,
    transposed_convolution,
)
from tfinv.graph.kernels.attributes import plain
from tfinv.graph.kernels.registry import Kernel, KernelMaker, kernel_for, register
from tfinv.graph.kernels.upsampled_convolution import kernel_for_pair

__all__ = ["Kernel", "KernelMaker", "kernel_for", "kernel_for_pair", "plain", "register"]
