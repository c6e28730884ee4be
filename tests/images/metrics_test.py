"""metrics against closed forms; NaN stays where it is."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfinv.images.metrics import psnr, rmse, ssim

RANDOM = np.random.default_rng(0)
A = RANDOM.random((4, 16, 12, 3)).astype(np.float32)


def test_rmse_and_psnr_of_a_constant_offset():
    a = np.full((2, 5, 6, 3), 0.25)
    b = a + np.array([0.1, 0.01])[:, None, None, None]
    np.testing.assert_allclose(rmse(a, b), [0.1, 0.01])
    np.testing.assert_allclose(psnr(a, b), [20, 40])


def test_equal_pictures():
    assert (rmse(A, A) == 0).all() and (psnr(A, A) == np.inf).all()
    np.testing.assert_allclose(ssim(A, A), 1)


@pytest.mark.parametrize("size", [(32, 32), (7, 9), (6, 8), (5, 5), (3, 4), (2, 7), (1, 1)])
def test_ssim_of_constant_pictures_is_the_brightness_term(size):
    a, b = np.full((1, *size, 1), 0.3), np.full((1, *size, 1), 0.6)
    want = (2 * 0.3 * 0.6 + 1e-4) / (0.3**2 + 0.6**2 + 1e-4)
    np.testing.assert_allclose(ssim(a, b), [want], rtol=1e-9)


def test_ssim_against_the_formula_in_one_window():
    x, y = RANDOM.random((2, 7, 7))
    cov = np.cov(x.ravel(), y.ravel())
    c1, c2 = 0.01**2, 0.03**2
    want = (2 * x.mean() * y.mean() + c1) * (2 * cov[0, 1] + c2)
    want /= (x.mean() ** 2 + y.mean() ** 2 + c1) * (cov[0, 0] + cov[1, 1] + c2)
    got = ssim(x[None, :, :, None], y[None, :, :, None])
    np.testing.assert_allclose(got, [want], rtol=1e-9)


def test_each_picture_is_measured_alone():
    b = np.clip(A + RANDOM.normal(0, 0.1, A.shape), 0, 1)
    for measure in (rmse, psnr, ssim):
        alone = np.concatenate([measure(A[i : i + 1], b[i : i + 1]) for i in range(4)])
        np.testing.assert_array_equal(measure(A, b), alone)


def test_nan_costs_only_its_own_picture():
    b = A.copy()
    b[1, 0, 0, 0] = np.nan
    b[2] = 0.5
    for measure in (rmse, psnr, ssim):
        result = measure(A, b)
        assert np.isnan(result).tolist() == [False, True, False, False]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="equal shapes"):
        rmse(A, A[:, :8])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
