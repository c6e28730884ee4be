"""What an evaluation says: trusted or not, and whether two sets differ."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from results.evaluation import made
from scipy import stats

from tfinv.results.evaluation.verdict import compare, compare_classes, judge, sentence_of


def cells(*given):
    return {(one.set, one.layer): one for one in given}


@pytest.mark.parametrize(("good", "trusted"), [(95, True), (94, False), (0, False), (100, True)])
def test_ninety_five_of_a_hundred_samples_must_be_recovered(good, trusted):
    rmse = [0.001] * good + [0.1] * (100 - good)
    verdict = judge(cells(made.cell("samples", "latent", rmse)), ["samples"])
    assert verdict.trusted is trusted and verdict.recovered == pytest.approx(good / 100)
    assert f"{good} of 100" in verdict.sentence and verdict.sentence.count(".") < 7
    assert ("do not speak about the generator" in verdict.sentence) is not trusted


def test_samples_that_failed_are_not_recovered():
    verdict = judge(cells(made.cell("s", "latent", [0.001] * 3, failed=997)), ["s"])
    assert verdict.trusted is False and verdict.recovered == pytest.approx(0.003)
    assert "3 of 1000" in verdict.sentence and "997 failed" in verdict.sentence
    verdict = judge(cells(made.cell("s", "latent", [], failed=5)), ["s"])
    assert verdict.trusted is False and "0 of 5" in verdict.sentence


def test_few_pictures_of_equal_sets_are_seldom_called_different():
    called = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        pair = [
            made.cell(name, "dense", 0.02 + 0.004 * rng.standard_normal(30), [0, 1, 2] * 10)
            for name in ("train", "test")
        ]
        few = compare_classes(cells(*pair), ("train", "test"), ["dense"])
        called += any(one.differ for one in few)
    assert called <= 15  # 5 are expected


def test_only_samples_at_the_latent_count():
    photos = made.cell("photos", "latent", [0.001] * 9)
    dense = made.cell("samples", "dense", [0.001] * 9)
    for given, drawn in ((cells(photos), []), (cells(photos, dense), ["samples"])):
        verdict = judge(given, drawn)
        assert verdict.trusted is None and math.isnan(verdict.recovered)
        assert "cannot be told" in verdict.sentence and "add" in verdict.sentence


def test_an_unfinished_verdict_says_so():
    verdict = judge(cells(made.cell("s", "latent", [0.001] * 9, missing=3)), ["s"])
    assert "so far" in verdict.sentence


def random_pair(shift, seed=0, labels=None):
    rng = np.random.default_rng(seed)
    first = 0.02 + 0.005 * rng.standard_normal(400)
    second = 0.02 + shift + 0.004 * rng.standard_normal(300)
    numbers = (None, None) if labels is None else (np.arange(400) % labels, np.arange(300) % labels)
    pair = [
        made.cell(name, "dense", values, None if of is None else of.tolist())
        for name, values, of in zip(("train", "test"), (first, second), numbers, strict=True)
    ]
    return cells(*pair), first, second


def test_a_difference_is_that_of_welchs_test():
    given, first, second = random_pair(0.001)
    [one] = compare(given, ("train", "test"), ["dense", "latent"])
    truth = stats.ttest_ind(second, first, equal_var=False)
    assert one.errors == pytest.approx(truth.statistic)
    assert one.limit == pytest.approx(stats.t.isf(0.025, truth.df))
    assert one.differ == (truth.pvalue < 0.05)


def test_a_small_shift_is_none_and_a_large_one_is():
    for shift, differ in ((0.0, False), (0.003, True), (-0.003, True)):
        [one] = compare(random_pair(shift)[0], ("train", "test"), ["dense"])
        assert one.differ is differ and np.sign(one.difference) == (np.sign(shift) or 1)
        assert ("do not differ" in sentence_of(one, ("train", "test"))) is not differ


def test_of_many_comparisons_of_equal_sets_few_evaluations_call_one_different():
    called = 0
    for seed in range(100):
        given, _, _ = random_pair(0.0, seed, labels=10)
        compared = compare_classes(given, ("train", "test"), ["dense"])
        assert [one.label for one in compared] == list(range(10))
        called += any(one.differ for one in compared)
    # 5 are expected; more than 15 have a chance of about 1 in 20,000.
    assert called <= 15


def test_sets_too_small_are_not_compared():
    given = cells(made.cell("a", "dense", [0.1]), made.cell("b", "dense", [0.1, 0.2]))
    assert compare(given, ("a", "b"), ["dense"]) == []
    equal = cells(made.cell("a", "dense", [0.5, 0.5]), made.cell("b", "dense", [0.5, 0.5]))
    [one] = compare(equal, ("a", "b"), ["dense"])
    assert one.errors == 0.0 and not one.differ


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
