"""Conv2D by a constant filter."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for


@st.composite
def convolutions(draw):
    """Arguments of `truth.check` for a convolution with at least one output pixel."""
    strides = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    taps = [draw(st.integers(1, 5)), draw(st.integers(1, 5))]
    padding = draw(st.sampled_from(["SAME", "VALID", "EXPLICIT"]))
    pads = [draw(st.integers(0, 3)) for _ in range(4)] if padding == "EXPLICIT" else [0] * 4
    least = [1, 1]
    if padding != "SAME":
        least = [max(k - a - b, 1) for k, a, b in zip(taps, pads[::2], pads[1::2], strict=True)]
    size = [low + draw(st.integers(0, 6)) for low in least]
    batch, channels, filters = (draw(st.integers(1, 3)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return {
        "op": "Conv2D",
        "inputs": [
            rng.normal(size=[batch, *size, channels]).astype(np.float32),
            rng.normal(size=[*taps, channels, filters]).astype(np.float32),
        ],
        "constant": [1],
        "strides": [1, *strides, 1],
        "padding": padding,
        "explicit_paddings": [0, 0, *pads, 0, 0] if padding == "EXPLICIT" else [],
    }


@settings(max_examples=40)
@given(convolutions(), st.booleans())
def test_value_and_gradient_are_those_of_the_op(arguments, nchw):
    truth.check(**arguments, nchw=nchw)


@settings(max_examples=8)
@given(convolutions(), st.booleans())
def test_compiled_in_a_loop(arguments, nchw):
    truth.check(**arguments, nchw=nchw, ways=truth.COMPILED)


@pytest.mark.parametrize("nchw", [False, True])
@pytest.mark.parametrize("padding", ["SAME", "VALID", "EXPLICIT"])
def test_dilated(padding, nchw):
    rng = np.random.default_rng(3)
    x = rng.normal(size=[2, 7, 9, 2]).astype(np.float32)
    filters = rng.normal(size=[3, 2, 2, 3]).astype(np.float32)
    spread = np.zeros([5, 4, 2, 3], np.float32)
    spread[::2, ::3] = filters
    pads = [0, 0, 1, 2, 0, 3, 0, 0] if padding == "EXPLICIT" else []
    pairs = np.reshape(pads, [-1, 2]).tolist()
    truth.check(
        "Conv2D",
        [x, filters],
        [1],
        nchw=nchw,
        ways=truth.UNCOMPILED + truth.COMPILED,
        truth=lambda x: tf.nn.conv2d(x, spread, 1, pairs or padding),
        strides=[1] * 4,
        dilations=[1, 2, 3, 1],
        padding=padding,
        explicit_paddings=pads,
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_backward_pass_is_made_of_ordinary_convolutions(stride):
    x = np.ones([2, 8, 8, 3], np.float32)
    filters = np.ones([3, 3, 3, 16], np.float32)
    attributes = {"strides": [1, stride, stride, 1], "padding": "SAME"}
    node = truth.make_node("Conv2D", [x, filters], **attributes)
    kernel = kernel_for(node, [None, tf.constant(filters)])
    ops = truth.gradient_ops(kernel, [x, filters])
    assert "Conv2D" in ops
    assert "Conv2DBackpropInput" not in ops


def test_attributes_left_out_have_their_defaults():
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=[1, 5, 5, 2]).astype(np.float32))
    filters = tf.constant(rng.normal(size=[3, 3, 2, 2]).astype(np.float32))
    node = truth.make_node("Conv2D", [x, filters], strides=[1, 1, 1, 1], padding="SAME")
    for name in ("dilations", "data_format", "explicit_paddings", "use_cudnn_on_gpu"):
        del node.attr[name]
    y = kernel_for(node, [None, filters])([x, filters], truth.NO_LEAK)[0]
    truth.assert_close(y, tf.nn.conv2d(x, filters, 1, "SAME"))


def test_a_filter_of_each_batch_is_left_to_the_op():
    x, filters = np.ones([1, 5, 5, 2], np.float32), np.ones([3, 3, 2, 2], np.float32)
    node = truth.make_node("Conv2D", [x, filters], strides=[1, 1, 1, 1], padding="SAME")
    assert kernel_for(node, [None, None]) is None


def test_a_filter_of_each_batch_runs_in_nchw():
    rng = np.random.default_rng(1)
    x = rng.normal(size=[2, 6, 5, 3]).astype(np.float32)
    filters = rng.normal(size=[3, 3, 3, 4]).astype(np.float32)
    truth.check("Conv2D", [x, filters], nchw=True, strides=[1, 2, 1, 1], padding="SAME")


def test_a_grouped_convolution_has_its_own_value():
    rng = np.random.default_rng(2)
    x = rng.normal(size=[2, 6, 5, 4]).astype(np.float32)
    filters = rng.normal(size=[3, 3, 2, 6]).astype(np.float32)
    truth.check("Conv2D", [x, filters], [1], strides=[1] * 4, padding="SAME")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
