"""Losses add up, scale and are read from text; every term is that of its formula."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tfinv.errors import UserError
from tfinv.inversion.losses import TERMS, Loss, Term
from tfinv.inversion.trial import Trial


def trial(seed: int = 0, rows: int = 3) -> Trial:
    rng = np.random.default_rng(seed)
    pictures = rng.random((2, rows, 4, 5, 3)).astype(np.float32)
    codes = rng.standard_normal((2, rows, 7)).astype(np.float32)
    latents = rng.standard_normal((rows, 6)).astype(np.float32)
    return Trial(*map(tf.constant, (*pictures, *codes, latents)))


def in_numpy(t: Trial) -> dict[str, np.ndarray]:
    images, targets, code, anchor, latent = (np.asarray(part, np.float64) for part in t[:5])
    return {
        "mse": ((images - targets) ** 2).reshape(len(images), -1).mean(1),
        "likelihood": (latent**2).sum(1) / 2,
        "delta": np.abs(code - anchor).sum(1),
    }


@pytest.mark.parametrize("name", [name for name, term in TERMS.items() if term.value])
def test_each_term_is_that_of_its_formula_and_of_its_own_row(name):
    t = trial()
    value = Loss.of(name)(t)
    assert value.shape == (3,) and value.dtype == tf.float32
    np.testing.assert_allclose(value, in_numpy(t)[name], rtol=1e-5)
    # No mean over the batch: a row alone has the same loss.
    alone = Loss.of(name)(Trial(*(part[1:2] for part in t[:5])))
    np.testing.assert_allclose(alone, value[1:2], rtol=1e-6)


def names(loss: Loss) -> list[tuple[str, float]]:
    return [(term.name, weight) for term, weight in loss.parts]


WEIGHTS = st.floats(1e-3, 1e3)


@given(WEIGHTS, WEIGHTS, WEIGHTS)
def test_algebra(a, b, c):
    t, parts = trial(), in_numpy(trial())
    loss = a * (Loss.of("mse") + b * Loss.of("likelihood")) + Loss.of("delta") * c
    truth = a * (parts["mse"] + b * parts["likelihood"]) + c * parts["delta"]
    np.testing.assert_allclose(loss(t), truth, rtol=1e-4)


@given(WEIGHTS, WEIGHTS)
def test_text_and_back(a, b):
    text = f"mse + {a:g} * likelihood + {b:g}*delta"
    loss = Loss.parse(text)
    assert names(loss) == [
        ("mse", 1.0),
        ("likelihood", float(f"{a:g}")),
        ("delta", float(f"{b:g}")),
    ]
    assert Loss.parse(str(loss)) == loss


@given(st.floats(1e-30, 1e30))
def test_no_digit_of_a_weight_is_lost(weight):
    loss = weight * Loss.of("mse") + Loss.of("delta")
    assert Loss.parse(str(loss)) == loss


def test_what_terms_keep_of_the_targets_is_computed_once_and_kept_by_name():
    seen, targets = [], tf.ones([2, 4, 5, 3])

    def keep(given):
        seen.append(given)
        return given[:, 0]

    term = Term("kept", lambda t: tf.reduce_sum(t.references["kept"], [1, 2]), reference=keep)
    loss = 2 * (Loss.of("mse") + Loss.of(term) + Loss.of(term))
    references = loss.references(targets)
    assert list(references) == ["kept"] and len(seen) == 1 and seen[0] is targets
    t = trial(rows=2)
    value = loss(t._replace(references=references))
    np.testing.assert_allclose(value, 2 * in_numpy(t)["mse"] + 2 * 2 * 15, rtol=1e-5)
    assert Loss.parse("mse + 2*kept", [term]).terms == (TERMS["mse"], term)
    assert Loss.of("mse").references(targets) == {}


def test_a_term_that_depends_on_the_layer_is_made_for_it_once():
    made = []

    def for_split(split):
        made.append(split)
        return lambda t: tf.reduce_sum(t.code, 1) * split.scale

    term, split = Term("scaled", made_for=for_split), types.SimpleNamespace(scale=3.0)
    loss, t = Loss.of("mse") + 2 * Loss.of(term), trial()
    bound = loss.bound(split)
    for _ in range(2):
        truth = in_numpy(t)["mse"] + 2 * 3 * t.code.numpy().sum(1)
        np.testing.assert_allclose(bound(t), truth, rtol=1e-5)
    assert made == [split] and loss.parts[1] == (term, 2.0)
    assert Loss.of("mse").bound(split) == Loss.of("mse")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mse", [("mse", 1.0)]),
        (" 2*mse ", [("mse", 2.0)]),
        ("1e-4 * likelihood+mse", [("likelihood", 1e-4), ("mse", 1.0)]),
        ("1e+2*mse + .5*delta", [("mse", 100.0), ("delta", 0.5)]),
        ("mse+mse", [("mse", 1.0), ("mse", 1.0)]),
    ],
)
def test_parse(text, parts):
    assert names(Loss.parse(text)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "mse +",
        "mse * 2",
        "-1*mse",
        "2 mse",
        "mse - delta",
        "1.2.3*mse",
        "1e*mse",
        "nan*mse",
    ],
)
def test_text_that_is_no_sum(text):
    with pytest.raises(UserError, match="not understood") as raised:
        Loss.parse(text)
    assert repr(text) in str(raised.value) and "mse + 1e-4 * likelihood" in str(raised.value)


@pytest.mark.parametrize("text", ["1e999*mse", "0*mse"])
def test_weights_that_leave_nothing_to_minimise(text):
    with pytest.raises(UserError) as raised:
        Loss.parse(text)
    assert text.split("*")[0] in str(raised.value)


def test_a_term_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(UserError) as raised:
        Loss.parse("mse + lpips")
    assert all(name in str(raised.value) for name in ("'lpips'", *TERMS))


def test_a_stage_has_the_terms_of_its_layer():
    loss = Loss.parse("mse + 0.5*likelihood + 3*chi_square + 2*delta + 4*projection")
    assert str(loss.at(latent=True, behind=False)) == "mse + 0.5 * likelihood + 3 * chi_square"
    assert str(loss.at(latent=False, behind=True)) == "mse + 2 * delta + 4 * projection"
    assert loss.at(latent=True, behind=True) == loss  # z beside the code
    assert Loss.of("likelihood").at(latent=False, behind=True).parts == ()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
