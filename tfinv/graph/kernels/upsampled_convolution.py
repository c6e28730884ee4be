"""A nearest-neighbour upsampling and the convolution behind it, as one operation at the low size.

Behind an upsampling by 2, neighbouring pixels are equal in pairs, and a convolution multiplies the
same number by several taps. Summing those taps in advance saves more than half of the products; of
taps a b c along one axis, with the input's pixels x0 x1:

    upsampled      x0   x0   x1   x1
    output 1       a    b    c              (a + b) * x0 + c * x1
    output 2            a    b    c         a * x0 + (b + c) * x1

These are the phases of a transposed convolution of stride 2, whose filter is that of the
convolution turned round and convolved with a box of 2: 2x2 taps a phase in the place of 3x3. A 1x1
convolution sees no neighbours at all: it is done before the upsampling, on a quarter of the pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels.attributes import attribute, plain, static_sizes
from tfinv.graph.kernels.constant_filter import Pads, constant_convolution, forward_pads
from tfinv.graph.kernels.registry import Kernel, kernel_for
from tfinv.graph.kernels.resize_nearest import repeat_pixels, repetitions
from tfinv.graph.kernels.transposed_convolution import Axis, transposed_convolution

__all__ = ["kernel_for_pair", "upsampled_convolution"]


def upsampled_convolution(
    filters: np.ndarray, pads: Pads, factors: Sequence[int], inputs: Sequence[int]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the stride-1 convolution of an image whose every pixel is repeated.

    Args:
      filters: [rows, columns, in, out]; they get no gradient.
      pads: zeros around the upsampled image; each from 0 to one less than the filter's taps.
      factors: how often each row and each column is repeated.
      inputs: rows and columns before.

    Returns:
      A function of x [B, *inputs, in] to [B, H, W, out], differentiable by x.
    """
    if filters.shape[:2] == (1, 1):
        convolve = constant_convolution(filters, pads)
        return lambda x: repeat_pixels(convolve(x), *factors)
    turned = filters[::-1, ::-1].transpose(0, 1, 3, 2)
    for axis, factor in enumerate(factors):
        turned = _boxed(turned, axis, factor)
    rows, columns = (
        Axis(
            taps + factor - 1,
            factor,
            taps - 1 - before,
            size,
            factor * size + before + after - taps + 1,
        )
        for taps, factor, (before, after), size in zip(
            filters.shape[:2], factors, pads, inputs, strict=True
        )
    )
    return transposed_convolution(turned, rows, columns)


def _boxed(filters: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Filters convolved along an axis with `size` ones."""
    around = [(0, size - 1) if k == axis else (0, 0) for k in range(4)]
    longer = np.pad(filters, around)
    return sum(np.roll(longer, shift, axis) for shift in range(size))


def kernel_for_pair(
    resize: NodeDef, convolution: NodeDef, constants: Sequence[tf.Tensor | None]
) -> Kernel | None:
    """Returns the kernel of a ResizeNearestNeighbor that nothing but a Conv2D reads, and of that.

    Args:
      resize: the first node.
      convolution: the second.
      constants: the values of those of the kernel's inputs that are constant, else None: the image,
        the size to resize to, the filter.

    Returns:
      A kernel that returns the convolution's output; None where the two are better left alone.
    """
    unit = all(set(attribute(convolution, name)) == {1} for name in ("strides", "dilations"))
    if constants[2] is None or not unit or attribute(convolution, "data_format") != "NHWC":
        return None
    filters = constants[2].numpy()
    conventions = attribute(resize, "align_corners"), attribute(resize, "half_pixel_centers")
    apart = _one_by_one(resize, convolution, constants)

    @functools.cache
    def together(old: tuple[int, int], new: tuple[int, int]):
        factors = repetitions(old, new, *conventions)
        pads = forward_pads(convolution, filters.shape[:2], new)
        fits = all(max(pair) < taps for pair, taps in zip(pads, filters.shape[:2], strict=True))
        if factors is None or not fits:
            return None
        return upsampled_convolution(filters, pads, factors, old)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        x, size, _ = inputs
        old, new = x.shape[1:3].as_list(), static_sizes(size)
        known = None not in (*old, *new) and x.shape[3] == filters.shape[2]
        convolve = together(tuple(old), tuple(new)) if known else None
        return apart(inputs, leak) if convolve is None else [convolve(x)]

    return kernel


def _one_by_one(
    resize: NodeDef, convolution: NodeDef, constants: Sequence[tf.Tensor | None]
) -> Kernel:
    image, size, filters = constants
    first = kernel_for(resize, [image, size]) or plain(resize)
    second = kernel_for(convolution, [None, filters]) or plain(convolution)

    def kernel(inputs: Sequence[tf.Tensor], leak: tf.Tensor) -> list[tf.Tensor]:
        [upsampled] = first(inputs[:2], leak)
        return second([upsampled, inputs[2]], leak)

    return kernel
