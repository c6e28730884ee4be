"""Writes small generators in every format that is read, and evaluates what was read.

Each writer runs the original before it saves it, so that a test has a truth to compare with.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfinv.graph.model import GraphModel

v1 = tf.compat.v1


@dataclass
class Export:
    """A model on disk, what it was fed, and what the original made of that."""

    path: str
    feeds: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    variables: dict[str, np.ndarray] = field(default_factory=dict)


def evaluate(model: GraphModel, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What TensorFlow's own Session makes of the model, by output key."""
    graph_def = v1.GraphDef()
    for node in model.nodes.values():
        copy = graph_def.node.add()
        copy.CopyFrom(node)
        if node.name in model.weights:
            copy.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(model.weights[node.name]))
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        with v1.Session(graph=graph) as session:
            fetches = {port.key: port.tensor for port in model.outputs}
            fed = {port.tensor: feeds[port.key] for port in model.inputs}
            return session.run(fetches, fed)


@contextlib.contextmanager
def tf1_control_flow() -> Iterator[None]:
    """Makes tf.cond and tf.while_loop write Switch, Merge and Enter, as TF1 did."""
    v1.disable_control_flow_v2()
    try:
        yield
    finally:
        v1.enable_control_flow_v2()


def save_session(path, session, signatures: dict[str, tuple[dict, dict]], tags=("serve",)) -> None:
    """Saves the Session's graph and variables; a signature is its inputs and its outputs by key."""
    info = v1.saved_model.utils.build_tensor_info
    build = v1.saved_model.signature_def_utils.build_signature_def
    builder = v1.saved_model.Builder(str(path))
    builder.add_meta_graph_and_variables(
        session,
        list(tags),
        {
            name: build(
                {k: info(t) for k, t in inputs.items()}, {k: info(t) for k, t in outputs.items()}
            )
            for name, (inputs, outputs) in signatures.items()
        },
        strip_default_attrs=True,
    )
    builder.save()


def tf1(
    path,
    body: Callable[[tf.Tensor], tf.Tensor] | None = None,
    *,
    resource: bool = False,
    name: str = "serving_default",
) -> Export:
    """A TF1 SavedModel of one input: two dense layers with a ReLU between, or `body`."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default(), tf1_control_flow(), v1.variable_scope("", use_resource=resource):
        z = v1.placeholder(tf.float32, [None, 4], "z")
        image = dense_generator(z, rng) if body is None else body(z)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            feeds = {"z": rng.standard_normal((3, 4)).astype(np.float32)}
            outputs = {"image": session.run(image, {z: feeds["z"]})}
            values = session.run({v.op.name: v for v in v1.global_variables()})
            save_session(path, session, {name: ({"z": z}, {"image": image})})
    return Export(str(path), feeds, outputs, values)


def variable(name: str, value, trainable: bool = True) -> tf.Variable:
    """A TF1 variable that starts as `value`."""
    value = np.asarray(value, np.float32)
    start = v1.constant_initializer(value)
    return v1.get_variable(name, value.shape, tf.float32, start, trainable=trainable)


def dense_generator(z: tf.Tensor, rng: np.random.Generator) -> tf.Tensor:
    """Dense, reshape, ReLU, dense, tanh, in TF1 variables."""
    with v1.variable_scope("Generator"):
        w = variable("G_Z/w", rng.standard_normal((4, 12)))
        b = variable("G_Z/b", rng.standard_normal(12))
        h = tf.reshape(tf.nn.bias_add(tf.matmul(z, w), b), [-1, 2, 2, 3], name="G_Z/Reshape")
        h = tf.reshape(tf.nn.relu(h, name="Relu"), [-1, 12])
        return tf.tanh(tf.matmul(h, variable("out/w", rng.standard_normal((12, 5)))), name="Tanh")


def hub(path, instances: int = 3) -> Export:
    """A TF1-Hub module as BigGAN is: shared ref variables, several instances, switched statistics.

    The truncation chooses a shift by a TF1 `cond` whose branches hold constants, and is stored in a
    variable by an assignment on the way to the output.
    """
    rng = np.random.default_rng(0)
    with tf.Graph().as_default(), tf1_control_flow():
        signatures, made = {}, {}
        for i in range(instances):
            scope = v1.variable_scope("", reuse=v1.AUTO_REUSE, use_resource=False)
            with scope, tf.name_scope("" if i == 0 else f"Instance_{i}"):
                made = _truncated_generator(np.random.default_rng(0))
            inputs = {k: made[k] for k in ("z", "y", "truncation")}
            signatures["default" if i == instances - 1 else f"sample_{i}"] = (
                inputs,
                {"default": made["image"]},
            )
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            values = session.run({v.op.name: v for v in v1.global_variables()})
            feeds = {
                "z": rng.standard_normal((2, 4)).astype(np.float32),
                "y": np.eye(3, dtype=np.float32)[[0, 2]],
                "truncation": np.float32(0.3),
            }
            save_session(path, session, signatures, tags=())
            fed = {made[k]: v for k, v in feeds.items()}
            outputs = {"default": session.run(made["image"], fed)}
    with open(os.path.join(str(path), "tfhub_module.pb"), "wb") as file:
        file.write(b"\x08\x03")
    return Export(str(path), feeds, outputs, values)


def _truncated_generator(rng: np.random.Generator) -> dict[str, tf.Tensor]:
    z = v1.placeholder(tf.float32, [None, 4], "z")
    y = v1.placeholder(tf.float32, [None, 3], "y")
    truncation = v1.placeholder(tf.float32, [], "truncation")
    # Constants in both branches: dropping control inputs must not let both live.
    shift = tf.cond(truncation < 0.5, lambda: 2.0, lambda: -1.0)
    previous = variable("prev_truncation", -1.0, trainable=False)
    stored = tf.cond(
        tf.not_equal(truncation, previous),
        lambda: tf.identity(v1.assign(previous, truncation)),
        lambda: tf.identity(truncation),
    )
    with v1.variable_scope("Generator"):
        w = variable("G_Z/G_linear/w", rng.standard_normal((2, 8)))
        ema = variable("G_Z/G_linear/w/ema_b999900", rng.standard_normal((2, 8)))
        u0 = variable("G_Z/G_linear/u0", rng.standard_normal((1, 8)), trainable=False)
        v = tf.nn.l2_normalize(tf.matmul(u0, ema, transpose_b=True))
        u1 = tf.nn.l2_normalize(tf.matmul(v, ema))
        sigma = tf.matmul(tf.matmul(v, ema), u1, transpose_b=True)
        off_path = v1.assign(u0, u1) + tf.reduce_sum(w)
        first, rest = tf.split(z, 2, axis=1)
        h = tf.matmul(first, ema / tf.stop_gradient(sigma), name="G_Z/MatMul")
        gains = tf.matmul(tf.concat([rest, y], 1), variable("gain/w", rng.standard_normal((5, 8))))
        with tf.control_dependencies([tf.no_op(), off_path.op]):
            h = tf.nn.relu(h * gains + shift * stored)
        image = tf.tanh(tf.matmul(h, variable("out/w", rng.standard_normal((8, 6)))), name="Tanh")
    return {"z": z, "y": y, "truncation": truncation, "image": image}


class Module(tf.Module):
    """Nested functions, a conditional on an input, and variables that share a name."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(0)
        self.w = tf.Variable(rng.standard_normal((4, 8)), dtype=tf.float32, name="v")
        self.gains = [tf.Variable(2.0, name="v"), tf.Variable(-3.0, name="v")]
        self.table = tf.Variable(rng.standard_normal((5, 8)), dtype=tf.float32, name="v")
        self.offset = tf.constant(rng.standard_normal(8), tf.float32)
        self.large = tf.constant(rng.standard_normal((8, 1024)), tf.float32)

    @tf.function
    def inner(self, z):
        return tf.nn.relu(tf.matmul(z, self.w, name="first"))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 4], tf.float32, "z"),
            tf.TensorSpec([None], tf.int64, "label"),
            tf.TensorSpec([], tf.bool, "flip"),
        ]
    )
    def __call__(self, z, label, flip):
        h = self.inner(z) + tf.gather(self.table, label)
        h = tf.cond(flip, lambda: h * self.gains[0], lambda: self.inner(z) * self.gains[1] + 1.0)
        extra = tf.cond(flip, lambda: 5.0, lambda: 7.0)
        return {"image": tf.tanh(h + self.offset + extra), "wide": h @ self.large}


def module(path, flip: bool = True) -> Export:
    """A tf.Module saved with its call as the only signature."""
    made = Module()
    feeds = {
        "z": np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32),
        "label": np.array([0, 4, 2]),
        "flip": np.array(flip),
    }
    tf.saved_model.save(made, str(path), signatures={"generate": made.__call__})
    outputs = {k: v.numpy() for k, v in made(**feeds).items()}
    return Export(str(path), feeds, outputs)


def keras_model(keras, inputs: int = 1):
    """A convolutional generator with batch statistics that are not their defaults."""
    layers = keras.layers
    given = [keras.Input((6,), name=f"z{i}") for i in range(inputs)]
    x = given[0] if inputs == 1 else layers.Concatenate()(given)
    x = layers.Dense(2 * 2 * 4, use_bias=False, name="first")(x)
    x = layers.Reshape((2, 2, 4))(layers.BatchNormalization()(x))
    x = layers.UpSampling2D()(layers.LeakyReLU()(x))
    x = layers.ReLU()(layers.Conv2DTranspose(4, 5, strides=2, padding="same")(x))
    x = layers.Conv2D(3, 3, padding="same", activation="tanh", name="rgb")(layers.Dropout(0.5)(x))
    model = keras.Model(given if inputs > 1 else given[0], x)
    rng = np.random.default_rng(0)
    model.set_weights([np.abs(rng.standard_normal(w.shape)) * 0.3 for w in model.get_weights()])
    return model


def keras_export(path, keras, inputs: int = 1) -> Export:
    """Saves `keras_model`: a `.keras` or `.h5` file, a Keras 3 export or a tf_keras SavedModel."""
    model = keras_model(keras, inputs)
    rng = np.random.default_rng(2)
    given = [rng.standard_normal((3, 6)).astype(np.float32) for _ in range(inputs)]
    image = np.asarray(model(given if inputs > 1 else given[0], training=False))
    path = str(path)
    if path.endswith((".keras", ".h5")):
        model.save(path)
    elif hasattr(model, "export") and keras.__name__ == "keras":
        model.export(path, verbose=False)
    else:
        model.save(path, save_format="tf")
    return Export(path, {f"z{i}": g for i, g in enumerate(given)}, {"image": image})


def edit(path: str, change: Callable[[saved_model_pb2.SavedModel], None]) -> None:
    """Changes a saved_model.pb in place."""
    file = os.path.join(path, "saved_model.pb")
    with open(file, "rb") as stream:
        saved_model = saved_model_pb2.SavedModel.FromString(stream.read())
    change(saved_model)
    with open(file, "wb") as stream:
        stream.write(saved_model.SerializeToString())
