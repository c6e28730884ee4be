"""Ops of NCHW graphs that are only turned round."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth

from tfinv.graph.kernels import kernel_for

RNG = np.random.default_rng(0)
EVERY_WAY = truth.UNCOMPILED + truth.COMPILED


def images(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def test_depth_to_space():
    truth.check("DepthToSpace", [images(2, 3, 2, 8)], nchw=True, ways=EVERY_WAY, block_size=2)


def test_space_to_depth():
    truth.check("SpaceToDepth", [images(2, 4, 6, 3)], nchw=True, ways=EVERY_WAY, block_size=2)


def test_average_pool():
    windows = {"ksize": [1, 3, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
    truth.check("AvgPool", [images(2, 7, 6, 3)], nchw=True, ways=EVERY_WAY, **windows)


def test_depthwise_convolution():
    truth.check(
        "DepthwiseConv2dNative",
        [images(2, 6, 5, 3), images(3, 3, 3, 1)],
        [1],
        nchw=True,
        ways=EVERY_WAY,
        strides=[1, 2, 2, 1],
        padding="SAME",
    )


@pytest.mark.parametrize("constant", [(), (1,)])
def test_bias_add(constant):
    truth.check("BiasAdd", [images(2, 4, 3, 5), images(5)], constant, nchw=True, ways=EVERY_WAY)


def test_bias_of_a_matrix():
    x, bias = images(3, 4), images(4)
    node = truth.make_node("BiasAdd", [x, bias], data_format="NCHW")
    y = kernel_for(node, [None, None])([tf.constant(x), tf.constant(bias)], truth.NO_LEAK)[0]
    np.testing.assert_array_equal(y, x + bias)


@pytest.mark.parametrize("op", ["DepthToSpace", "SpaceToDepth"])
def test_nhwc_is_left_to_the_op(op):
    node = truth.make_node(op, [images(2, 4, 4, 4)], block_size=2)
    assert kernel_for(node, [None]) is None


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
