"""Which steps a plan's upsamplings and convolutions become, and that pictures stay the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.graph.interpret import Program
from tfinv.graph.model import GraphModel, Port
from tfinv.graph.pairs import with_kernels
from tfinv.graph.plan import make_plan

v1 = tf.compat.v1


def upsample(x):
    return v1.image.resize_nearest_neighbor(x, [8, 8])


def filters(size, inputs, outputs):
    shape = [size, size, inputs, outputs]
    return np.random.default_rng(size).normal(size=shape).astype(np.float32)


def block(x):
    """An upsampling block with a shortcut, as BigGAN has them."""
    h = v1.nn.conv2d(upsample(tf.nn.relu(x)), filters(3, 4, 6), padding="SAME")
    return h + v1.nn.conv2d(upsample(x), filters(1, 4, 6), padding="SAME")


def shared(x):
    """Two convolutions of one upsampling: it would be done twice."""
    large = upsample(x)
    first = v1.nn.conv2d(large, filters(3, 4, 6), padding="SAME")
    return first + v1.nn.conv2d(large, filters(1, 4, 6), padding="SAME")


def shown(x):
    """The upsampled picture is an output itself."""
    large = upsample(x)
    return v1.nn.conv2d(large, filters(3, 4, 6), padding="SAME"), large


def model(draw) -> tuple[GraphModel, list[str]]:
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4, 4, 4], "x")
        outputs = [tensor.name for tensor in tf.nest.flatten(draw(x))]
        nodes = {node.name: node for node in graph.as_graph_def().node}
    port = Port("x", "x:0", tf.float32, (None, 4, 4, 4))
    out = tuple(Port(name, name, tf.float32, None) for name in outputs)
    return GraphModel(nodes, {}, (port,), out, "test", "test"), outputs


@pytest.mark.parametrize(
    ("draw", "resizes"), [(block, 0), (shared, 1), (shown, 1)], ids=["block", "shared", "shown"]
)
def test_pictures_and_gradients_stay_the_same(draw, resizes):
    made, outputs = model(draw)
    ops = [step.node.op for step, _ in with_kernels(make_plan(made, outputs, live=["x:0"]))]
    assert ops.count("ResizeNearestNeighbor") == resizes
    x = tf.constant(np.random.default_rng(0).normal(size=[2, 4, 4, 4]), tf.float32)
    results = []
    for run in (lambda x: Program(made, outputs, live=["x:0"]).run([x]), draw):
        with tf.GradientTape() as tape:
            tape.watch(x)
            images = tf.nest.flatten(run(x))
            total = tf.add_n([tf.reduce_sum(tf.sin(image)) for image in images])
        results.append([*images, tape.gradient(total, x)])
    for ours, truth in zip(*results, strict=True):
        np.testing.assert_allclose(ours, truth, atol=1e-4)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
