"""Small generators as graphs, with TensorFlow's own Session as the truth about them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from tfinv.graph.model import GraphModel, Port
from tfinv.graph.reading.freeze import build_model

v1 = tf.compat.v1


@contextlib.contextmanager
def old_control_flow() -> Iterator[None]:
    """Conditions as TF1 wrote them: Switch and Merge, and not functions."""
    v1.disable_control_flow_v2()
    try:
        yield
    finally:
        v1.enable_control_flow_v2()


def to_model(graph: tf.Graph, inputs: Mapping[str, tf.Tensor], output: tf.Tensor) -> GraphModel:
    """Makes the GraphModel that a reader would, variables at their initial values."""
    values = {}
    variables = graph.get_collection(v1.GraphKeys.GLOBAL_VARIABLES)
    if variables:
        with v1.Session(graph=graph) as session:
            session.run([variable.initializer for variable in variables])
            values = session.run({variable.op.name: variable for variable in variables})
    return build_model(
        graph.as_graph_def(),
        [_port(key, tensor) for key, tensor in inputs.items()],
        [_port("default", output)],
        lambda node: values[node.name],
        "TF1 SavedModel",
        "memory",
    )


def _port(key: str, tensor: tf.Tensor) -> Port:
    shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    return Port(key, tensor.name, tensor.dtype, shape)


@dataclass
class Case:
    """A generator, what to feed it, and what is true of it."""

    graph: tf.Graph
    inputs: dict[str, tf.Tensor]
    output: tf.Tensor
    feeds: dict[str, np.ndarray]  # by tensor name; those of `constants` left out
    dense: str
    constants: dict[str, float] = field(default_factory=dict)
    latent: str = "z:0"

    def __post_init__(self):
        self.model = to_model(self.graph, self.inputs, self.output)

    @property
    def others(self) -> list[str]:
        """The inputs that are fed once a batch."""
        return [name for name in self.feeds if name != self.latent]

    def truth(self, fetches, extra: Mapping[str, np.ndarray] | None = None):
        """What a Session of TensorFlow computes."""
        feeds = {**self.feeds, **self.constants, **(extra or {})}
        with v1.Session(graph=self.graph) as session, self.graph.as_default():
            if self.graph.get_collection(v1.GraphKeys.GLOBAL_VARIABLES):
                session.run(v1.global_variables_initializer())
            return session.run(fetches, feeds)

    def true_gradient(
        self, tensor: str, weights: np.ndarray, extra: Mapping[str, np.ndarray] | None = None
    ) -> np.ndarray:
        """The gradient of sum(weights * output) by a tensor, from tf.gradients in a Session."""
        with self.graph.as_default():
            inner = self.graph.get_tensor_by_name(tensor)
            [gradient] = v1.gradients(self.output, inner, grad_ys=weights.astype(np.float32))
        return self.truth(gradient, extra)


class Weights:
    """Random weights in a fixed order, as constants or as TF1 reference variables."""

    def __init__(self, seed: int = 0):
        self._random = np.random.default_rng(seed)

    def __call__(self, *shape: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
        return (shift + scale * self._random.standard_normal(shape)).astype(np.float32)


def dcgan(norm: str = "fused") -> Case:
    """DCGAN, NHWC; batch norm as one op after the reshape, or spelled out before it."""
    w, batch = Weights(), 3
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 8], "z")
        h = tf.nn.bias_add(z @ w(8, 4 * 4 * 6, scale=0.4), w(96, scale=0.1), name="dense/bias")
        if norm == "fused":
            h = _fused_norm(tf.reshape(h, [-1, 4, 4, 6]), w)
            dense = h.name
            h = tf.nn.relu(h, name="relu")
        else:
            h = tf.nn.batch_normalization(
                h, w(96, scale=0.1), 1 + w(96) ** 2, w(96, scale=0.1), w(96, shift=1), 1e-5
            )
            h = tf.reshape(h, [-1, 4, 4, 6], name="dense/reshape")
            dense = h.name
            h = tf.nn.relu(tf.identity(h), name="relu")
        h = _transposed(h, w(5, 5, 4, 6, scale=0.2), 8)
        h = tf.nn.relu(_fused_norm(tf.nn.bias_add(h, w(4, scale=0.1)), w), name="relu_1")
        h = _transposed(h, w(5, 5, 3, 4, scale=0.2), 16)
        image = tf.tanh(h, name="image")
    return Case(graph, {"z": z}, image, {"z:0": w(batch, 8)}, dense)


def _fused_norm(x: tf.Tensor, w: Weights) -> tf.Tensor:
    c = x.shape[-1]
    scale, offset, mean = w(c, scale=0.2, shift=1), w(c, scale=0.1), w(c, scale=0.1)
    y, _, _ = v1.nn.fused_batch_norm(x, scale, offset, mean, 1 + w(c) ** 2, is_training=False)
    return y


def _transposed(x: tf.Tensor, filters: np.ndarray, size: int) -> tf.Tensor:
    shape = tf.stack([tf.shape(x)[0], size, size, filters.shape[2]])
    return tf.nn.conv2d_transpose(x, filters, shape, 2)


def torch_dcgan() -> Case:
    """DCGAN as PyTorch writes it: z is a 1x1 image, the first layer a transposed convolution."""
    w = Weights()
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 8, 1, 1], "z")
        h = tf.transpose(z, [0, 2, 3, 1])
        shape = tf.stack([tf.shape(h)[0], 4, 4, 5])
        h = tf.nn.conv2d_transpose(h, w(4, 4, 5, 8, scale=0.3), shape, 1, "VALID", name="first")
        h = _fused_norm(h, w)
        dense = h.name
        h = _transposed(tf.nn.relu(h), w(4, 4, 3, 5, scale=0.3), 8)
        image = tf.transpose(tf.tanh(h), [0, 3, 1, 2], name="image")
    return Case(graph, {"z": z}, image, {"z:0": w(2, 8, 1, 1)}, dense)


def progan() -> Case:
    """ProGAN-like, NCHW: pixel norm of z, dense, reshape, the bias after it, no batch norm."""
    w = Weights()

    def pixel_norm(x):
        return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), 1, keepdims=True) + 1e-8)

    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 8], "latents_in")
        h = tf.matmul(pixel_norm(z), w(8, 5 * 16) * np.float32(0.35), name="4x4/Dense/MatMul")
        h = tf.reshape(h, [-1, 5, 4, 4], name="4x4/Dense/Reshape")
        h = tf.add(h, tf.reshape(w(5, scale=0.1), [1, -1, 1, 1]), name="4x4/Dense/add")
        dense = h.name
        h = pixel_norm(tf.nn.leaky_relu(h, 0.2))
        h = tf.reshape(h, [-1, 5, 4, 1, 4, 1])
        h = tf.reshape(tf.tile(h, [1, 1, 1, 2, 1, 2]), [-1, 5, 8, 8])
        h = tf.nn.conv2d(h, w(3, 3, 5, 4, scale=0.2), 1, "SAME", data_format="NCHW")
        h = pixel_norm(tf.nn.leaky_relu(h + w(1, 4, 1, 1, scale=0.1), 0.2))
        h = tf.nn.conv2d(h, w(1, 1, 4, 3, scale=0.4), 1, "SAME", data_format="NCHW")
        image = tf.add(h, w(1, 3, 1, 1, scale=0.1), name="images_out")
    return Case(graph, {"z": z}, image, {"latents_in:0": w(2, 8)}, dense, latent="latents_in:0")


def resnet() -> Case:
    """Residual blocks whose batch norm looks its gains up by integer label."""
    w = Weights()
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 8], "z")
        label = v1.placeholder(tf.int32, [None], "label")
        h = tf.nn.bias_add(z @ w(8, 4 * 4 * 6, scale=0.4), w(96, scale=0.1))
        h = tf.reshape(h, [-1, 4, 4, 6], name="dense/reshape")
        dense = h.name
        for block in ("block1", "block2"):
            with tf.name_scope(block):
                gain = tf.gather(w(10, 6, scale=0.2, shift=1), label)[:, None, None, :]
                bias = tf.gather(w(10, 6, scale=0.2), label)[:, None, None, :]
                x = (h - w(6, scale=0.1)) * tf.math.rsqrt(1 + w(6) ** 2) * gain + bias
                x = v1.depth_to_space(tf.concat([tf.nn.relu(x)] * 4, -1), 2)
                x = tf.nn.conv2d(x, w(3, 3, 6, 6, scale=0.2), 1, "SAME", name="conv")
                shortcut = v1.depth_to_space(tf.concat([h] * 4, -1), 2)
                h = tf.add(x, shortcut, name="sum")
        image = tf.tanh(tf.nn.conv2d(tf.nn.relu(h), w(3, 3, 6, 3, scale=0.2), 1, "SAME"))
    feeds = {"z:0": w(2, 8), "label:0": np.array([3, 7], np.int32)}
    return Case(graph, {"z": z, "label": label}, image, feeds, dense)


def _biggan(stateful: bool) -> Case:
    from graph import tiny_biggan  # it builds on this module

    return tiny_biggan.biggan(stateful)


CASES: dict[str, tuple] = {
    "dcgan, fused norm": (dcgan, "fused"),
    "dcgan, norm spelled out": (dcgan, "spelled out"),
    "dcgan of PyTorch": (torch_dcgan,),
    "progan": (progan,),
    "resnet": (resnet,),
    "biggan": (_biggan, False),
    "biggan, stateful truncation": (_biggan, True),
}


def cases() -> Sequence[str]:
    """The names of all generators, for pytest's parameters."""
    return tuple(CASES)


def different_cases() -> Sequence[str]:
    """Those whose live part differs, for what is slow to test."""
    return tuple(name for name in CASES if "stateful" not in name)


_BUILT: dict[str, Case] = {}


def case(name: str) -> Case:
    """Returns one of the generators, built once."""
    if name not in _BUILT:
        build, *arguments = CASES[name]
        _BUILT[name] = build(*arguments)
    return _BUILT[name]
