"""Shapes that are computed from constants: the values that TensorFlow gives them, and no others."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import model_of

from tfinv.generators.inputs.shape_values import written_shapes


def computed(draw):
    model = model_of({"z": (tf.float32, [3, 8])}, draw)
    return model.outputs[0], written_shapes(model.nodes, model.weights)


def test_arithmetic_on_a_constant_batch():
    def draw(z):
        count = tf.shape(z)[0]
        return tf.concat([tf.shape(z)[:1] * 2, [count - 1], [-count, count // 2]], 0)

    port, values = computed(draw)
    np.testing.assert_array_equal(values[port.tensor.partition(":")[0]], [6, 2, -3, 1])


def test_the_shape_of_a_weight_is_known_and_its_values_are_not_read():
    weight = np.arange(600, dtype=np.float32).reshape(20, 30)
    port, values = computed(lambda z: tf.raw_ops.Shape(input=tf.constant(weight)) + tf.shape(z)[0])
    np.testing.assert_array_equal(values[port.tensor.partition(":")[0]], [23, 33])
    assert all(value.size <= 2 for value in values.values())


@pytest.mark.parametrize(
    "draw",
    [
        lambda z: tf.cast(tf.reduce_sum(z, 1), tf.int32)[:1] + tf.shape(z)[0],  # read from z
        lambda z: tf.reshape(tf.range(4), [4, 1, 1]) * tf.reshape(tf.range(40), [1, 4, 10]),
        lambda z: tf.constant([1.5]) * 2,
    ],
)
def test_what_is_no_shape_is_left_alone(draw):
    port, values = computed(draw)
    assert port.tensor.partition(":")[0] not in values


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
