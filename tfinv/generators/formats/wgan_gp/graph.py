"""A network of improved_wgan_training as a graph: once to measure batch norm, once to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.graph.model import GraphModel, Port
from tfinv.graph.reading.freeze import build_model
from tfinv.networks.wgan_gp import Recognised
from tfinv.networks.wgan_gp_layers import Layers, Moments

__all__ = ["Layout"]

v1 = tf.compat.v1
Arrays = Mapping[str, np.ndarray]

_PRODUCER = "WGAN-GP checkpoint"


class Layout:
    """A network laid out by the shapes of its arrays, whose values come later.

    Args:
      network: from `networks.wgan_gp.recognise`.
      shapes: of its arrays by name; those that it does not use do not matter.
      path: of the file, for GraphModel and for messages.

    Attributes:
      network: as given.
      arrays: names of the arrays that it uses.
      statistics: shapes of `<norm>.mean` and `<norm>.variance`, which it uses besides, in the order
        of its batch normalisations.

    Raises:
      UserError: an array is missing or has a wrong shape.
    """

    def __init__(self, network: Recognised, shapes: Mapping[str, tuple[int, ...]], path: str):
        self.network, self._shapes, self._path = network, shapes, path
        graph, outputs = self._draw(measure=True)
        operations = graph.get_operations()
        self.arrays = [_short(op.name) for op in operations if op.type == "VariableV2"]
        self.statistics = {
            key: tuple(tensor.shape.as_list()) for key, tensor in outputs.items() if key != "images"
        }

    def generator(self, arrays: Arrays) -> GraphModel:
        """The generator: z and labels to float32 NCHW pictures, from its arrays and statistics."""
        return self._build(arrays, measure=False)

    def measuring(self, arrays: Arrays) -> GraphModel:
        """The generator on batch statistics, from its arrays; its outputs are `statistics`."""
        return self._build(arrays, measure=True)

    def _build(self, arrays: Arrays, measure: bool) -> GraphModel:
        graph, outputs = self._draw(measure)
        inputs = ("z", "labels") if self.network.classes else ("z",)
        return build_model(
            graph.as_graph_def(),
            [_port(key, graph.get_tensor_by_name(f"{key}:0")) for key in inputs],
            [_port(key, tensor) for key, tensor in outputs.items() if measure != (key == "images")],
            lambda node: arrays[_short(node.name)],
            _PRODUCER,
            self._path,
        )

    def _draw(self, measure: bool) -> tuple[tf.Graph, dict[str, tf.Tensor]]:
        """The graph and, by key, the pictures and what was measured."""
        outputs = {}

        def moments(name: str, x: tf.Tensor, axes: Sequence[int]) -> Moments:
            if not measure:
                shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
                return _variable(f"{name}.mean", shape), _variable(f"{name}.variance", shape)
            mean = tf.reduce_mean(x, axes, keepdims=True)
            variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=True)
            outputs.update({f"{name}.mean": mean, f"{name}.variance": variance})
            return mean, variance

        with tf.Graph().as_default() as graph:
            z = v1.placeholder(tf.float32, [None, self.network.latent_size], "z")
            labels = v1.placeholder(tf.int32, [None], "labels") if self.network.classes else None
            layers = Layers(
                self._shapes, lambda name: _variable(name, self._shapes[name]), moments, self._path
            )
            outputs["images"] = self.network.draw(layers, z, labels)
        return graph, outputs


def _variable(name: str, shape: Sequence[int]) -> tf.Tensor:
    """A node that stands for an array; `build_model` asks for the array when it needs it."""
    return tf.raw_ops.VariableV2(shape=shape, dtype=tf.float32, name=name)


def _short(node: str) -> str:
    return node.rpartition("/")[2]


def _port(key: str, tensor: tf.Tensor) -> Port:
    return Port(key, tensor.name, tensor.dtype, tuple(tensor.shape.as_list()))
