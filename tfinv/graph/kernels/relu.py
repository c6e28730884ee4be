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
      x: any float tensor. If there is one leak for each image, of shape [B, ...]; or [B * k, ...],
        where a reshape has put the k positions of each image next to each other.
      leak: scalar, or of shape [B]: one for each image. In [0, 1]; 0 is the true gradient.
    """
    x = tf.convert_to_tensor(x)
    leak = tf.stop_gradient(tf.cast(leak, x.dtype))
    if leak.shape.rank == 1:
        leak = _for_each_row(leak, x)
    return _relu(x, leak)


def _for_each_row(leak: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Returns the leaks of images in a shape that can be broadcast over x."""
    images, rows = leak.shape[0], x.shape[0] if x.shape.rank != 0 else 1
    if None not in (images, rows) and rows % images:
        # No row belongs to one image. What every image allows is wrong for none that is to have
        # its true gradient.
        return tf.reduce_min(leak)
    if images is None or images != rows:
        leak = tf.repeat(leak, tf.shape(x)[0] // tf.size(leak))
    if x.shape.rank is not None:
        return tf.reshape(leak, [-1] + [1] * (x.shape.rank - 1))
    return tf.reshape(leak, tf.concat([[-1], tf.ones([tf.rank(x) - 1], tf.int32)], 0))


@tf.custom_gradient
def _relu(x: tf.Tensor, leak: tf.Tensor):
    def backward(dy: tf.Tensor):
        return tf.where(x > 0, dy, leak * tf.minimum(dy, 0)), None

    return tf.nn.relu(x), backward


@register("Relu")
def _make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel:
    del node, constants
    return lambda inputs, leak: [relu(inputs[0], leak)]
