"""The range that a graph's last operations prove."""

from __future__ import annotations

import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import facts_of, model_of
from graph import graphs

from tfinv.generators.output.border import RANGES
from tfinv.generators.output.intervals import prove_range
from tfinv.graph.interpret import Program


def model(end):
    """A graph that ends in `end` of something unbounded [N, 1, 4, 3]."""
    w = graphs.Weights()
    return model_of(
        {"z": (tf.float32, [None, 4])}, lambda z: end(tf.reshape(z @ w(4, 12), [-1, 1, 4, 3]))
    )


def proved(end):
    graph = model(end)
    return prove_range(facts_of(graph), graph.outputs[0].tensor)


def half(x):
    return tf.cast(tf.tanh(tf.cast(x, tf.float16)), tf.float32)


@pytest.mark.parametrize(
    ("end", "name", "how"),
    [
        (tf.tanh, "-1,1", "Tanh"),
        (tf.sigmoid, "0,1", "Sigmoid"),
        (half, "-1,1", "Tanh"),
        (lambda x: tf.identity(tf.transpose(tf.tanh(x), [0, 2, 3, 1])), "-1,1", "Tanh"),
        (lambda x: tf.reshape(tf.sigmoid(x), [-1, 4, 1, 3]), "0,1", "Sigmoid"),
        (lambda x: tf.tanh(x) * 0.5 + 0.5, "0,1", "Tanh"),
        (lambda x: (tf.tanh(x) + 1) / 2, "0,1", "Tanh"),
        (lambda x: tf.tanh(x) * 127.5 + 127.5, "0,255", "Tanh"),
        (lambda x: 255 * tf.sigmoid(x), "0,255", "Sigmoid"),
        (lambda x: 1 - 2 * tf.sigmoid(x), "-1,1", "Sigmoid"),
        (lambda x: -tf.tanh(x), "-1,1", "Tanh"),
        (lambda x: tf.clip_by_value(x, -1.0, 1.0), "-1,1", "a clip"),
        (lambda x: tf.minimum(tf.maximum(x * 3 + 2, 0), 255), "0,255", "a clip"),
        (lambda x: tf.clip_by_value(tf.tanh(x) * 0.6 + 0.5, 0.0, 1.0), "0,1", "Tanh"),
        (lambda x: tf.nn.relu6(x + 3) / 6, "0,1", "ReLU6"),
        (lambda x: tf.nn.softmax(x), "0,1", "Softmax"),
        (lambda x: tf.concat([tf.tanh(x), tf.sin(x)], 2), "-1,1", "Tanh and Sin"),
        (lambda x: tf.stack(tf.split(tf.tanh(x), 2, 2), 1)[:, 0], "-1,1", "Tanh"),
        (lambda x: tf.tanh(x)[:, :, ::-1, :], "-1,1", "Tanh"),
        (lambda x: tf.pad(tf.sigmoid(x), [[0, 0], [1, 1], [0, 0], [0, 0]]), "0,1", "Sigmoid"),
        (lambda x: tf.square(tf.tanh(x)), "0,1", "Tanh"),
        (lambda x: tf.abs(tf.tanh(x)), "0,1", "Tanh"),
        (lambda x: tf.nn.avg_pool2d(tf.tanh(x), [1, 2], [1, 2], "VALID"), "-1,1", "Tanh"),
        (lambda x: tf.tanh(x) * np.ones(3, "f") + np.zeros(3, "f"), "-1,1", "Tanh"),
    ],
)
def test_what_is_proved(end, name, how):
    assert proved(end) == (name, how)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: x,
        tf.nn.relu,
        lambda x: tf.tanh(x) * 2,
        lambda x: tf.tanh(x) + tf.sigmoid(x),
        lambda x: tf.tanh(x) * np.array([1, 1, 0.5], "f") + np.array([0, 0, 2], "f"),
        lambda x: 1 / tf.sigmoid(x),
        lambda x: tf.tanh(x) + x,
        lambda x: tf.pad(tf.sigmoid(x) + 1, [[0, 0], [1, 1], [0, 0], [0, 0]]),
    ],
)
def test_what_is_not(end):
    assert proved(end) is None


STEPS = {
    "tanh": tf.tanh,
    "sigmoid": tf.sigmoid,
    "half": lambda x: x * 0.5,
    "up": lambda x: x + 0.5,
    "down": lambda x: x - 1.0,
    "twice": lambda x: 2.0 * x,
    "to 255": lambda x: x * 255.0,
    "minus": lambda x: -x,
    "relu": tf.nn.relu,
    "clip": lambda x: tf.clip_by_value(x, -1.0, 1.0),
    "square": tf.square,
    "turn": lambda x: tf.transpose(x, [0, 2, 1, 3]),
    "sum": lambda x: x + tf.tanh(x),
    "share": lambda x: x / 4.0,
}


@hypothesis.given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=6))
def test_no_picture_leaves_the_range_that_is_proved(names):
    def end(x):
        for name in names:
            x = STEPS[name](x)
        return x

    graph = model(end)
    found = prove_range(facts_of(graph), graph.outputs[0].tensor)
    if found is None:
        return
    low, high = RANGES[found[0]]
    z = 100 * np.random.default_rng(0).standard_normal((500, 4)).astype(np.float32)
    program = Program(graph, [graph.outputs[0].tensor], live=["z"])
    values = program.run([z])[0].numpy()
    slack = 3e-3 * (high - low)
    assert low - slack <= values.min() and values.max() <= high + slack


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
