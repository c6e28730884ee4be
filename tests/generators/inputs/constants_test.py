"""The values of what is neither latent nor labels: by default, by the user, by role."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators.inputs_of import facts_of, model_of, sum_of_all

from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.inputs.constants import DRAWS, choose_constants, find_truncation, parse
from tfinv.generators.inputs.roles import find_roles

F, N, B = tf.float32, tf.int32, tf.bool
Z = ("z", F, [None, 8])


def chosen(*ports, given=None, defaults={}):  # noqa: B006 (read only)
    inputs = {key: (dtype, shape) for key, dtype, shape in (Z, *ports)}
    model = model_of(inputs, sum_of_all, defaults)
    roles = find_roles(facts_of(model))
    constants, inner = choose_constants(model, roles, given or {})
    return (
        {c.port.key: c.value for c in constants},
        {c.port.key for c in constants if c.is_guess},
        inner,
    )


def drawn(z, **scalar):
    """Pictures that a number scales, none of which depends on another."""
    [value] = scalar.values()
    return tf.tanh(tf.reshape(tf.concat([z, z[:, :4]], 1) * value, [-1, 2, 2, 3]))


def sampled(port, given={}) -> str:  # noqa: B006 (read only)
    """What latents are sampled from, where this is the only input beside z."""
    model = model_of({"z": Z[1:], port[0]: port[1:]}, drawn)
    return str(Generator(model, constants=given).prior)


@pytest.mark.parametrize(
    ("port", "value", "guessed"),
    [
        (("truncation", F, []), 1, False),
        (("truncation_psi", F, []), 1, False),
        (("t", F, []), 1, False),  # the only scalar
        (("is_training", B, []), False, False),
        (("lod", F, []), 0, False),
        (("noise_strength", F, []), 1, False),
        (("dropout_rate", F, []), 0, False),
        (("keep_prob", F, []), 1, False),
        (("step", N, []), 0, True),
        (("noise", F, [None, 4, 4, 1]), 0, False),
        (("labels_in", F, [None, 0]), 0, False),
        (("other", F, [None, 3, 2]), 0, True),
    ],
)
def test_defaults(port, value, guessed):
    values, guesses, inner = chosen(port)
    assert values == {port[0]: value} and (port[0] in guesses) == guessed and inner == {}


def test_of_several_scalars_those_of_no_known_name_are_guessed():
    values, guesses, _ = chosen(("truncation", F, []), ("gain", F, []))
    assert values == {"truncation": 1, "gain": 1} and guesses == {"gain"}


def test_a_default_in_the_file_is_kept():
    values, guesses, _ = chosen(("t", F, []), ("k", N, []), defaults={"t": 0.7, "k": 3})
    assert values == {"t": pytest.approx(0.7), "k": 3} and guesses == set()
    assert chosen(("t", F, []), defaults={"t": 0.7}, given={"t": 0.2})[0] == {"t": 0.2}


@pytest.mark.parametrize("key", ["truncation", "psi", "temperature"])
def test_a_truncation_is_found_by_its_role(key):
    assert chosen((key, F, []), given={"truncation": 0.5})[0] == {key: 0.5}


def test_a_truncation_among_other_scalars_is_found_by_its_name():
    ports = [("gain", F, []), ("trunc_psi", F, []), ("training", B, [])]
    values, _, _ = chosen(*ports, given={"truncation": 0.5, "training": 1})
    assert values == {"gain": 1, "trunc_psi": 0.5, "training": True}
    model = model_of({"z": Z[1:], "a": (F, []), "b": (F, [])}, sum_of_all)
    assert find_truncation(find_roles(facts_of(model))) is None


@pytest.mark.parametrize("key", ["lod", "dropout_rate", "noise_strength"])
def test_an_only_scalar_that_is_something_else_is_no_truncation(key):
    with pytest.raises(UserError, match=f"no constant input 'truncation': it has {key}"):
        chosen((key, F, []), given={"truncation": 0.5})
    assert sampled((key, F, []), given={key: 0.5}) == "N(0, 1)"


@pytest.mark.parametrize("key", ["truncation", "Truncation", "TRUNC", "t"])
def test_latents_are_sampled_with_the_truncation_whatever_its_key(key):
    inputs = {"z": Z[1:], key: (F, [])}
    generator = Generator(model_of(inputs, drawn), constants={"truncation": 0.1})
    z = generator.sample_latents(50)
    assert 0.15 < np.abs(z).max() <= 0.2  # a tenth of what is truncated to [-2, 2]


@pytest.mark.parametrize(
    ("key", "value", "prior"),
    [
        ("truncation_psi", 0.5, "N(0, 1)"),
        ("Psi", 0.5, "N(0, 1)"),
        ("t", 0.5, "0.5 x N(0, 1) truncated to [-2, 2]"),
        ("t", 1.5, "N(0, 1)"),  # so it is none
    ],
)
def test_what_else_an_only_scalar_may_be(key, value, prior):
    assert sampled((key, F, []), given={key: value}) == prior


@pytest.mark.parametrize("value", [1.5, -0.5, 5, float("nan")])
@pytest.mark.parametrize(
    ("key", "said"),
    [("truncation", "truncation"), ("Truncation", "Truncation"), ("t", "truncation")],
)
def test_a_truncation_is_from_0_to_1(key, said, value):
    with pytest.raises(UserError) as raised:
        chosen((key, F, []), ("training", B, []), given={said: value})
    assert str(raised.value) == (
        f"truncation {value:g} is out of range: memory takes --truncation from 0 to 1"
    )
    assert chosen(("truncation_psi", F, []), given={"truncation": 1.5})[0] == {
        "truncation_psi": 1.5
    }


def test_the_ends_of_the_range_are_in_it():
    for value in (0, 1):
        assert chosen(("truncation", F, []), given={"truncation": value})[0] == {
            "truncation": value
        }


def test_inner_tensors_and_draws_are_handed_on():
    _, _, inner = chosen(given={DRAWS: 0.0, "Tanh": 2.0})
    assert inner == {DRAWS: 0.0, "Tanh": 2.0}


@pytest.mark.parametrize(
    ("ports", "given", "words"),
    [
        ([], {"truncation": 0.5}, ["'truncation'", "it has none"]),
        ([("t", F, [])], {"psi": 0.5}, ["'psi'", "it has t"]),
        ([("a", F, []), ("b", F, [])], {"truncation": 0.5}, ["'truncation'", "a, b"]),
        ([("flag", B, [])], {"flag": 2.0}, ["flag=2.0", "true or false"]),
        ([("k", N, [])], {"k": 0.5}, ["k=0.5", "whole number"]),
        ([], {"z": 0.5}, ["'z'", "latent"]),
        ([], {"z:0": 0.5}, ["'z:0'", "latent"]),
    ],
)
def test_values_that_do_not_fit(ports, given, words):
    with pytest.raises(UserError) as raised:
        chosen(*ports, given=given)
    assert "\n" not in str(raised.value)
    assert all(word in str(raised.value) for word in words), raised.value


def test_the_flag():
    assert parse(["truncation=0.5", " training = 0", "a/b:0=-1e-3"]) == {
        "truncation": 0.5,
        "training": 0.0,
        "a/b:0": -1e-3,
    }
    assert parse(["training=true", "x=No"]) == {"training": True, "x": False}
    for wrong in (["truncation"], ["=1"], ["a="], ["a=b"], ["a=nan"], ["a=inf"], ["a=1", "a=2"]):
        with pytest.raises(UserError, match="--constants"):
            parse(wrong)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
