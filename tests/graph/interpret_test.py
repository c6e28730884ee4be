"""Programs against TensorFlow's own Session on the same graph."""

from __future__ import annotations

import functools
import operator
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
from graph import graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.errors import UserError
from tfinv.graph.interpret import Program

v1 = tf.compat.v1


def whole(case: graphs.Case) -> Program:
    return Program(
        case.model,
        [case.output.name],
        live=[case.latent],
        per_batch=case.others,
        constants=case.constants,
    )


def behind(case: graphs.Case) -> Program:
    """The generator behind its first dense layer, the latent and labels per batch."""
    return Program(
        case.model,
        [case.output.name],
        live=[case.dense],
        per_batch=[case.latent, *case.others],
        constants=case.constants,
    )


def values(case: graphs.Case, names) -> list[tf.Tensor]:
    return [tf.constant(case.feeds[name]) for name in names]


def behind_frontier(case: graphs.Case, program: Program) -> tuple[tf.Tensor, ...]:
    return program.prepare(*values(case, [case.latent, *case.others]))


@pytest.mark.parametrize("name", graphs.cases())
def test_the_output_is_the_sessions(name):
    case = graphs.case(name)
    program = whole(case)
    [image] = program.run(values(case, [case.latent]), program.prepare(*values(case, case.others)))
    np.testing.assert_allclose(image, case.truth(case.output), atol=1e-5)


@pytest.mark.parametrize("name", graphs.different_cases())
def test_the_gradient_at_the_latent_is_the_sessions(name):
    case = graphs.case(name)
    program, [z] = whole(case), values(case, [case.latent])
    frontier = program.prepare(*values(case, case.others))
    weights = np.cos(np.arange(case.truth(case.output).size)).reshape(case.truth(case.output).shape)
    with tf.GradientTape() as tape:
        tape.watch(z)
        [image] = program.run([z], frontier)
        loss = tf.reduce_sum(image * weights)
    truth = case.true_gradient(case.latent, weights)
    np.testing.assert_allclose(tape.gradient(loss, z), truth, atol=2e-5 * np.abs(truth).max())


@pytest.mark.parametrize("name", graphs.different_cases())
def test_the_gradient_behind_the_dense_layer_is_the_sessions(name):
    case = graphs.case(name)
    program, code = behind(case), case.truth(case.dense)
    frontier = behind_frontier(case, program)
    code = tf.constant(code * 1.1 + 0.05)  # a code that no latent reaches
    weights = np.sin(np.arange(case.truth(case.output).size)).reshape(case.truth(case.output).shape)
    with tf.GradientTape() as tape:
        tape.watch(code)
        [image] = program.run([code], frontier)
        loss = tf.reduce_sum(image * weights)
    feed = {case.dense: code.numpy()}
    np.testing.assert_allclose(image, case.truth(case.output, feed), atol=1e-5)
    truth = case.true_gradient(case.dense, weights, feed)
    np.testing.assert_allclose(tape.gradient(loss, code), truth, atol=2e-5 * np.abs(truth).max())


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", ["dcgan, fused norm", "biggan", "progan"])
def test_descent_in_one_compiled_loop_takes_the_sessions_steps(name, jit):
    case, steps, rate = graphs.case(name), 3, 0.05
    program, start = behind(case), case.truth(case.dense)
    target = np.zeros_like(case.truth(case.output)) + np.float32(0.3)

    @tf.function(jit_compile=jit, autograph=False)
    def descend(code, z, *others):
        frontier = program.prepare(z, *others)

        def body(step, code):
            with tf.GradientTape() as tape:
                tape.watch(code)
                [image] = program.run([code], frontier, leak=tf.constant(0.0))
                loss = tf.reduce_sum((image - target) ** 2)
            return step + 1, code - rate * tape.gradient(loss, code)

        return tf.while_loop(lambda step, _: step < steps, body, [0, code])[1]

    found = descend(start, *values(case, [case.latent, *case.others]))
    with case.graph.as_default():
        inner = case.graph.get_tensor_by_name(case.dense)
        [gradient] = v1.gradients(tf.reduce_sum((case.output - target) ** 2), inner)
    code = start
    for _ in range(steps):
        code = code - rate * case.truth(gradient, {case.dense: code})
    np.testing.assert_allclose(found, code, atol=1e-4)
    assert np.abs(found - start).max() > 1e-2


def test_the_leak_reaches_the_relus_and_changes_no_output():
    rng = np.random.default_rng(0)
    w1, w2 = (rng.standard_normal(shape).astype(np.float32) for shape in ((4, 6), (6, 3)))
    with tf.Graph().as_default() as graph:
        z = v1.placeholder(tf.float32, [None, 4], "z")
        output = tf.nn.relu(z @ w1) @ w2
    program = Program(graphs.to_model(graph, {"z": z}, output), [output.name], live=["z"])
    x = rng.standard_normal((5, 4)).astype(np.float32)
    for leak in (0.0, 0.1):
        with tf.GradientTape() as tape:
            code = tf.Variable(x)
            [y] = program.run([code], leak=leak)
            loss = tf.reduce_sum(y)
        np.testing.assert_allclose(y, np.maximum(x @ w1, 0) @ w2, rtol=1e-5, atol=1e-5)
        upstream = np.broadcast_to(w2.sum(1), (5, 6))
        closed = leak * np.minimum(upstream, 0)
        truth = np.where(x @ w1 > 0, upstream, closed) @ w1.T
        np.testing.assert_allclose(tape.gradient(loss, code), truth, rtol=1e-5, atol=1e-5)


def test_biggan_is_mostly_constant_and_the_gains_are_per_batch():
    case = graphs.case("biggan")
    cut, all_live = behind(case).counts, whole(case).counts
    assert cut["constant"] > 500
    assert cut["per_batch"] > 10
    assert cut["live"] < all_live["live"] < 100
    # Exactly the ops behind the cut that are neither identities nor read z or y alone.
    assert cut["live"] + cut["per_batch"] <= all_live["live"] + all_live["per_batch"]


def test_a_program_is_built_while_something_else_is_traced_or_taped_and_on_any_thread():
    case = graphs.case("dcgan, fused norm")
    [z] = values(case, [case.latent])
    built = []

    @tf.function(autograph=False)
    def traced(z):
        built.append(whole(case))
        return built[-1].run([z])[0]

    images = [traced(z)]
    with tf.GradientTape():
        built.append(whole(case))
    worker = threading.Thread(target=lambda: built.append(whole(case)))
    worker.start()
    worker.join()
    images += [program.run([z])[0] for program in built]
    assert len(images) == 4
    for image in images:
        np.testing.assert_allclose(image, case.truth(case.output), atol=1e-5)


def test_outputs_may_be_constant_per_batch_live_or_fed():
    case = graphs.case("resnet")
    names = ["dense/reshape", "block1/sum:0", case.latent, "label", case.output.name]
    constant = next(n for n, node in case.model.nodes.items() if node.op == "Const")
    program = Program(case.model, [*names, constant], live=["block1/sum"], per_batch=["z", "label"])
    total = case.truth("block1/sum:0")
    found = program.run([total], program.prepare(*values(case, ["z:0", "label:0"])))
    fetches = [f"{name}:0".replace(":0:0", ":0") for name in [*names, constant]]
    assert len(found) == len(fetches)
    for value, truth in zip(found, case.truth(fetches), strict=True):
        np.testing.assert_allclose(value, truth, atol=1e-5)


def test_values_of_another_type_are_cast_and_their_number_is_checked():
    case = graphs.case("dcgan, fused norm")
    program = whole(case)
    [image] = program.run([case.feeds["z:0"].tolist()])
    np.testing.assert_allclose(image, case.truth(case.output), atol=1e-5)
    with pytest.raises(ValueError, match="live"):
        program.run([])
    with pytest.raises(ValueError, match="prepare"):
        behind(graphs.case("resnet")).run([case.truth(case.dense)])


def test_a_value_of_the_wrong_shape_names_the_node():
    case = graphs.case("dcgan, fused norm")
    with pytest.raises(UserError, match=r"MatMul.*shape"):
        whole(case).run([np.zeros([2, 9], np.float32)])


def test_a_nan_in_one_image_stays_there():
    case = graphs.case("biggan")
    program, code = behind(case), case.truth(case.dense)
    frontier = behind_frontier(case, program)
    [clean] = program.run([code], frontier)
    code[0] = np.nan
    [image] = program.run([code], frontier)
    assert np.isnan(image[0]).any()
    np.testing.assert_array_equal(image[1], clean[1])


UNARY = {
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "sum": lambda x: tf.reduce_sum(x, 1, keepdims=True),
    "flip": lambda x: x[:, ::-1],
    "soft": tf.nn.softmax,
    "same": tf.identity,
}


@st.composite
def recipes(draw):
    """A random graph: each node reads earlier ones; 0 is live, 1 per batch, 2 constant."""
    recipe = []
    for i in range(3, draw(st.integers(4, 14))):
        op = draw(st.sampled_from([*UNARY, "add", "mul", "sub"]))
        recipe.append((op, draw(st.integers(0, i - 1)), draw(st.integers(0, i - 1))))
    return recipe, draw(st.integers(0, len(recipe) + 2))


def build(recipe, z, y, c):
    tensors = [z, y, c]
    for op, a, b in recipe:
        if op in UNARY:
            tensors.append(UNARY[op](tensors[a]))
        else:
            tensors.append(getattr(operator, op)(tensors[a], tensors[b]))
    return tensors


@given(recipes())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_random_graphs_cut_anywhere(drawn):
    recipe, cut = drawn
    rng = np.random.default_rng(len(recipe))
    z, y, c = (rng.standard_normal((2, 3)).astype(np.float32) for _ in range(3))
    with tf.Graph().as_default() as graph:
        ports = {key: v1.placeholder(tf.float32, [None, 3], key) for key in "zy"}
        tensors = build(recipe, ports["z"], ports["y"], tf.constant(c))
        output = functools.reduce(operator.add, tensors)  # so that nothing is pruned
        feeds = dict(zip(ports.values(), (z, y), strict=True))
        with v1.Session() as session:
            truth, middle = session.run([output, tensors[cut]], feeds)
    model = graphs.to_model(graph, ports, output)
    name = tensors[cut].name
    first = Program(model, [name], live=["z"], per_batch=["y"])
    [code] = first.run([z], first.prepare(y))
    np.testing.assert_allclose(code, middle, rtol=1e-4, atol=1e-5)
    second = Program(model, [output.name], live=[name], per_batch=["z", "y"])
    [image] = second.run([code], second.prepare(z, y))
    np.testing.assert_allclose(image, truth, rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
