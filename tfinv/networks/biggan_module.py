"""Writes a network as a TF1-Hub module: several applications in one graph, weights, signature."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfinv.networks.biggan_layers import Branch, Layers
from tfinv.networks.biggan_statistics import (
    COUNT,
    LEVELS,
    BatchStatistics,
    ConstantStatistics,
    Moments,
    VariableStatistics,
)

__all__ = ["Writable", "write_module"]

v1 = tf.compat.v1

_BATCH = 4  # pictures that statistics are taken from
_FED_AT_ONCE = 1 << 28  # bytes
_ENLARGEMENT = 64.0  # of a saturated network, by all its norms together
_HUB_MARK = b"\x08\x03"  # ModuleDef.format = FORMAT_V3


class Writable(Protocol):
    """What can be written."""

    latent_size: int
    averages: str

    def draw(self, layers: Layers, z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Writes one application into the default graph."""


def write_module(
    path: str,
    network: Writable,
    *,
    classes: int,
    saturated: bool,
    constants: bool,
    applications: int,
    seed: int,
) -> None:
    """Writes the module; see `tfinv.networks.biggan.write_biggan`."""
    moments = _measure(network, classes, seed)
    if saturated:
        for both in moments.values():
            both[1] /= _ENLARGEMENT ** (2 / len(moments))
    values = _Values(moments, saturated, seed)
    with tf.Graph().as_default() as graph, _tf1_control_flow():
        inputs, image = _write_graph(network, classes, applications, moments if constants else None)
        with _session(graph) as session:
            values.load(session)
            _save(path, session, inputs, image)


def _write_graph(network: Writable, classes: int, applications: int, constants: Moments | None):
    """Writes all applications; returns the inputs of the last one by key, and its picture."""
    for k in range(applications - 1):
        # The first one trains, on the weights themselves; one more gathers statistics.
        statistics = BatchStatistics(accumulates=constants is None)
        branch = Branch(statistics, network.averages if k else "", assigns=not k)
        image = _draw(network, branch, *_random_inputs(network, classes))
        with tf.control_dependencies(statistics.updates):
            tf.identity(image)
    z = v1.placeholder(tf.float32, [None, network.latent_size], "z")
    y = v1.placeholder(tf.float32, [None, classes], "y")
    truncation = v1.placeholder(tf.float32, [], "truncation")
    if constants is None:
        statistics = VariableStatistics(truncation)
    else:
        statistics = ConstantStatistics(constants, truncation)
    # Where none other gathers statistics, the power iterations of the last one are stored too.
    branch = Branch(statistics, network.averages, assigns=applications < 3)
    image = _draw(network, branch, z, y)
    if constants is None:
        image = statistics.remember(image)
    return {"z": z, "y": y, "truncation": truncation}, image


def _draw(network: Writable, branch: Branch, z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    with v1.variable_scope("", reuse=v1.AUTO_REUSE):
        return network.draw(Layers(branch), z, y)


def _session(graph: tf.Graph) -> v1.Session:
    """A Session that runs a graph as it is: what is run once is not worth being optimised."""
    config = v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return v1.Session(graph=graph, config=config)


def _random_inputs(network: Writable, classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    z = tf.random.normal([_BATCH, network.latent_size])
    return z, tf.one_hot(tf.random.uniform([_BATCH], 0, classes, tf.int32), classes)


def _measure(network: Writable, classes: int, seed: int) -> dict[str, np.ndarray]:
    """Statistics of every norm at every truncation, from a few pictures at truncations 0 and 1.

    Between the two, the mean goes with the truncation and the variance with its square, as in a
    linear network.
    """
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((_BATCH, network.latent_size))
    y = np.eye(classes)[rng.integers(classes, size=_BATCH)]
    with tf.Graph().as_default() as graph:
        statistics = BatchStatistics()
        fed = tf.constant(y, tf.float32)
        latent = v1.placeholder(tf.float32, z.shape)
        _draw(network, Branch(statistics, network.averages), latent, fed)
        with _session(graph) as session:
            _Values({}, False, seed).load(session, only=network.averages)
            low, high = (session.run(statistics.moments, {latent: t * z}) for t in (0, 1))
    t = np.linspace(0, 1, LEVELS)[None, :, None] ** np.array([1, 2])[:, None, None]
    return {
        scope: np.float32(
            np.array(low[scope])[:, None] * (1 - t) + np.array(high[scope])[:, None] * t
        )
        for scope in low
    }


class _Values:
    """What each variable holds, told by its name. The same variable always holds the same."""

    def __init__(self, moments: Moments, saturated: bool, seed: int):
        self._moments, self._saturated, self._seed = moments, saturated, seed

    def load(self, session: v1.Session, only: str = "") -> None:
        """Fills the variables of a Session; `only`: averages of this suffix, not their weights."""
        held = {v.op.name: v for v in v1.global_variables()}
        waiting = [name for name in held if not (only and f"{name}/{only}" in held)]
        while waiting:  # each run prunes the whole graph, so a run fills many variables
            runs, feeds = [], {}
            while waiting and sum(value.nbytes for value in feeds.values()) < _FED_AT_ONCE:
                variable = held[waiting.pop()]
                runs.append(variable.initializer)
                value = self._value(variable.op.name, variable.shape.as_list())
                feeds[variable.initial_value] = value
            session.run(runs, feeds)

    def _value(self, name: str, shape: list[int]) -> np.ndarray:
        scope, _, last = name.partition("/ema_")[0].rpartition("/")
        rng = np.random.default_rng([self._seed, zlib.crc32(name.encode())])
        if last in ("accumulation_counter", "previous_truncation"):
            return np.float32(COUNT if last == "accumulation_counter" else 1)
        if last.endswith("_by_truncation"):
            return self._moments[scope][int(last.startswith("var"))]
        if last.startswith("accumulated_"):
            return COUNT * self._moments[scope][int(last == "accumulated_var"), -1]
        if not shape:  # the share of attention
            return np.float32(4 if self._saturated else 1)
        drawn = rng.standard_normal(shape, np.float32)
        if len(shape) > 1:
            return drawn
        if last in ("gamma", "scale"):
            return (4 if self._saturated else 1) * (1 + drawn / 8)
        return drawn / 8


def _save(path: str, session: v1.Session, inputs: dict[str, tf.Tensor], image: tf.Tensor) -> None:
    info = v1.saved_model.utils.build_tensor_info
    signature = v1.saved_model.signature_def_utils.build_signature_def(
        {key: info(tensor) for key, tensor in inputs.items()}, {"default": info(image)}
    )
    builder = v1.saved_model.Builder(path)
    builder.add_meta_graph_and_variables(
        session, [], {"default": signature}, strip_default_attrs=True
    )
    builder.save()
    with open(os.path.join(path, "tfhub_module.pb"), "wb") as file:
        file.write(_HUB_MARK)


@contextlib.contextmanager
def _tf1_control_flow() -> Iterator[None]:
    """Makes a condition write Switch and Merge, as TF1 did."""
    enabled = v1.control_flow_v2_enabled()
    v1.disable_control_flow_v2()
    try:
        yield
    finally:
        if enabled:
            v1.enable_control_flow_v2()
