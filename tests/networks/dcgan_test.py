"""The networks against NumPy, written out."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.networks.batch_norm import EPSILON, BatchNorm
from tfinv.networks.dcgan import DCGANCritic, DCGANGenerator
from tfinv.networks.spectral_norm import SpectralNorm


def transposed_convolution(x, kernel):
    """Stride 2, SAME: every input pixel paints its kernel, the outer rows fall off the edge."""
    n, height, width, _ = x.shape
    k, _, out, _ = kernel.shape
    canvas = np.zeros((n, 2 * height + k, 2 * width + k, out))
    for i in range(height):
        for j in range(width):
            paint = np.einsum("uvoc,nc->nuvo", kernel, x[:, i, j])
            canvas[:, 2 * i : 2 * i + k, 2 * j : 2 * j + k] += paint
    before = (k - 2) // 2
    return canvas[:, before : before + 2 * height, before : before + 2 * width]


def normalise(x, norm, axes):
    mean, variance = x.mean(axes), x.var(axes)
    return (x - mean) / np.sqrt(variance + EPSILON) * norm.gamma.numpy() + norm.beta.numpy()


def test_generator_is_the_formula_of_the_thesis():
    generator = DCGANGenerator(latent_size=5, maps=(4, 6), channels=3, seed=2)
    for k, norm in enumerate(generator.norms):
        rng = np.random.default_rng(k)
        norm.gamma.assign(rng.uniform(0.5, 2, norm.gamma.shape))
        norm.beta.assign(rng.standard_normal(norm.beta.shape))
    z = np.random.default_rng(9).standard_normal((7, 5)).astype(np.float32)

    h = np.maximum(normalise(z @ generator.dense.numpy(), generator.norms[0], 0), 0)
    h = transposed_convolution(h.reshape(7, 4, 4, 4), generator.filters[0].numpy())
    h = np.maximum(normalise(h, generator.norms[1], (0, 1, 2)), 0)
    h = transposed_convolution(h, generator.filters[1].numpy())
    expected = np.tanh(h + generator.bias.numpy())

    images = generator(tf.constant(z), training=True)
    assert images.shape == (7, 16, 16, 3) and generator.image_size == 16
    np.testing.assert_allclose(images, expected, atol=1e-4)


def test_frozen_statistics_make_pictures_independent_of_each_other():
    generator = DCGANGenerator(latent_size=5, maps=(4, 6))
    z = tf.random.stateless_normal([3, 5], (0, 0))
    together, alone = generator(z), generator(z[1:2])
    np.testing.assert_allclose(together[1:2], alone, atol=1e-6)
    assert np.abs(generator(z, training=True)[1:2] - alone).max() > 1e-3


@pytest.mark.parametrize("rank", [2, 4])
def test_batch_norm_uses_the_statistics_it_is_told_to(rank):
    shape = [6, 3] if rank == 2 else [6, 4, 5, 3]
    x = np.random.default_rng(0).normal(2.0, 3.0, shape).astype(np.float32)
    norm = BatchNorm(3)
    norm.mean.assign([1.0, 2.0, 3.0])
    norm.variance.assign([4.0, 1.0, 9.0])
    frozen = (x - [1, 2, 3]) / np.sqrt(np.array([4, 1, 9]) + EPSILON)
    np.testing.assert_allclose(norm(tf.constant(x), training=False), frozen, atol=1e-5)
    axes = tuple(range(rank - 1))
    of_batch = normalise(x.astype(np.float64), norm, axes)
    np.testing.assert_allclose(norm(tf.constant(x), training=True), of_batch, atol=1e-4)


def test_spectral_norm_finds_the_largest_singular_value():
    weight = np.random.default_rng(0).standard_normal((3, 3, 2, 7)).astype(np.float32)
    norm = SpectralNorm(7, seed=(0, 0))
    for _ in range(200):
        divided = norm(tf.constant(weight), update=True)
    sigma = np.linalg.svd(weight.reshape(-1, 7), compute_uv=False)[0]
    np.testing.assert_allclose(divided, weight / sigma, rtol=1e-4, atol=1e-6)
    before = norm.u.numpy()
    norm(tf.constant(2 * weight[::-1]), update=False)
    np.testing.assert_array_equal(norm.u, before)


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_critic_scores_each_picture_alone(spectral_norm):
    critic = DCGANCritic(image_size=16, width=4, spectral_norm=spectral_norm)
    x = tf.random.stateless_normal([5, 16, 16, 3], (1, 1))
    scores = critic(x)
    assert scores.shape == (5,)
    np.testing.assert_allclose(scores[2:3], critic(x[2:3]), atol=1e-6)
    assert [tuple(f.shape) for f in critic.filters] == [(5, 5, 3, 4), (5, 5, 4, 8)]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
