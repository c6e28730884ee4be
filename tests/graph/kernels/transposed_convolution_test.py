"""Conv2DBackpropInput by a constant filter."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph.kernels import truth
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.graph.kernels import kernel_for
from tfinv.graph.kernels.transposed_convolution import Axis, by_one_convolution, by_phases


def output_range(size, taps, stride, padding, pads):
    """The output sizes whose forward convolution gives `size`."""
    if padding == "SAME":
        return (size - 1) * stride + 1, size * stride
    least = (size - 1) * stride + taps - sum(pads)
    return max(least, 1), least + stride - 1


@st.composite
def transposed(draw):
    """Arguments of `truth.check` for a transposed convolution."""
    padding = draw(st.sampled_from(["SAME", "VALID", "EXPLICIT"]))
    size, taps, strides, pads, outputs = [], [], [], [], []
    for _ in range(2):
        count, stride = draw(st.integers(1, 6)), draw(st.integers(1, 3))
        before, after = 0, 0
        if padding == "EXPLICIT":
            before, after = draw(st.integers(0, count - 1)), draw(st.integers(0, count - 1))
        least = -(-(before + after + 1 - count) // stride) + 1  # so that one pixel comes out
        inputs = max(least, 1) + draw(st.integers(0, 4))
        low, high = output_range(inputs, count, stride, padding, (before, after))
        size.append(inputs)
        taps.append(count)
        strides.append(stride)
        pads += [before, after]
        outputs.append(draw(st.integers(low, high)))
    # Up to 12 channels with up to 9 phases: both forms of the kernel.
    batch, depth, out = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    sizes = np.array([batch, *outputs, out], np.int32)
    if draw(st.booleans()):
        sizes_input, constant = sizes, [0, 1]
    else:
        sizes_input, constant = lambda x: tf.stack([tf.shape(x)[0], *sizes[1:]]), [1]
    return {
        "op": "Conv2DBackpropInput",
        "inputs": [
            sizes_input,
            rng.normal(size=[*taps, out, depth]).astype(np.float32),
            rng.normal(size=[batch, *size, depth]).astype(np.float32),
        ],
        "constant": constant,
        "images": 2,
        "strides": [1, *strides, 1],
        "padding": padding,
        "explicit_paddings": [0, 0, *pads, 0, 0] if padding == "EXPLICIT" else [],
        "dilations": [1, 1, 1, 1],
    }


@settings(max_examples=50)
@given(transposed(), st.booleans())
def test_value_and_gradient_are_those_of_the_op(arguments, nchw):
    truth.check(**arguments, nchw=nchw)


@settings(max_examples=8)
@given(transposed(), st.booleans())
def test_compiled_in_a_loop(arguments, nchw):
    truth.check(**arguments, nchw=nchw, ways=truth.COMPILED)


GENERATORS = {
    "5x5 stride 2, as in DCGAN": (5, "SAME", 4, 8, []),
    "4x4 stride 2, as PyTorch's": (4, "EXPLICIT", 4, 8, [0, 0, 1, 1, 1, 1, 0, 0]),
    "4x4 from one pixel, as PyTorch's": (4, "VALID", 1, 4, []),
    "3x3 stride 2, as in ProGAN": (3, "SAME", 4, 8, []),
}


@pytest.mark.parametrize("channels", [3, 16])
@pytest.mark.parametrize("name", GENERATORS)
def test_layers_of_known_generators(name, channels):
    taps, padding, size, outputs, pads = GENERATORS[name]
    rng = np.random.default_rng(0)
    truth.check(
        "Conv2DBackpropInput",
        [
            lambda x: tf.stack([tf.shape(x)[0], outputs, outputs, channels]),
            rng.normal(size=[taps, taps, channels, 8]).astype(np.float32),
            rng.normal(size=[2, size, size, 8]).astype(np.float32),
        ],
        [1],
        images=2,
        strides=[1, 2, 2, 1],
        padding=padding,
        explicit_paddings=pads,
        dilations=[1, 1, 1, 1],
    )


@settings(max_examples=60)
@given(*[st.integers(1, 4)] * 2, st.integers(1, 3), st.integers(1, 3), st.data())
def test_both_forms_put_every_tap_in_its_place(taps, size, stride, channels, data):
    pad = data.draw(st.integers(0, taps - 1))
    least = max((size - 1) * stride + taps - pad, 1)
    axis = Axis(taps, stride, pad, size, data.draw(st.integers(least, least + stride)))
    rng = np.random.default_rng(0)
    filters = rng.integers(-9, 9, [taps, taps, channels, 2]).astype(np.float32)
    x = rng.integers(-9, 9, [2, size, size, 2]).astype(np.float32)
    expected = np.zeros([2, axis.outputs, axis.outputs, channels])
    for row, column, u, v in np.ndindex(size, size, taps, taps):
        i, j = stride * row + u - pad, stride * column + v - pad
        if i >= 0 and j >= 0:
            expected[:, i, j] += x[:, row, column] @ filters[u, v].T
    for form in (by_phases, by_one_convolution):
        np.testing.assert_array_equal(form(filters, axis, axis)(x), expected)


@pytest.mark.parametrize("channels", [3, 16])
def test_no_transposed_convolution_is_left(channels):
    x, filters = np.ones([2, 4, 4, 8], np.float32), np.ones([5, 5, channels, 8], np.float32)
    sizes = np.array([2, 8, 8, channels], np.int32)
    node = truth.make_node(
        "Conv2DBackpropInput", [sizes, filters, x], strides=[1, 2, 2, 1], padding="SAME"
    )
    kernel = kernel_for(node, [None, tf.constant(filters), None])
    ops = truth.gradient_ops(kernel, [sizes, filters, x], images=2)
    assert "Conv2D" in ops
    assert not ops & {"Conv2DBackpropInput", "Conv2DBackpropFilter"}


@pytest.mark.parametrize("nchw", [False, True])
def test_sizes_worked_out_from_the_input_are_understood(nchw):
    filters = tf.ones([5, 5, 3, 8])
    attributes = {"strides": [1, 2, 2, 1], "padding": "SAME"}
    node = truth.make_node(
        "Conv2DBackpropInput",
        [np.zeros(4, np.int32), filters, np.zeros(1, np.float32)],
        **(truth.in_nchw(attributes) if nchw else attributes),
    )
    kernel = kernel_for(node, [None, filters, None])
    height, width = (2, 3) if nchw else (1, 2)

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 4, 6] if nchw else [None, 4, 6, 8])])
    def run(x):
        shape = tf.shape(x)
        sizes = [shape[0], 2 * shape[height], 2 * shape[width]]
        sizes.insert(1 if nchw else 3, 3)
        return kernel([tf.stack(sizes), filters, x], truth.NO_LEAK)[0]

    graph = run.get_concrete_function().graph
    assert "Conv2DBackpropInput" not in {operation.type for operation in graph.get_operations()}
    x = tf.ones([2, 8, 4, 6] if nchw else [2, 4, 6, 8])
    assert run(x).shape == ([2, 3, 8, 12] if nchw else [2, 8, 12, 3])


def test_unknown_height_is_left_to_the_op():
    rng = np.random.default_rng(0)
    filters = tf.constant(rng.normal(size=[4, 4, 2, 3]).astype(np.float32))
    x = rng.normal(size=[2, 5, 4, 3]).astype(np.float32)
    attributes = {"strides": [1, 2, 2, 1], "padding": "SAME"}
    node = truth.make_node("Conv2DBackpropInput", [np.zeros(4, np.int32), filters, x], **attributes)
    kernel = kernel_for(node, [None, filters, None])

    @tf.function(input_signature=[tf.TensorSpec([None, None, 4, 3])])
    def run(x):
        sizes = tf.stack([tf.shape(x)[0], 2 * tf.shape(x)[1], 8, 2])
        return kernel([sizes, filters, x], truth.NO_LEAK)[0]

    truth.assert_close(run(x), tf.nn.conv2d_transpose(x, filters, [2, 10, 8, 2], 2, "SAME"))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
