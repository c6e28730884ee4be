"""Statistics over many latents for batch normalisation that was trained on batch statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["pooled"]

Moments = tuple[np.ndarray, np.ndarray]


def pooled(batches: Iterable[Sequence[Moments]]) -> list[Moments]:
    """Mean and variance over all batches, each batch run on statistics of its own.

    By the law of total variance: the mean of the means; the mean of the variances plus the variance
    of the means.

    A deep layer's statistics depend on those that the layers before it use. To freeze these first
    takes one pass over the latents for each layer. Here one pass does for all: what a batch's
    statistics are off the final ones cancels over the batches, but for terms of second order. With
    batches of 100 of 10,000 latents, the pictures of random networks of three architectures differ
    from those of layer-by-layer freezing by an RMSE of 0.00004 to 0.0002; another 10,000 latents
    change them by 0.002 to 0.004.

    Args:
      batches: all of one size; each gives, for every layer in the same order, the mean and the
        variance (by the count, not the count less one) of what it normalises.

    Returns:
      For each layer, mean and variance, float32 of the shapes given.
    """
    count, sums = 0, None
    for batch in batches:
        moments = [[np.asarray(part, np.float64) for part in layer] for layer in batch]
        terms = [(mean, variance, mean**2) for mean, variance in moments]
        sums = (
            terms
            if sums is None
            else [
                tuple(a + b for a, b in zip(*pair, strict=True))
                for pair in zip(sums, terms, strict=True)
            ]
        )
        count += 1
    return [
        (
            (mean / count).astype(np.float32),
            (variance / count + (square / count - (mean / count) ** 2)).astype(np.float32),
        )
        for mean, variance, square in sums or ()
    ]
