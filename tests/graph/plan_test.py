"""What is folded, what is kept, what is dead."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from graph import graphs

from tfinv.errors import UserError
from tfinv.graph.plan import LIVE, PER_BATCH, UNUSED, _Planner, make_plan

v1 = tf.compat.v1


def small(build, *, shape=(None, 4)):
    """The model of output = build(z), with placeholders z and flag."""
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, shape, "z")
        flag = v1.placeholder(tf.bool, [], "flag")
        output = tf.identity(build(z, flag), "output")
    return graphs.to_model(graph, {"z": z, "flag": flag}, output)


def ops_of(plan, kind=LIVE) -> list[str]:
    return [step.node.op for step in plan.steps[kind]]


def test_constants_are_folded_and_only_what_is_read_stays():
    weight = np.eye(4, dtype=np.float32) * 2
    model = small(lambda z, _: z @ (tf.constant(weight) * 3 + 1))
    plan = make_plan(model, ["output"], live=["z"])
    assert ops_of(plan) == ["MatMul"]
    [name] = plan.constants
    np.testing.assert_array_equal(plan.constants[name], weight * 3 + 1)
    assert plan.folded == 5  # three constants, a product, a sum


def test_intermediate_constants_are_let_go_while_folding():
    def chain(z, _):
        value = tf.ones([4])
        for _ in range(50):
            value = value * 2 - 1
        return z + value

    model = small(chain)
    planner = _Planner(model, ["output"], ["z"], [], {})
    most = 0
    for name in planner.order:
        planner.visit(model.nodes[name])
        most = max(most, len(planner.plan.constants))
    assert most <= 4
    plan = planner.finish()
    assert len(plan.constants) == 1
    assert plan.folded == 1 + 50 * 4


def test_kinds_follow_what_is_fed():
    model = small(lambda z, flag: tf.tanh(z * 2) + tf.cast(flag, tf.float32))
    plan = make_plan(model, ["output"], live=["Tanh"], per_batch=["flag"])
    assert ops_of(plan) == ["AddV2"]
    assert ops_of(plan, PER_BATCH) == ["Cast"]
    assert plan.frontier == ("Cast:0",)
    plan = make_plan(model, ["output"], live=["z"], constants={"flag": True})
    assert ops_of(plan) == ["Mul", "Tanh", "AddV2"]
    assert not plan.frontier


def test_live_wins_over_per_batch_and_that_over_constants():
    model = small(lambda z, _: tf.tanh(z))
    plan = make_plan(model, ["output"], live=["z"], per_batch=["z"], constants={"z": 1.0})
    assert plan.kinds["z:0"] == LIVE
    plan = make_plan(model, ["output"], per_batch=["z"], constants={"z": 1.0})
    assert plan.kinds["z:0"] == PER_BATCH and plan.frontier == ("Tanh:0",)
    plan = make_plan(model, ["output"], constants={"z": [[1.0]]})
    np.testing.assert_allclose(plan.constants[plan.outputs[0]], np.tanh([[1.0]]))


def test_one_output_of_a_node_can_be_fed_and_the_others_computed():
    model = small(lambda z, _: tf.add_n(tf.split(z, 4, 1)))
    plan = make_plan(model, ["output"], live=["z", "split:1"])
    [split] = [step for step in plan.steps[LIVE] if step.node.op == "Split"]
    assert split.outputs == ("split:0", UNUSED, "split:2", "split:3")


@pytest.mark.parametrize("flag", [True, False])
def test_the_branch_not_taken_is_dead(flag):
    def build(z, flag):
        return v1.cond(flag, lambda: tf.tanh(z), lambda: z * tf.random.normal([4]) + 1)

    with graphs.old_control_flow():
        model = small(build)
    if flag:
        plan = make_plan(model, ["output"], live=["z"], constants={"flag": flag})
        assert ops_of(plan) == ["Tanh"]
    else:
        with pytest.raises(UserError, match="RandomStandardNormal"):
            make_plan(model, ["output"], live=["z"], constants={"flag": flag})


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_a_branch_of_constants_only(flag, old):
    def build(z, flag):
        return z * tf.cond(flag, lambda: tf.constant(2.0), lambda: tf.constant(5.0))

    if old:
        with graphs.old_control_flow():
            model = small(build)
    else:
        model = small(build)
    plan = make_plan(model, ["output"], live=["z"], constants={"flag": flag})
    assert [value.numpy() for value in plan.constants.values()] == [2.0 if flag else 5.0]


def test_a_condition_that_changes_from_picture_to_picture_is_refused():
    with graphs.old_control_flow():
        model = small(lambda z, flag: v1.cond(flag, lambda: tf.tanh(z), lambda: z))
    with pytest.raises(UserError, match=r"'flag:0'.*constant"):
        make_plan(model, ["output"], live=["z"], per_batch=["flag"])


def test_an_input_without_a_value_is_named_by_its_key():
    model = small(lambda z, flag: z * tf.cast(flag, tf.float32))
    with pytest.raises(UserError, match="input 'flag'"):
        make_plan(model, ["output"], live=["z"])


def test_an_input_that_only_a_dead_branch_reads_needs_no_value():
    with graphs.old_control_flow(), tf.Graph().as_default() as graph:
        z, flag = v1.placeholder(tf.float32, [None], "z"), v1.placeholder(tf.bool, [], "flag")
        label = v1.placeholder(tf.float32, [], "label")
        output = v1.cond(flag, lambda: tf.tanh(z), lambda: z * label)
    model = graphs.to_model(graph, {"z": z, "flag": flag, "label": label}, output)
    plan = make_plan(model, [output.name], live=["z"], constants={"flag": True})
    assert ops_of(plan) == ["Tanh"]


def test_noise_can_be_given_a_value():
    model = small(lambda z, _: z + tf.random.normal([4]))
    with pytest.raises(UserError) as caught:
        make_plan(model, ["output"], live=["z"])
    name = next(name for name, node in model.nodes.items() if node.op == "RandomStandardNormal")
    assert f"--constants={name}=0" in str(caught.value)
    plan = make_plan(model, ["output"], live=["z"], constants={name: np.zeros(4)})
    assert ops_of(plan) == ["AddV2"]


def test_checks_do_not_stop_a_batch():
    model = small(lambda z, _: tf.debugging.check_numerics(tf.tanh(z), "not finite"))
    assert ops_of(make_plan(model, ["output"], live=["z"])) == ["Tanh"]


def test_a_merge_that_nothing_decides_is_refused():
    with graphs.old_control_flow():
        model = small(lambda z, flag: v1.cond(flag, lambda: tf.tanh(z), lambda: z))
    [merge] = [node for node in model.nodes.values() if node.op == "Merge"]
    merge.input[0] = merge.input[1] = "z"
    with pytest.raises(UserError, match="both would run"):
        make_plan(model, ["output"], live=["z"], constants={"flag": True})


def test_an_output_on_a_dead_branch_is_refused():
    with graphs.old_control_flow():
        model = small(lambda z, flag: v1.cond(flag, lambda: tf.tanh(z), lambda: z))
    name = next(node.name for node in model.nodes.values() if node.op == "Tanh")
    with pytest.raises(UserError, match="never takes"):
        make_plan(model, [name], live=["z"], constants={"flag": False})


def test_a_name_that_is_not_there():
    model = small(lambda z, _: tf.tanh(z))
    for bad in ({"outputs": ["nowhere"]}, {"outputs": ["output"], "live": ["nowhere:0"]}):
        with pytest.raises(UserError, match="nowhere"):
            make_plan(model, **bad)


@pytest.mark.parametrize("flag", [True, False])
def test_values_that_are_read_are_told_from_shapes(flag):
    """At the cut h, z is read by value only in the branch that the flag takes."""
    with tf.Graph().as_default() as graph, graphs.old_control_flow():
        z = v1.placeholder(tf.float32, [None, 4], "z")
        y = v1.placeholder(tf.float32, [None, 4], "y")
        flag_in = v1.placeholder(tf.bool, [], "flag")
        h = tf.nn.relu(z, name="h")
        x = tf.reshape(h, [tf.shape(z)[0], 2, 2]) + tf.reduce_sum(tf.zeros_like(y))
        x = tf.cond(flag_in, lambda: x + tf.reduce_sum(z), lambda: 2 * x)
        output = tf.multiply(x, 1.0, name="output")
    model = graphs.to_model(graph, {"z": z, "y": y, "flag": flag_in}, output)
    plan = make_plan(
        model, ["output"], live=["h"], per_batch=["z", "y"], constants={"flag:0": flag}
    )
    assert plan.reads == ({"h:0", "z:0"} if flag else {"h:0"})
    whole = make_plan(model, ["output"], per_batch=["z", "y"], constants={"flag": flag})
    assert whole.reads == {"z:0"}
    assert make_plan(model, ["h"], live=["z"], per_batch=["y"]).reads == {"z:0"}
    assert make_plan(model, ["y"], per_batch=["y"]).reads == {"y:0"}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
