"""Kernels are written for NHWC alone; this file lends them to NCHW graphs.

TensorFlow on a CPU has no NCHW kernels for several ops and their gradients (MaxPoolGrad,
DepthToSpace, ...). A transpose before and one after costs little: under XLA the transposes of
neighbouring ops cancel.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain
from tfinv.graph.kernels.registry import Kernel, KernelMaker

__all__ = ["channels_last", "either_layout", "to_nchw", "to_nhwc"]

_NCHW_TO_NHWC = (0, 2, 3, 1)
_NHWC_TO_NCHW = (0, 3, 1, 2)


def to_nhwc(images: tf.Tensor) -> tf.Tensor:
    """Moves the channels of [B, C, H, W] to the end."""
    return tf.transpose(images, _NCHW_TO_NHWC)


def to_nchw(images: tf.Tensor) -> tf.Tensor:
    """Moves the channels of [B, H, W, C] behind the batch."""
    return tf.transpose(images, _NHWC_TO_NCHW)


def channels_last(node: NodeDef) -> NodeDef:
    """Returns a copy of an NCHW node with the attributes that follow the layout in NHWC."""
    turned = NodeDef()
    turned.CopyFrom(node)
    turned.attr["data_format"].s = b"NHWC"
    for name in ("strides", "ksize", "dilations"):
        if name in node.attr:
            values = node.attr[name].list.i
            turned.attr[name].list.i[:] = [values[axis] for axis in _NCHW_TO_NHWC]
    pads = list(node.attr["explicit_paddings"].list.i) if "explicit_paddings" in node.attr else []
    if pads:  # (before, after) of each axis, flat
        turned.attr["explicit_paddings"].list.i[:] = [
            pads[2 * axis + side] for axis in _NCHW_TO_NHWC for side in (0, 1)
        ]
    return turned


def either_layout(maker: KernelMaker, images: int = 0, sizes: int | None = None) -> KernelMaker:
    """Makes a maker that knows only NHWC nodes serve NCHW nodes too.

    Where the maker does not apply to an NCHW node, the node's plain op runs in NHWC.

    Args:
      maker: called with nodes whose data_format is NHWC only.
      images: which input is the [B, C, H, W] tensor. Output 0 is the other one.
      sizes: which input, if any, is a shape vector in the node's layout.
    """

    def make(node: NodeDef, constants: Sequence[tf.Tensor | None]) -> Kernel | None:
        if attribute(node, "data_format") != "NCHW":
            return maker(node, constants)
        turned, constants = channels_last(node), list(constants)
        if sizes is not None and constants[sizes] is not None:
            constants[sizes] = tf.gather(constants[sizes], _NCHW_TO_NHWC)
        inner = maker(turned, constants) or plain(turned)

        def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
            inputs = list(inputs)
            inputs[images] = to_nhwc(inputs[images])
            if sizes is not None:
                # Slices and not a gather: TensorFlow's shape inference sees through them.
                shape = inputs[sizes]
                inputs[sizes] = tf.concat([shape[:1], shape[2:], shape[1:2]], axis=0)
            first, *others = inner(inputs, leak)
            return [to_nchw(first), *others]

        return kernel

    return make
