"""Compares a kernel with TensorFlow's own op: value and gradient, in every way to run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.python.framework import op_def_registry

from tfinv.graph.kernels import Kernel, kernel_for

NO_LEAK = tf.constant(0.0)
TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
LAYOUT_ATTRIBUTES = ("strides", "ksize", "dilations")


def make_node(op: str, inputs: Sequence, **attributes) -> NodeDef:
    """The NodeDef that TensorFlow itself writes for an op with inputs like these."""
    names = [argument.name for argument in op_def_registry.get(op).input_arg]
    with tf.Graph().as_default() as graph:
        holders = [tf.compat.v1.placeholder(np.asarray(x).dtype) for x in inputs]
        getattr(tf.raw_ops, op)(**dict(zip(names, holders, strict=True)), **attributes)
        return graph.get_operations()[-1].node_def


def in_nchw(attributes: dict) -> dict:
    """The attributes of the same op on transposed images."""
    turned = dict(attributes, data_format="NCHW")
    for name in LAYOUT_ATTRIBUTES:
        if name in attributes:
            turned[name] = [attributes[name][i] for i in TO_NCHW]
    if attributes.get("explicit_paddings"):
        pairs = np.reshape(attributes["explicit_paddings"], [4, 2])
        turned["explicit_paddings"] = pairs[TO_NCHW].ravel().tolist()
    return turned


def value_and_gradient(function: Callable, x: tf.Tensor, dy: tf.Tensor):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return y, tape.gradient(y, x, output_gradients=dy)


def in_function(function: Callable) -> Callable:
    """As a graph that does not know its batch size."""

    def run(x, dy):
        specs = [tf.TensorSpec([None, *t.shape[1:]], t.dtype) for t in (x, dy)]
        step = tf.function(lambda x, dy: value_and_gradient(function, x, dy), input_signature=specs)
        return step(x, dy)

    return run


def in_compiled_loop(function: Callable) -> Callable:
    """Compiled by XLA, inside a while loop; the value of the second of two different turns."""

    def run(x, dy):
        def body(i, x, y, dx):
            del y, dx
            return i + 1, 2 * x, *value_and_gradient(function, 2 * x, dy)

        @tf.function(jit_compile=True, autograph=False)
        def loop(x, dy, turns):
            start = [0, x / 4, tf.zeros_like(dy), tf.zeros_like(x)]
            return tf.while_loop(lambda i, *_: i < turns, body, start)[2:]

        return loop(x, dy, tf.constant(2))

    return run


def eagerly(function: Callable) -> Callable:
    return lambda x, dy: value_and_gradient(function, x, dy)


UNCOMPILED = (eagerly, in_function)
COMPILED = (in_compiled_loop,)


def assert_close(actual, expected, tolerance: float = 1e-4) -> None:
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    scale = np.abs(expected).max(initial=0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def check(
    op: str,
    inputs: Sequence,
    constant: Sequence[int] = (),
    *,
    images: int = 0,
    nchw: bool = False,
    ways: Sequence[Callable] = UNCOMPILED,
    truth: Callable | None = None,
    seed: int = 0,
    **attributes,
) -> None:
    """Asserts that the kernel of an op has the value and the gradient of the op itself.

    Args:
      op: its name.
      inputs: its inputs in NHWC: arrays, or functions of the images that return a tensor.
      constant: which of them are constants of the program.
      images: which input is differentiated.
      nchw: ask for the kernel of the NCHW op. The truth is the NHWC op on transposed images,
        because a CPU cannot run the other.
      ways: of running the kernel.
      seed: of the gradient that comes from above.
      **attributes: of the op, in NHWC.
    """
    plain_op = getattr(tf.raw_ops, op)
    names = [argument.name for argument in op_def_registry.get(op).input_arg]

    def filled(x):
        return [x if i == images else v(x) if callable(v) else v for i, v in enumerate(inputs)]

    def own_op(x):
        arguments = dict(zip(names, filled(x), strict=True))
        y = plain_op(**arguments, **attributes)
        return y[0] if isinstance(y, tuple) else y

    truth = truth or own_op
    x = tf.constant(inputs[images])
    y = truth(x)
    dy = tf.constant(np.random.default_rng(seed).normal(size=y.shape).astype(np.float32))
    expected = value_and_gradient(truth, x, dy)

    node = make_node(op, filled(x), **(in_nchw(attributes) if nchw else attributes))
    sizes = {0} if nchw and images == 2 else set()
    turned = [
        v[TO_NCHW] if nchw and i in sizes and not callable(v) else v for i, v in enumerate(inputs)
    ]
    constants = [tf.constant(v) if i in constant else None for i, v in enumerate(turned)]
    kernel = kernel_for(node, constants)
    assert kernel is not None, f"no kernel for {op}"
    for way in ways:
        got = way(_as_function(kernel, turned, images, nchw, sizes))(x, dy)
        assert_close(got[0], expected[0])
        assert_close(got[1], expected[1])


def _as_function(kernel: Kernel, inputs: Sequence, images: int, nchw: bool, sizes: set):
    def function(x):
        values = []
        for i, value in enumerate(inputs):
            if i == images:
                values.append(tf.transpose(x, TO_NCHW) if nchw else x)
            elif callable(value):
                value = value(x)
                values.append(tf.gather(value, TO_NCHW) if i in sizes else value)
            else:
                values.append(tf.constant(value))
        y = kernel(values, NO_LEAK)[0]
        return tf.transpose(y, TO_NHWC) if nchw else y

    return function


def gradient_ops(kernel: Kernel, inputs: Sequence, images: int = 0) -> set[str]:
    """The ops in the graph of a kernel and its gradient."""

    @tf.function(autograph=False)
    def step(x):
        values = [x if i == images else v for i, v in enumerate(inputs)]
        return value_and_gradient(
            lambda x: kernel([*values[:images], x, *values[images + 1 :]], NO_LEAK)[0], x, None
        )

    graph = step.get_concrete_function(tf.constant(inputs[images])).graph
    return {operation.type for operation in graph.get_operations()}
