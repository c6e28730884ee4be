"""The priors against their closed forms, values and gradients."""

from __future__ import annotations

import itertools
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from tfinv.inversion import priors
from tfinv.inversion.trial import Trial

PICTURES = tf.zeros([4, 2, 2, 3])


def trial(code, anchor) -> Trial:
    return Trial(PICTURES, PICTURES, code, tf.constant(anchor), latent=code)


def with_gradient(term, code, anchor):
    code = tf.constant(code)
    with tf.GradientTape() as tape:
        tape.watch(code)
        value = term(trial(code, anchor))
    return value.numpy(), tape.gradient(value, code).numpy()


def codes(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal((2, 4, 9)).astype(np.float32))


def test_likelihood_is_the_gaussian_log_likelihood_up_to_its_constant():
    from scipy.stats import norm

    code, anchor = codes()
    value, gradient = with_gradient(priors.likelihood, code, anchor)
    truth = -norm.logpdf(code).sum(1) + norm.logpdf(np.zeros_like(code)).sum(1)
    np.testing.assert_allclose(value, truth, rtol=1e-5)
    np.testing.assert_allclose(gradient, code, rtol=1e-6)


def test_likelihood_of_a_drawn_latent_is_half_its_size():
    code = np.random.default_rng(0).standard_normal((4, 10_000)).astype(np.float32)
    value, _ = with_gradient(priors.likelihood, code, code)
    np.testing.assert_allclose(value, 5000, rtol=0.05)


def of_chunks(*sizes: int):
    """What `chi_square` needs of a split: how it cuts z."""
    ends = np.cumsum([0, *sizes]).tolist()
    return types.SimpleNamespace(chunks=tuple(itertools.pairwise(ends)))


@pytest.mark.parametrize("sizes", [(9,), (3, 6), (4, 2, 3), (2, 2, 2, 2, 1)])
def test_chi_square_is_the_log_likelihood_of_each_chunks_squared_norm(sizes):
    from scipy.stats import chi2

    code, anchor = codes()
    value, gradient = with_gradient(priors.chi_square(of_chunks(*sizes)), code, anchor)
    truth, pulls = np.zeros(len(code)), []
    for part in np.split(code.astype(float), np.cumsum(sizes)[:-1], 1):
        d, q = max(part.shape[1], 2), (part**2).sum(1)  # of one number: as if of two
        truth += chi2.logpdf(d - 2, d) - chi2.logpdf(q, d)
        pulls.append(part * (1 - (d - 2) / q)[:, None])
    np.testing.assert_allclose(value, truth, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient, np.concatenate(pulls, 1), rtol=1e-3, atol=1e-5)


def test_chi_square_is_least_on_the_sphere_where_drawn_latents_are_and_likelihood_is_not():
    size = 400
    value = priors.chi_square(of_chunks(size))
    code = np.random.default_rng(0).standard_normal((4, size)).astype(np.float32)
    on_sphere = code * np.sqrt((size - 2) / (code**2).sum(1, keepdims=True))
    drawn, _ = with_gradient(value, code, code)
    least, pull = with_gradient(value, on_sphere, code)
    np.testing.assert_allclose(least, 0, atol=1e-4)
    np.testing.assert_allclose(pull, 0, atol=1e-4)
    assert drawn.max() < 5  # half a chi-square of one degree of freedom
    for scale in (0.5, 2.0):
        assert with_gradient(value, scale * on_sphere, code)[0].min() > 50


@pytest.mark.parametrize("sizes", [(9,), (8, 1), (5, 4)])
def test_chi_square_is_finite_at_the_middle(sizes):
    code = np.zeros((4, 9), np.float32)
    value, gradient = with_gradient(priors.chi_square(of_chunks(*sizes)), code, code)
    assert np.isfinite(value).all() and value.min() > 10
    np.testing.assert_array_equal(gradient, 0)


def test_delta_is_the_l1_distance_from_the_anchor():
    code, anchor = codes()
    value, gradient = with_gradient(priors.delta, code, anchor)
    np.testing.assert_allclose(value, np.abs(code - anchor).sum(1), rtol=1e-5)
    np.testing.assert_array_equal(gradient, np.sign(code - anchor))


def test_delta_pulls_nowhere_where_the_stage_starts():
    code, _ = codes()
    value, gradient = with_gradient(priors.delta, code, code)
    np.testing.assert_array_equal(value, 0)
    np.testing.assert_array_equal(gradient, 0)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
