"""Fused batch norm, frozen and not."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for

OPS = ["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"]


def parameters(rng, channels):
    """Scale, offset, mean and variance."""
    values = [rng.normal(size=channels) for _ in range(3)] + [rng.uniform(0, 2, channels)]
    return [value.astype(np.float32) for value in values]


@st.composite
def batch_norms(draw):
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shape = [draw(st.integers(1, 4)) for _ in range(4)]
    return {
        "op": draw(st.sampled_from(OPS)),
        "inputs": [rng.normal(size=shape).astype(np.float32), *parameters(rng, shape[3])],
        # All of them, only the statistics (conditional batch norm), or none.
        "constant": draw(st.sampled_from([(1, 2, 3, 4), (3, 4), ()])),
        "epsilon": draw(st.sampled_from([1e-5, 1e-3, 0.1])),
        "is_training": False,
    }


@settings(max_examples=40)
@given(batch_norms(), st.booleans())
def test_value_and_gradient_are_those_of_the_op(arguments, nchw):
    truth.check(**arguments, nchw=nchw)


@settings(max_examples=8)
@given(batch_norms(), st.booleans())
def test_compiled_in_a_loop(arguments, nchw):
    truth.check(**arguments, nchw=nchw, ways=truth.COMPILED)


@pytest.mark.parametrize("op", OPS)
def test_other_outputs_are_those_of_the_op(op):
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=[2, 3, 3, 4]).astype(np.float32), *parameters(rng, 4)]
    node = truth.make_node(op, inputs, is_training=False)
    names = ["x", "scale", "offset", "mean", "variance"]
    expected = getattr(tf.raw_ops, op)(**dict(zip(names, inputs, strict=True)), is_training=False)
    outputs = kernel_for(node, [None] * 5)([tf.constant(x) for x in inputs], truth.NO_LEAK)
    assert len(outputs) == len(expected)
    for output, other in zip(outputs, expected, strict=True):
        truth.assert_close(output, other, 1e-5)


def test_statistics_of_the_batch_are_left_to_the_op():
    rng = np.random.default_rng(0)
    empty = np.zeros(0, np.float32)
    inputs = [rng.normal(size=[3, 4, 5, 2]).astype(np.float32), *parameters(rng, 2)[:2], empty]
    inputs.append(empty)
    node = truth.make_node("FusedBatchNormV3", inputs, is_training=True)
    assert kernel_for(node, [None] * 5) is None
    truth.check("FusedBatchNormV3", inputs, nchw=True, is_training=True)


def test_half_precision_images_with_float_statistics():
    rng = np.random.default_rng(0)
    x = rng.normal(size=[2, 3, 3, 4]).astype(np.float16)
    inputs = [x, *parameters(rng, 4)]
    node = truth.make_node("FusedBatchNormV3", inputs, is_training=False)
    y = kernel_for(node, [None] * 5)([tf.constant(x) for x in inputs], truth.NO_LEAK)[0]
    scale, offset, mean, variance = inputs[1:]
    assert y.dtype == tf.float16
    expected = scale * (x.astype(np.float32) - mean) / np.sqrt(variance + 1e-4) + offset
    truth.assert_close(tf.cast(y, tf.float32), expected, 1e-3)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
