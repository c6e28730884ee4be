"""What pictures a network wants: which input, size, order of axes and range."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.output.border import RANGES
from tfinv.graph import ops
from tfinv.graph.kernels.resize_bilinear import bilinear_matrix, resize_by_matrices
from tfinv.graph.model import GraphModel, Port
from tfinv.graph.plan import LIVE, Plan

__all__ = [
    "INCEPTION_RANGE",
    "INCEPTION_SIZE",
    "Feed",
    "find_layout",
    "find_picture",
    "inception_layer",
    "is_inception",
    "range_of_network",
]

# TF-Hub's common signature for images, which modules with a signature of TF1 keep, is in [0, 1].
_HUB_PRODUCER, _HUB_RANGE = "TF1-Hub module", "0,1"

# InceptionV3 by names that its two makers, slim and Keras, gave its blocks: the layer of the thesis
# (section 6.2.3), and the block before that.
_INCEPTION = (("Mixed_7a", "Mixed_6e"), ("mixed8", "mixed7"))

# What it was trained on.
INCEPTION_SIZE, INCEPTION_RANGE = 299, "-1,1"

# Ops behind the input through which a range can be followed.
_PASSED = {"Cast", "Transpose", "ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"}
_AFFINE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
}
_ENDS = np.array(list(RANGES.values()))[..., None]  # [ranges, black and white, channels]
_TOLERANCE = 0.02  # of 1: 127.5 and 128 are both taken for the middle of [0, 255]


@dataclass(frozen=True)
class Feed:
    """Turns tfinv's pictures into what a network is fed, as the thesis did (section 6.2.3).

    Attributes:
      range: a name in `RANGES`: the values of black and white.
      layout: "NHWC" or "NCHW".
      size: (height, width) to resize to; None for the pictures' own.
      channels: 1 or 3; None for the pictures' own.
      dtype: of the input.
    """

    range: str
    layout: str
    size: tuple[int, int] | None
    channels: int | None
    dtype: tf.DType

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Takes float32 [B, H, W, C] in [0, 1], gives what the network's input wants."""
        if self.size not in (None, tuple(images.shape[1:3])):
            # TF1's resize_images: bilinear, corners not aligned, no half pixels.
            matrices = (
                tf.constant(bilinear_matrix(old, new, False, False))
                for old, new in zip(images.shape[1:3], self.size, strict=True)
            )
            images = resize_by_matrices(images, *matrices)
        if self.channels == 3 and images.shape[3] == 1:
            images = tf.repeat(images, 3, axis=3)
        low, high = RANGES[self.range]
        if (low, high) != (0.0, 1.0):
            images = images * (high - low) + low
        if self.layout == "NCHW":
            images = tf.transpose(images, [0, 3, 1, 2])
        return tf.cast(images, self.dtype)


def find_picture(model: GraphModel) -> Port:
    """The input that takes pictures: the only one of rank 4.

    Raises:
      UserError: none or several do, or it takes integers, which pass no gradient.
    """
    ports = [port for port in model.inputs if port.shape is not None and len(port.shape) == 4]
    taken = ", ".join(
        f"{p.key} {p.dtype.name} {'?' if p.shape is None else list(p.shape)}" for p in model.inputs
    )
    if len(ports) != 1:
        number = f"{len(ports)} pictures" if ports else "no picture"
        raise UserError(
            f"{model.path} takes {number} (its inputs: {taken or 'none'}), where one input of rank "
            "4 is needed for features"
        )
    if not ports[0].dtype.is_floating:
        raise UserError(
            f"{model.path} takes pictures of {ports[0].dtype.name}, which let no gradient through: "
            "export it without the cast"
        )
    return ports[0]


def find_layout(port: Port) -> str:
    """NHWC or NCHW, told by where the 1 or 3 channels are; NHWC if nothing tells."""
    return "NCHW" if port.shape[3] not in (1, 3) and port.shape[1] in (1, 3) else "NHWC"


def is_inception(model: GraphModel) -> bool:
    """Whether a network is InceptionV3, of slim or of Keras, by the names of its blocks."""
    return inception_layer(model) is not None


def inception_layer(model: GraphModel) -> str | None:
    """The layer that the thesis compares features at, if a network is InceptionV3; else None."""
    # Keras 3 puts "_1" behind the names of its layers.
    parts = {re.sub(r"_\d+$", "", part) for node in model.nodes for part in node.split("/")}
    return next((marks[0] for marks in _INCEPTION if parts.issuperset(marks)), None)


def range_of_network(model: GraphModel, plan: Plan, inception: bool) -> str | None:
    """The range that a network wants its pictures in, a name in `RANGES`; None if nothing tells.

    What it does first decides: 2x - 1 is for [0, 1], x / 127.5 - 1 for [0, 255]. A network that
    does nothing of the kind is told by what it is: TF-Hub's modules of TF1 take [0, 1], InceptionV3
    elsewhere [-1, 1].

    Args:
      model: the network.
      plan: of it, its picture live.
      inception: whether it is InceptionV3.
    """
    proved = _range_of_graph(plan)
    if proved is not None:
        return proved
    if model.producer == _HUB_PRODUCER:
        return _HUB_RANGE
    return INCEPTION_RANGE if inception else None


def _range_of_graph(plan: Plan) -> str | None:
    """Follows a x + b from the input as long as all that reads it is the next of such steps."""
    [tensor] = plan.fed[LIVE]
    ends = _ENDS
    while True:
        readers = [s for s in plan.steps[LIVE] if tensor in s.inputs and ops.reads_values(s.node)]
        if len(readers) != 1:
            return None
        [step] = readers
        tensor = step.outputs[0]
        if step.node.op in _PASSED:
            continue
        operands = [plan.constants.get(name) for name in step.inputs]
        if step.node.op not in _AFFINE or len([o for o in operands if o is not None]) != 1:
            return None
        operands = [ends if o is None else o.numpy().reshape(-1) for o in operands]
        if any(o.size > 4 for o in operands if o is not ends):
            return None
        ends = _AFFINE[step.node.op](*operands)
        for name, now in zip(RANGES, ends, strict=True):
            if any(name != other and _near(now, RANGES[other]) for other in RANGES):
                return name


def _near(ends: np.ndarray, bounds: tuple[float, float]) -> bool:
    """Whether black and white, float [2, channels], are where a range has them."""
    low, high = bounds
    return bool(np.all(np.abs(ends - [[low], [high]]) < _TOLERANCE * (high - low)))
