"""Latents are of their distribution, and each depends on the seed and its number alone."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import stats

from tfinv.generators.inputs.prior import Prior


@pytest.mark.parametrize("truncation", [None, 1.0, 0.4])
def test_the_distribution(truncation):
    drawn = Prior(truncation).draw(40, seed=3, first=0, count=500).ravel()
    assert drawn.dtype == np.float32
    truth = stats.norm if truncation is None else stats.truncnorm(-2, 2, scale=truncation)
    assert stats.kstest(drawn, truth.cdf).pvalue > 0.01
    if truncation is not None:
        assert np.abs(drawn).max() <= 2 * truncation


@pytest.mark.parametrize("truncation", [None, 0.4])
def test_one_depends_on_seed_and_number_alone(truncation):
    prior = Prior(truncation)
    all_of_them = prior.draw(8, seed=5, first=0, count=6)
    np.testing.assert_array_equal(prior.draw(8, seed=5, first=2, count=3), all_of_them[2:5])
    assert not np.array_equal(prior.draw(8, seed=6, first=0, count=6), all_of_them)
    assert prior.draw(8, seed=5, first=0, count=0).shape == (0, 8)


def test_a_truncation_of_nothing_is_the_middle():
    np.testing.assert_array_equal(Prior(0.0).draw(4, 0, 0, 2), np.zeros((2, 4)))


def test_in_words():
    assert str(Prior()) == "N(0, 1)"
    assert str(Prior(0.5)) == "0.5 x N(0, 1) truncated to [-2, 2]"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
