"""Which axes of a raw picture are height, width and channels.

The shape tells, if a picture has three axes and one end is 1 or 3. A flat picture was mostly
flattened by a Reshape, and what that read has axes. Where even this is missing the picture is taken
to be square, and the order of its axes to be the one in which neighbouring values are more alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.output.border import LAYOUTS
from tfinv.graph.facts import RENAMING, Facts
from tfinv.graph.model import split_tensor_name

__all__ = ["Layout", "find_layout", "flattened"]

_CHANNELS = (1, 3)
_SAME_SHAPE = RENAMING | {
    "Add",
    "AddV2",
    "ClipByValue",
    "Div",
    "Maximum",
    "Minimum",
    "Mul",
    "Neg",
    "RealDiv",
    "Relu",
    "Relu6",
    "Sigmoid",
    "Sub",
    "Tanh",
}

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """How a raw picture is arranged.

    Attributes:
      order: a name in `LAYOUTS`.
      shape: its three axes in that order.
      found: how that is known.
      is_guess: whether the user should be told to check it.
    """

    order: str
    shape: tuple[int, int, int]
    found: str
    is_guess: bool = False

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.shape if self.order == "NHWC" else (*self.shape[1:], self.shape[0])


def find_layout(
    raw: Shape,
    asked: str | None,
    path: str,
    before_flattening: Callable[[], Shape | None],
    samples: Callable[[], np.ndarray],
) -> Layout:
    """Finds out how pictures are arranged.

    Args:
      raw: the shape of one raw picture.
      asked: what the user says, a name in `LAYOUTS`, or None.
      path: of the generator, for messages.
      before_flattening: gives the shape of a picture before the graph flattened it, or None.
      samples: draws a few raw pictures, float [N, *raw].

    Raises:
      UserError: if that is no picture of 1 or 3 channels.
    """
    if math.prod(raw) in _CHANNELS:
        raise UserError(
            f"{path} gives {list(raw)} for each latent, one pixel at most, as a discriminator's "
            "score is: save the generator alone, or name the picture's tensor with --output"
        )
    if asked is not None and asked not in LAYOUTS:
        raise UserError(f"--image_layout={asked} is not known: it is one of {', '.join(LAYOUTS)}")
    shape, found = raw, "its shape"
    if len(raw) == 1:
        before = before_flattening()
        if before is not None and math.prod(before) == raw[0] and len(before) in (2, 3):
            shape, found = before, "the shape before it is flattened"
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) == 3:
        return _of_axes(shape, asked, found, raw, path)
    if len(shape) == 1:
        return _of_square(raw[0], asked, samples, path)
    raise UserError(_no_picture(raw, asked, path))


def _of_axes(shape: Shape, asked: str | None, found: str, raw: Shape, path: str) -> Layout:
    fitting = [
        order
        for order, channels in (("NHWC", shape[-1]), ("NCHW", shape[0]))
        if channels in _CHANNELS
    ]
    if asked is not None:
        fitting = [asked] if asked in fitting else []
        found = "--image_layout"
    if not fitting:
        raise UserError(_no_picture(raw, asked, path))
    return Layout(fitting[0], shape, found)


def _of_square(size: int, asked: str | None, samples, path: str) -> Layout:
    """A flat picture: of one channel if its size is a square number, of three if a third of it is.

    It cannot be both, because 3 is no square of a fraction.
    """
    for channels in _CHANNELS:
        side = math.isqrt(size // channels)
        if side * side * channels == size:
            break
    else:
        raise UserError(_no_picture((size,), asked, path))
    shapes = {"NHWC": (side, side, channels), "NCHW": (channels, side, side)}
    if channels == 1 or asked is not None:
        order = asked or "NHWC"
        return Layout(order, shapes[order], "its size, taken for a square", channels == 1)
    flat = samples().astype(np.float64)
    rough = {
        order: _roughness(flat.reshape(-1, *shape), axis=2 if order == "NHWC" else 3)
        for order, shape in shapes.items()
    }
    order = min(rough, key=rough.get)
    return Layout(
        order, shapes[order], f"its size, taken for a square, smoother as {order}", is_guess=True
    )


def _roughness(pictures: np.ndarray, axis: int) -> float:
    """Mean difference of neighbours in a row."""
    return float(np.abs(np.diff(pictures, axis=axis)).mean())


def _no_picture(raw: Shape, asked: str | None, path: str) -> str:
    if len(raw) == 3 and 4 in (raw[0], raw[-1]) and asked is None:
        return (
            f"{path} gives {list(raw)} for each latent, a picture of 4 channels, where 1 or 3 are "
            "needed: export it without transparency, or name another tensor with --output"
        )
    layout = f" (layout {asked})" if asked else ""
    return (
        f"{path} gives {list(raw)} for each latent, which is no picture of 1 or 3 channels{layout};"
        f" name another tensor with --output, or say --image_layout, one of {', '.join(LAYOUTS)}"
    )


def flattened(facts: Facts, tensor: str) -> str | None:
    """The tensor that a graph flattens at its very end to make a picture; None if it does not."""
    node = facts.model.nodes[split_tensor_name(tensor)[0]]
    for _ in range(len(facts.model.nodes)):
        if node.op == "Reshape":
            return node.input[0]
        carried = [name for name in node.input if facts.constant(name) is None]
        if node.op not in _SAME_SHAPE or len(carried) != 1:
            return None
        node = facts.model.nodes[split_tensor_name(carried[0])[0]]
    return None
