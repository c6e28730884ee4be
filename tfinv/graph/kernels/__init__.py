"""Replacements for TensorFlow ops: the same values, a quicker or a kinder backward pass.

Every kernel works eagerly, in `tf.function`, under XLA inside a `tf.while_loop`, and under
`tf.GradientTape`.
"""

from __future__ import annotations

from tfinv.graph.kernels.registry import Kernel, KernelMaker, kernel_for, register

__all__ = ["Kernel", "KernelMaker", "kernel_for", "register"]
