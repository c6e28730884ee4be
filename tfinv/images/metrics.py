"""How far two pictures are apart: RMSE, PSNR and SSIM, one number an image, never a batch mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["RECOVERED", "psnr", "rmse", "ssim"]

RECOVERED = 0.02
"""RMSE below which a person stops seeing a difference (thesis, section 4.5)."""

_SSIM_WINDOW = 7


def rmse(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean square difference over pixels and channels.

    Args:
      a: float [N, H, W, C], in [0, 1].
      b: the same shape.

    Returns:
      float64 [N], in [0, 1]; NaN where a picture holds NaN.
    """
    a, b = _pair(a, b)
    return np.sqrt(np.mean(np.square(a - b), axis=(1, 2, 3)))


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio for a peak of 1, by scikit-image.

    Args:
      a: float [N, H, W, C], in [0, 1].
      b: the same shape.

    Returns:
      float64 [N], in decibels; infinite where the pictures are equal, NaN where one holds NaN.
    """
    from skimage.metrics import peak_signal_noise_ratio

    with np.errstate(divide="ignore"):
        return _each(a, b, lambda x, y: peak_signal_noise_ratio(x, y, data_range=1.0))


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004), by scikit-image.

    The window is uniform, 7x7, and shrinks to the largest odd size that fits a smaller picture.
    In a picture narrower than 3 a window is one pixel, and only brightness is compared.

    Args:
      a: float [N, H, W, C], in [0, 1].
      b: the same shape.

    Returns:
      float64 [N], mean over pixels and channels, at most 1; NaN where a picture holds NaN.
    """
    from skimage.metrics import structural_similarity

    side = min(_SSIM_WINDOW, *np.shape(a)[1:3])
    window = side if side % 2 else side - 1

    def one(x: np.ndarray, y: np.ndarray) -> float:
        return structural_similarity(
            x,
            y,
            win_size=window,
            data_range=1.0,
            channel_axis=-1,
            # The unbiased covariance divides by (pixels of the window - 1).
            use_sample_covariance=window > 1,
        )

    return _each(a, b, one)


def _pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(f"two equal shapes [N, H, W, C] wanted, not {a.shape} and {b.shape}")
    return a, b


def _each(
    a: np.ndarray, b: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], float]
) -> np.ndarray:
    """Measures the finite pairs; the others stay NaN."""
    a, b = _pair(a, b)
    result = np.full(len(a), np.nan)
    for i in range(len(a)):
        if np.isfinite(a[i]).all() and np.isfinite(b[i]).all():
            result[i] = measure(a[i], b[i])
    return result
