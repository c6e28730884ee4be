"""Pooled statistics: exact for what depends on no other layer, and near the truth for the rest."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.networks.batch_norm import EPSILON
from tfinv.networks.calibration import pooled
from tfinv.networks.dcgan import DCGANGenerator
from tfinv.training.calibration import calibrate


def test_moments_of_batches_pool_to_the_moments_of_all():
    rng = np.random.default_rng(0)
    layers = [rng.normal(3.0, 2.0, (5, 40, 6)), rng.normal(-1.0, 0.1, (5, 40, 2, 3))]
    batches = [[(x[k].mean(0), x[k].var(0)) for x in layers] for k in range(5)]
    for (mean, variance), x in zip(pooled(batches), layers, strict=True):
        x = x.reshape(200, *x.shape[2:])
        assert mean.dtype == variance.dtype == np.float32
        np.testing.assert_allclose(mean, x.mean(0), rtol=1e-5)
        np.testing.assert_allclose(variance, x.var(0), rtol=1e-5)


def test_no_layers_pool_to_none():
    assert pooled([[], []]) == []


def test_one_pass_is_as_good_as_one_for_each_layer():
    """The second layer's statistics, had the first one's been frozen before it was measured."""
    generator = DCGANGenerator(latent_size=6, maps=(4, 5), seed=3)
    calibrate(generator, samples=4000, batch_size=100, seed=1)
    z = tf.concat(
        [tf.random.stateless_normal([100, 6], (1, start)) for start in range(0, 4000, 100)], 0
    )
    first = z @ generator.dense
    first = (first - tf.reduce_mean(first, 0)) / tf.sqrt(
        tf.math.reduce_variance(first, 0) + EPSILON
    )
    maps = tf.reshape(tf.nn.relu(first), [-1, 4, 4, 4])
    second = tf.nn.conv2d_transpose(maps, generator.filters[0], [4000, 8, 8, 5], 2)
    mean, variance = (m.numpy() for m in tf.nn.moments(second, [0, 1, 2]))
    spread = np.sqrt(variance)
    assert np.abs(generator.norms[1].mean - mean).max() < 1e-3 * spread.max()
    np.testing.assert_allclose(generator.norms[1].variance, variance, rtol=2e-3)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
