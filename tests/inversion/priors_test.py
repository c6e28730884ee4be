"""The priors against their closed forms, values and gradients."""

from __future__ import annotations

import sys

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
