"""Which entries of an attention map are which positions of the picture: asked, not guessed.

A map [N, M] does not say how its N queries lie on the picture, nor that they do at all: reshapes
and transposes stand between. So the numbers at half of the positions of the last convolution (or
pooling, ...) in front of it are changed, and the rows and columns of the logits that change with
them are those positions'. Over all bits of a position's number this gives each row its position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.graph import ops
from tfinv.graph.interpret import Program
from tfinv.graph.model import GraphModel
from tfinv.graph.plan import Step
from tfinv.graph.structure import PRODUCTS, Structure
from tfinv.graph.walk import canonical

__all__ = ["Grid", "Logits", "Probe", "grid_of_proportions"]

# Ops whose result [batch, height, width, channels] (or channels first, and then they say so) is
# laid out on the picture.
_SPATIAL = frozenset(
    {
        "AvgPool",
        "Conv2D",
        "Conv2DBackpropInput",
        "Conv2DBackpropInputV2",
        "DepthToSpace",
        "DepthwiseConv2dNative",
        "MaxPool",
        "MaxPoolV2",
        "ResizeBicubic",
        "ResizeBilinear",
        "ResizeNearestNeighbor",
        "SpaceToDepth",
    }
)
_CHANGED = 1e-4  # of the largest change; less is rounding
_ALL = 0.75  # of a row: where q and k are one tensor, other rows change in half of their entries


@dataclass(frozen=True, eq=False)
class Grid:
    """Positions on the picture.

    Attributes:
      height: rows of positions.
      width: positions in a row.
      order: int64 [height * width], which entry of a flat axis is at each position, the positions
        in reading order.
    """

    height: int
    width: int
    order: np.ndarray


@dataclass(frozen=True)
class Logits:
    """What a softmax reads.

    Attributes:
      tensor: "node:k", per picture [..., M]: axes of heads and queries, then the keys.
      operands: the two tensors whose product it is.
    """

    tensor: str
    operands: tuple[str, str]


@dataclass(frozen=True, eq=False)
class Side:
    """What one operand of the logits stands for.

    Attributes:
      queries: the grid that it gives to the rows, or None.
      heads: the axes before the last along which those rows repeat.
      keys: the grid that it gives to the last axis, or None.
    """

    queries: Grid | None
    heads: tuple[int, ...]
    keys: Grid | None


class Probe:
    """Asks a graph for the positions behind its attention maps.

    Attributes:
      producers: the step that computes each tensor between latent and picture.
    """

    def __init__(
        self,
        model: GraphModel,
        structure: Structure,
        constants: Mapping[str, np.ndarray | float] | None,
    ):
        self.producers = {name: step for step in structure.steps for name in step.outputs}
        self._model, self._structure, self._constants = model, structure, constants
        given = {canonical(name) for name in constants or {}}
        ports = [port for port in model.inputs if canonical(port.tensor) not in given]
        self._inputs = [port.tensor for port in ports]
        self._rng = np.random.default_rng(0)
        shapes = [port.shape or (None,) for port in ports]
        self._batch = next((shape[0] for shape in shapes if shape[0]), 1)
        self._feeds = [
            self._random([self._batch, *(size or 1 for size in shape[1:])], port.dtype)
            for shape, port in zip(shapes, ports, strict=True)
        ]

    def side(self, logits: Logits, operand: str) -> Side | None:
        """Which rows or columns of the logits follow the positions of an operand.

        Returns:
          None if nothing in front of the operand has a layout that can be told.
        """
        source = self._source(operand)
        if source is None:
            return None
        shape = self._structure.shapes[source]
        format_ = _data_format(self.producers[source])
        height, width = shape[1:] if format_ == "NCHW" else shape[:2]
        places = np.arange(height * width)
        rows = columns = 0
        one, other = (self._random([1, *shape], self._type(source)) for _ in range(2))
        ask = self._question(logits, operand, source)
        before = ask(one)
        for bit in range(int(height * width - 1).bit_length()):
            mask = (places >> bit & 1).reshape(height, width).astype(bool)
            mask = mask[None] if format_ == "NCHW" else mask[:, :, None]
            after = ask(tf.where(mask[None], other, one))
            after -= before
            np.abs(after, out=after)
            changed = after > _CHANGED * after.max()
            rows = rows | (changed.mean(-1) > _ALL).astype(np.int64) << bit
            across = changed.mean(tuple(range(changed.ndim - 1)))
            columns = columns | (across > _ALL).astype(np.int64) << bit
        heads = tuple(k for k in range(np.ndim(rows)) if not np.ptp(rows, k).any())
        rows = np.asarray(rows)[tuple(0 if k in heads else slice(None) for k in range(rows.ndim))]
        return Side(_grid(rows, height, width), heads, _grid(columns, height, width))

    def _source(self, operand: str) -> str | None:
        """The nearest tensor in front that is laid out on the picture, if nothing mixes it."""
        queue, seen, nearest = [operand], {operand}, None
        for name in queue:  # grows on the way
            step = self.producers.get(name)
            if step is None:
                continue
            if step.node.op in _SPATIAL and len(self._structure.shapes.get(name, ())) == 3:
                nearest = nearest or name
                continue
            if step.node.op in PRODUCTS and len(self._structure.carried(step)) > 1:
                return None  # another attention block, behind which all positions are in each
            more = [t for t in self._structure.trunk_inputs(step) if t not in seen]
            queue += more
            seen.update(more)
        return nearest

    def _question(self, logits: Logits, operand: str, source: str):
        """From the source, float [1, ...], to the logits, with the other operand as it may be."""
        first = self._program(operand, [source])
        live = list(dict.fromkeys(logits.operands))
        second = self._program(logits.tensor, live)
        held = {
            name: self._random([self._batch, *self._structure.shapes[name]], self._type(name))
            for name in live
        }
        frontiers = first.prepare(*self._feeds), second.prepare(*self._feeds)

        def ask(values: tf.Tensor) -> np.ndarray:
            values = tf.repeat(values, self._batch, 0)
            values = first.run([values], frontiers[0])[0]
            values = [values if name == operand else held[name] for name in live]
            return second.run(values, frontiers[1])[0][0].numpy()

        return ask

    def _program(self, tensor: str, live: list[str]) -> Program:
        return Program(
            self._model, [tensor], live=live, per_batch=self._inputs, constants=self._constants
        )

    def _type(self, tensor: str) -> tf.DType:
        return ops.tensor_type(self._model.nodes, tensor)

    def _random(self, shape, dtype: tf.DType) -> tf.Tensor:
        """Values of no special kind; positive, or a ReLU might hide them."""
        if not dtype.is_floating:
            return tf.zeros(shape, dtype)
        return tf.cast(self._rng.uniform(0.5, 1.5, shape), dtype)


def grid_of_proportions(count: int, size: tuple[int, int]) -> Grid | None:
    """The grid of so many positions, in reading order, that has the proportions of a picture.

    Returns:
      None if there is none, or it is a single position.
    """
    height = round((count * size[0] / size[1]) ** 0.5)
    width = count // max(height, 1)
    if height * width != count or height * size[1] != width * size[0] or count < 2:
        return None
    return Grid(height, width, np.arange(count))


def _grid(numbers: np.ndarray, height: int, width: int) -> Grid | None:
    """The grid of entries with these positions; None unless each position has one entry."""
    numbers = np.ravel(numbers)
    order = np.argsort(numbers, kind="stable")
    if not np.array_equal(numbers[order], np.arange(height * width)) or len(order) < 2:
        return None
    return Grid(height, width, order)


def _data_format(step: Step) -> str:
    declared = {attr.name for attr in ops.op_def(step.node).attr}
    return str(ops.attribute(step.node, "data_format")) if "data_format" in declared else "NHWC"
