"""A ReLU whose gradient can wake a unit that is switched off.

     forward              backward: what reaches x

         y                                           x <= 0       x > 0
         |      /                                .-----------.-----------.
         |    /           dy < 0: y should rise  | leak * dy |    dy     |
         |  /                                    |-----------+-----------|
         |/               dy > 0: y should fall  |     0     |    dy     |
    _____|_______ x                              '-----------'-----------'
     a plain ReLU         a plain ReLU has 0 in the upper left corner too

A ReLU that is off passes no gradient, so a code that switches it off by mistake has no reason ever
to switch it on again: the unit is dead although it is needed. With the leak, a closed unit hears
those gradients, and only those, that ask it to open. A gradient that asks a closed unit to fall
further is still dropped, because falling further changes nothing. The forward pass is never
touched, so the loss that is reported is the loss of the real generator; and as the leak goes to
zero the gradient becomes the true one.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.registry import Kernel, register

__all__ = ["relu"]


def relu(x: tf.Tensor, leak: tf.Tensor | float) -> tf.Tensor:
    """Returns max(x, 0), with the modified gradient of the thesis, section 4.7.

    With dy the gradient of the loss by the output, the gradient by x is

        dy          where x > 0
        leak * dy   where x <= 0 and dy < 0
        0           elsewhere

    The leak itself gets no gradient. It is an ordinary tensor, so a loop can carry and decay it.

    Args:
      x: any float tensor, of shape [B, ...] if there is one leak for each image.
      leak: scalar, or of shape [B]: one for each image. In [0, 1]; 0 is the true gradient.
    """
    x = tf.convert_to_tensor(x)
    leak = tf.stop_gradient(tf.cast(leak, x.dtype))
    if leak.shape.rank == 1:
        leak = tf.reshape(leak, [-1] + [1] * (x.shape.rank - 1))
    return _relu(x, leak)


@tf.custom_gradient
def _relu(x: tf.Tensor, leak: tf.Tensor):
    def backward(dy: tf.Tensor):
        return tf.where(x > 0, dy, leak * tf.minimum(dy, 0)), None

    return tf.nn.relu(x), backward


@register("Relu")
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel:
    del node, constants
    return lambda inputs, leak: [relu(inputs[0], leak)]
