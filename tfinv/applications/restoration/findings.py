"""How well pictures were restored: one by one, and beside guesses made with no generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from tfinv.images import metrics
from tfinv.images.ranges import to_float, to_uint8
from tfinv.inversion.degradations import Degradation
from tfinv.results.record import ImageResult

__all__ = ["MOST_DECIBELS", "Finding", "findings", "measured"]

MOST_DECIBELS = 60.0
"""What a PSNR is cut to: above 59 dB the error is less than that of rounding to 8 bits, and of
equal pictures it would be infinite."""


@dataclasses.dataclass(frozen=True, eq=False)
class Finding:
    """One restored picture.

    Attributes:
      result: of the last stage.
      pictures: by name, float32 [H, W, C] in [0, 1], rounded to 8 bits: "restored", "drawn" (before
        it was made to agree with what was seen), and the guesses; empty if it failed.
      seen: float32 [h, w, c] in [0, 1], what was seen, grey where it is not known; None if it
        failed, or that is no picture.
      seen_rmse: how far the drawn picture is from what was seen, where it is known.
      scores: by name of a picture, its (PSNR in decibels, SSIM) against the truth; empty if that is
        not known.
    """

    result: ImageResult
    pictures: Mapping[str, np.ndarray]
    seen: np.ndarray | None
    seen_rmse: float
    scores: Mapping[str, tuple[float, float]]


def findings(
    results: Iterable[ImageResult],
    stage: str,
    degradation: Degradation,
    *,
    truth: bool,
    keep_seen: bool = True,
) -> Iterator[Finding]:
    """Judges what a run has stored.

    Args:
      results: of all stages.
      stage: the one that counts.
      degradation: that the pictures were inverted through.
      truth: whether the targets are the true pictures.
      keep_seen: whether restored pictures are made to agree with what was seen.
    """
    for result in results:
        if result.stage != stage:
            continue
        if result.failed:
            yield Finding(result, {}, None, float("nan"), {})
        else:
            yield _found(result, degradation, truth, keep_seen)


def _found(result: ImageResult, degradation: Degradation, truth: bool, keep_seen: bool) -> Finding:
    image, observation = result.image[np.newaxis], result.observation[np.newaxis]
    restored = degradation.agree(image, observation) if keep_seen else image
    pictures = {"restored": restored, "drawn": image, **degradation.guesses(observation)}
    pictures = {name: to_float(to_uint8(picture)) for name, picture in pictures.items()}
    scores = {}
    if truth:
        target = result.target[np.newaxis]
        scores = {name: measured(picture, target) for name, picture in pictures.items()}
    return Finding(
        result,
        {name: picture[0] for name, picture in pictures.items()},
        _shown(degradation, observation),
        float(degradation.rmse(image, observation)[0]),
        scores,
    )


def measured(picture: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """PSNR in decibels, at most `MOST_DECIBELS`, and SSIM; of float32 [1, H, W, C] in [0, 1]."""
    decibels = float(metrics.psnr(picture, truth)[0])
    return min(decibels, MOST_DECIBELS), float(metrics.ssim(picture, truth)[0])


def _shown(degradation: Degradation, observation: np.ndarray) -> np.ndarray | None:
    if not degradation.is_picture:
        return None
    seen, known = degradation.take_apart(observation)
    if known is not None:
        seen = np.where(known > 0, seen, np.float32(0.5))
    return np.clip(seen[0], 0.0, 1.0)
