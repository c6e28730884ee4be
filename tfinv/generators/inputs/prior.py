"""The distribution that latents are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Prior"]

_ENDS = (-2.0, 2.0)


@dataclass(frozen=True)
class Prior:
    """N(0, I), or the truncated one of BigGAN for a generator with a truncation input.

    That is the truncation times a normal distribution truncated to [-2, 2] (Brock et al., 2018,
    section 3.1, and the pages of the TF-Hub modules). Which prior a generator was trained with is
    in no file: one that was trained on z uniform in [-1, 1], as the first DCGANs were, is sampled
    from N(0, I) all the same.

    Attributes:
      truncation: in [0, 1]; None for N(0, I).
    """

    truncation: float | None = None

    def draw(self, size: int, seed: int, first: int, count: int) -> np.ndarray:
        """Latents number `first` to `first + count`; each depends on the seed and its number alone.

        Returns:
          float32 [count, size].
        """
        rows = [
            self._row(np.random.default_rng([seed, k]), size) for k in range(first, first + count)
        ]
        return np.asarray(rows, np.float32).reshape(count, size)

    def _row(self, rng: np.random.Generator, size: int) -> np.ndarray:
        if self.truncation is None:
            return rng.standard_normal(size)
        from scipy.special import ndtr, ndtri  # by the inverse of its distribution function

        return self.truncation * ndtri(rng.uniform(*ndtr(_ENDS), size))

    def __str__(self) -> str:
        if self.truncation is None:
            return "N(0, 1)"
        return f"{self.truncation:g} x N(0, 1) truncated to [-2, 2]"
