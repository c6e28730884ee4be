"""A layer is found by its tensor, its scope or the end of either; else the nearest are listed."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf
from features import networks

from tfinv.errors import UserError
from tfinv.features.names import Names, carried_tensors
from tfinv.graph.plan import make_plan
from tfinv.graph.reading.saved_model import read_saved_model

CONV1 = "D_paper/8x8/Conv1/LeakyRelu/Maximum:0"


def names(path: str, image: str = "images_in:0") -> Names:
    model = read_saved_model(path)
    outputs = [port.tensor for port in model.outputs]
    return Names(model, make_plan(model, outputs, live=[image]))


@pytest.fixture(scope="module")
def critic() -> Names:
    return names(networks.critic_path())


@pytest.fixture(scope="module")
def branching(tmp_path_factory) -> Names:
    """A block of two branches, a block with a way around it, and names with numbers behind them."""

    def build(x):
        with tf.name_scope("Mixed_7a"):
            left = tf.nn.relu(x, name="Branch_0/Relu")
            right = tf.tanh(x, name="Branch_1/Tanh")
            x = tf.concat([left, right], 3, name="concat")
        with tf.name_scope("residual_1"):
            inner = tf.sin(tf.nn.relu(x, name="Relu"), name="Sin")
            x = tf.identity(tf.add(x, inner, name="add"), name="Identity")
        with tf.name_scope("heads"):
            tall = tf.reduce_sum(x, [2, 3], name="tall")
            wide = tf.reduce_sum(x, [1, 3], name="wide")
        with tf.name_scope("sizes"):
            count = tf.cast(tf.shape(x)[0], tf.float32, name="Cast")
        return {"tall": tall, "wide": wide * count}

    path = tmp_path_factory.mktemp("names") / "branching"
    return names(networks.saved(path, {"x": (tf.float32, [None, 4, 4, 3])}, build), "x:0")


@pytest.mark.parametrize(
    "query",
    [
        CONV1,
        CONV1.removesuffix(":0"),
        "Conv1/LeakyRelu/Maximum",
        "D_paper/8x8/Conv1",  # behind the convolution, its bias and the leaky ReLU
        "8x8/Conv1",
        "Conv1",
        " 8x8/Conv1 ",
        "8x8",
        "D_paper/8x8/Conv1/LeakyRelu",  # as the thesis writes it (section 7.3)
    ],
)
def test_ways_to_name_one_layer(critic, query):
    assert critic.find(query) == CONV1


def test_the_key_of_an_output(critic, branching):
    assert critic.find("scores") == "D_paper/4x4/Dense/MatMul:0"
    assert branching.find("tall") == "heads/tall:0"


@pytest.mark.parametrize(
    ("query", "tensor"),
    [
        ("Mixed_7a", "Mixed_7a/concat:0"),  # and not the last activation of a branch
        ("Branch_0", "Mixed_7a/Branch_0/Relu:0"),
        ("residual_1", "residual_1/add:0"),
        ("residual", "residual_1/add:0"),  # the number may be left out
        ("residual_1/Identity", "residual_1/Identity:0"),  # computes nothing, and is there
    ],
)
def test_blocks(branching, query, tensor):
    assert branching.find(query) == tensor


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("Maximum", ["8x8/Conv0/LeakyRelu/Maximum:0", "8x8/Conv1/LeakyRelu/Maximum:0"]),
        ("LeakyRelu", ["8x8/Conv0/LeakyRelu/Maximum:0", "8x8/Conv1/LeakyRelu/Maximum:0"]),
    ],
)
def test_several_that_fit_are_listed(critic, query, listed):
    with pytest.raises(UserError, match="2 layers may be meant") as raised:
        critic.find(query)
    assert all(name in str(raised.value) for name in (repr(query), *listed))


def test_a_scope_with_several_ends_is_not_guessed_at(branching):
    with pytest.raises(UserError, match=r"2 layers .* heads/tall:0, heads/wide:0; give one"):
        branching.find("heads")


@pytest.mark.parametrize("query", ["8x8/Conv9", "8x8/conv1", "Conv_1", "", ":0", "scores:7"])
def test_what_is_not_there_is_answered_with_the_nearest(critic, query):
    with pytest.raises(UserError, match="has no layer") as raised:
        critic.find(query)
    if "onv" in query:
        assert "Conv1" in str(raised.value)


def test_carried_tensors_are_those_that_hold_the_pictures_values(branching):
    model = read_saved_model(networks.critic_path())
    plan = make_plan(model, ["D_paper/4x4/Dense/MatMul:0"], live=["images_in:0"])
    carried = carried_tensors(plan)
    assert carried.index("D_paper/8x8/Conv0/Conv2D:0") < carried.index(CONV1)
    assert not any("Shape" in name or "filter" in name for name in carried)
    with pytest.raises(UserError, match="no layer 'sizes'"):
        branching.find("sizes")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
