"""Starts: of the right distribution, of each image alone, or exactly those stored."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from generators import tiny

from tfinv.errors import UserError
from tfinv.inversion.starts import BEFORE, STARTS, find_start, find_starts, nth_seed, stored


@pytest.fixture(scope="module")
def split():
    return tiny.loaded().split("dense")


@pytest.mark.parametrize("name", STARTS)
def test_a_start_depends_on_the_seed_and_the_image_alone(name, split):
    start = find_start(name)
    together = start.latents(split, range(6), 7)
    assert together.dtype == np.float32 and together.shape == (6, tiny.LATENT)
    np.testing.assert_array_equal(start.latents(split, [4, 1], 7), together[[4, 1]])
    assert not np.array_equal(start.latents(split, range(6), 8), together)
    assert len(np.unique(together, axis=0)) == 6
    codes = start.codes(split, range(6), 7)
    assert (codes is None) == (name not in ("positive", "open"))
    if codes is not None:
        assert codes.dtype == np.float32 and codes.shape == (6, *split.code_shape)
        np.testing.assert_array_equal(start.codes(split, [4, 1], 7), codes[[4, 1]])
        assert len(np.unique(codes.reshape(6, -1), axis=0)) == (6 if start.is_random else 1)


def test_distributions(split):
    prior = STARTS["prior"].latents(split, range(1000), 0)
    assert abs(prior.mean()) < 0.05 and abs(prior.std() - 1) < 0.05
    small = STARTS["small"].latents(split, range(1000), 0)
    assert np.abs(small).max() <= 1e-3
    assert abs(small.std() - 1e-3 / np.sqrt(3)) < 2e-5  # uniform
    assert not np.array_equal(np.sign(small), np.sign(prior))
    positive = STARTS["positive"].codes(split, range(20), 0)
    assert positive.min() > 0 and positive.max() < 1
    assert abs(positive.mean() - 0.5) < 0.02 and abs(positive.std() - np.sqrt(1 / 12)) < 0.02


def test_open_is_for_layers_with_a_hinge(split):
    splits = [tiny.loaded(conditional=True).split(layer) for layer in ("latent", "dense")]
    with pytest.raises(UserError, match="choose before"):
        find_starts(["prior", "open"], splits, 0, [False, False])
    code = STARTS["open"].codes(split, [0], 0).reshape(-1)
    np.testing.assert_array_equal(code, split.hinge.open)


def test_another_number_is_another_seed():
    assert nth_seed(5, 0) == 5
    assert len({nth_seed(seed, number) for seed in range(20) for number in range(20)}) == 400


def test_a_start_is_not_a_sample_of_the_same_seed(split):
    start = STARTS["prior"].latents(split, range(5), 0)
    samples = tiny.loaded().sample_latents(5, 0)
    assert np.abs(start[:, None] - samples[None]).max(2).min() > 0.1


def test_names_that_there_are_not():
    with pytest.raises(UserError) as raised:
        find_start("prir")
    words = ("'prir'", *STARTS, "before", "best:N", "stored")
    assert all(name in str(raised.value) for name in words)
    for name in ("best", "best:", "best:1", "best:x", "best:-3"):
        with pytest.raises(UserError, match="best:8"):
            find_start(name)


def test_one_start_is_for_the_first_stage(split):
    splits = [tiny.loaded().split("latent"), split]
    prior, positive = STARTS["prior"], STARTS["positive"]
    free, rests = [False, False], [False, True]
    assert find_starts("prior", splits, 0, free) == [prior, BEFORE]
    assert find_starts(prior, splits, 3, rests) == [prior, STARTS["open"]]
    three = [*splits, tiny.loaded().split("open")]
    assert find_starts(prior, three, 0, [False, True, True]) == [prior, STARTS["open"], BEFORE]
    assert find_starts(["prior", "positive"], splits, 0, rests) == [prior, positive]
    assert find_starts(("positive",), [split], 0, [False]) == [positive]
    assert find_start("best:7").candidates == 7


@pytest.mark.parametrize(
    ("starts", "restarts", "words"),
    [
        (["prior"] * 3, 0, ["3 starts", "2 stages"]),
        (["before", "before"], 0, ["first stage", "before"]),
        ("positive", 0, ["positive", "latent"]),
        ("open", 0, ["open", "latent"]),
        ("prior", -1, ["-1 restarts"]),
        (stored(np.zeros((1, tiny.LATENT))), 1, ["restarts", "stored"]),
    ],
)
def test_starts_that_do_not_fit(starts, restarts, words, split):
    with pytest.raises(UserError) as raised:
        find_starts(starts, [tiny.loaded().split("latent"), split], restarts, [False, True])
    assert all(word in str(raised.value) for word in words)


def test_stored_values_are_given_back_by_place(split):
    latents = np.random.default_rng(0).standard_normal((4, tiny.LATENT)).astype(np.float32)
    codes = np.random.default_rng(1).standard_normal((4, 4, 4, 16)).astype(np.float32)
    for one in (stored(latents, codes), stored(dict(enumerate(latents)), dict(enumerate(codes)))):
        np.testing.assert_array_equal(one.latents(split, [2, 0], 0), latents[[2, 0]])
        np.testing.assert_array_equal(one.codes(split, [3], 0), codes[[3]])
    assert stored(latents).codes(split, [0], 0) is None


def test_stored_values_that_do_not_fit(split):
    latents = np.zeros((2, tiny.LATENT), np.float32)
    with pytest.raises(UserError, match="no stored code"):
        stored(latents).latents(split, [0, 2], 0)
    with pytest.raises(UserError, match="no stored code"):
        stored({0: latents[0]}).latents(split, [1], 0)
    with pytest.raises(UserError, match="do not fit") as raised:
        stored(latents, np.zeros((2, 9))).codes(split, [0], 0)
    assert "[9]" in str(raised.value) and "[4, 4, 16]" in str(raised.value)
    with pytest.raises(UserError, match="do not fit"):
        stored(np.zeros((2, 9))).latents(split, [0], 0)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
