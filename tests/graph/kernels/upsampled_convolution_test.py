"""An upsampling and the convolution behind it, done at once, against the two ops one by one."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for_pair

SIZE = {"align_corners": False, "half_pixel_centers": False}


@st.composite
def pairs(draw):
    old = [draw(st.integers(1, 5)), draw(st.integers(1, 5))]
    factor = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    new = [n * f for n, f in zip(old, factor, strict=True)]
    taps = [draw(st.integers(1, min(5, n))) for n in new]
    padding = draw(st.sampled_from(["SAME", "VALID", "EXPLICIT"]))
    explicit = []
    if padding == "EXPLICIT":
        pads = [draw(st.integers(0, 3)) for _ in range(4)]
        explicit = [0, 0, *pads, 0, 0]
    # Not 1 output: TensorFlow's own Conv2D on a CPU is wrong for one channel and unequal strides.
    channels, outputs = draw(st.integers(1, 3)), draw(st.sampled_from([2, 3, 12]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return {
        "x": rng.normal(size=[2, *old, channels]).astype(np.float32),
        "size": new,
        "filters": rng.normal(size=[*taps, channels, outputs]).astype(np.float32),
        "padding": padding,
        "explicit_paddings": explicit,
    }


def both(x, size, filters, *, padding, explicit_paddings=(), strides=1, **conventions):
    """The two ops, and the kernel for them."""
    attributes = {
        "strides": [1, strides, strides, 1],
        "padding": padding,
        "explicit_paddings": list(explicit_paddings),
    }
    conventions = SIZE | conventions
    size = np.array(size, np.int32)
    resize = truth.make_node("ResizeNearestNeighbor", [x, size], **conventions)
    convolution = truth.make_node("Conv2D", [x, filters], **attributes)
    constants = [None, tf.constant(size), tf.constant(filters)]

    def ops(x):
        large = tf.raw_ops.ResizeNearestNeighbor(images=x, size=size, **conventions)
        return tf.raw_ops.Conv2D(input=large, filter=filters, **attributes)

    return ops, kernel_for_pair(resize, convolution, constants), constants


def check(ways=truth.UNCOMPILED, **arguments):
    ops, kernel, constants = both(**arguments)
    x = tf.constant(arguments["x"])
    y = ops(x)
    dy = tf.constant(np.random.default_rng(0).normal(size=y.shape), tf.float32)
    expected = truth.value_and_gradient(ops, x, dy)
    for way in ways:
        found = way(lambda x: kernel([x, *constants[1:]], truth.NO_LEAK)[0])(x, dy)
        for actual, wanted in zip(found, expected, strict=True):
            truth.assert_close(actual, wanted)


@settings(max_examples=40)
@given(pairs())
def test_value_and_gradient_are_those_of_the_two_ops(arguments):
    check(**arguments)


@pytest.mark.parametrize("taps", [1, 3, 4])
def test_compiled_in_a_loop(taps):
    rng = np.random.default_rng(taps)
    x = rng.normal(size=[2, 4, 3, 2]).astype(np.float32)
    filters = rng.normal(size=[taps, taps, 2, 12]).astype(np.float32)
    check(truth.COMPILED, x=x, size=[8, 6], filters=filters, padding="SAME")


@pytest.mark.parametrize("conventions", [{}, {"align_corners": True}, {"half_pixel_centers": True}])
@pytest.mark.parametrize("size", [[6, 8], [5, 7], [2, 3]])
def test_every_convention_and_sizes_that_are_no_multiple(conventions, size):
    rng = np.random.default_rng(1)
    x = rng.normal(size=[2, 3, 4, 2]).astype(np.float32)
    filters = rng.normal(size=[3, 3, 2, 3]).astype(np.float32)
    check(x=x, size=size, filters=filters, padding="SAME", **conventions)


def test_a_strided_convolution_is_left_alone():
    x, filters = np.zeros([1, 4, 4, 1], np.float32), np.zeros([3, 3, 1, 1], np.float32)
    assert both(x, [8, 8], filters, padding="SAME", strides=2)[1] is None


def test_it_multiplies_less_than_half_as_often():
    """Counted by XLA: 2x2 taps for 3x3, and all pixels' neighbours are within the picture."""
    x = np.zeros([1, 16, 16, 8], np.float32)
    filters = np.zeros([3, 3, 8, 16], np.float32)
    ops, kernel, constants = both(x, [32, 32], filters, padding="SAME")
    counts = []
    for function in (ops, lambda x: kernel([x, *constants[1:]], truth.NO_LEAK)[0]):
        traced = tf.function(function).get_concrete_function(tf.TensorSpec(x.shape))
        convolutions = [op for op in traced.graph.get_operations() if op.type == "Conv2D"]
        counts.append(
            sum(
                np.prod(op.outputs[0].shape[1:3]) * np.prod(op.inputs[1].shape)
                for op in convolutions
            )
        )
    assert 0 < counts[1] < 0.5 * counts[0]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
