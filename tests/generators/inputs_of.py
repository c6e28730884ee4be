"""Graphs with any inputs, for tests of what inputs are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from graph import graphs

from tfinv.graph.facts import Facts
from tfinv.graph.model import GraphModel

v1 = tf.compat.v1
Spec = tuple[tf.DType, list[int | None] | None]


def model_of(
    inputs: Mapping[str, Spec], draw: Callable[..., tf.Tensor], defaults: Mapping[str, object] = {}
) -> GraphModel:
    """The graph of `draw`, whose arguments are the inputs by name."""
    with tf.Graph().as_default() as graph:
        given = {
            key: v1.placeholder_with_default(np.asarray(defaults[key], dtype.as_numpy_dtype), shape)
            if key in defaults
            else v1.placeholder(dtype, shape, key)
            for key, (dtype, shape) in inputs.items()
        }
        return graphs.to_model(graph, given, draw(**given))


def facts_of(model: GraphModel) -> Facts:
    """Of the only output."""
    return Facts(model, model.outputs[0].tensor)


def sum_of_all(**inputs: tf.Tensor) -> tf.Tensor:
    """Something that reads every input, whatever it is, and gives [N, 2, 2, 3]."""
    total = tf.constant(0.0)
    count = 1
    for value in inputs.values():
        if value.shape.rank and value.shape.rank > 1:
            count = tf.shape(value)[0]
        total += tf.reduce_sum(tf.cast(value, tf.float32))
    return tf.tanh(tf.fill([count, 2, 2, 3], total))
