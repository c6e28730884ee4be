"""Which op is replaced by which kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

__all__ = ["Kernel", "KernelMaker", "kernel_for", "register"]

#: (inputs of the node, leak) -> outputs of the node.
Kernel = Callable[[Sequence[tf.Tensor], tf.Tensor], list[tf.Tensor]]

#: (node, constants) -> a kernel, or None where the plain op is to be used. `constants[i]` is the
#: eager value of input i if it is constant, else None.
KernelMaker = Callable[[NodeDef, Sequence[tf.Tensor | None]], Kernel | None]

_MAKERS: dict[str, KernelMaker] = {}


def register(*ops: str) -> Callable[[KernelMaker], KernelMaker]:
    """Decorator that makes a function the kernel maker of one or more ops."""

    def add(maker: KernelMaker) -> KernelMaker:
        for op in ops:
            if op in _MAKERS:
                raise ValueError(f"two kernel makers for the op {op}")
            _MAKERS[op] = maker
        return maker

    return add


def kernel_for(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
    """Returns the kernel that replaces a node, or None if the plain op is to be used.

    Call it once for a node, when the program is built: what depends on constants alone (a flipped
    filter, a folded scale) is computed here, eagerly, and not in every step of the loop.

    Args:
      node: the node; only its op and attributes are read.
      constants: one entry for each data input; the eager value if the input is constant, else
        None.
    """
    maker = _MAKERS.get(node.op)
    if maker is None:
        return None
    with tf.init_scope():
        return maker(node, constants)
