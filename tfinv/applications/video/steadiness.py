"""How much changes from frame to frame: in what was found, and in what is seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfinv.applications.video.sequence import Found
from tfinv.images.metrics import rmse

__all__ = ["Steadiness", "code_steps", "pixel_steps", "steadiness"]


class Steadiness(NamedTuple):
    """Means over the frames of a video, as one stage has found it.

    Attributes:
      rmse: of what is drawn to the video.
      code_step: absolute change of a number of the code from a frame to the next.
      pixel_step: RMSE between what is drawn for a frame and for the next.
    """

    rmse: float
    code_step: float
    pixel_step: float


def code_steps(codes: np.ndarray) -> np.ndarray:
    """Mean absolute change of the numbers of a code, |h_i - h_(i-1)|_1 over their count.

    Args:
      codes: float [N, ...].

    Returns:
      float64 [N - 1].
    """
    changes = np.abs(np.diff(np.asarray(codes, np.float64), axis=0))
    return changes.reshape(len(changes), -1).mean(axis=1)


def pixel_steps(images: np.ndarray) -> np.ndarray:
    """RMSE between each picture and the one before.

    Args:
      images: float [N, H, W, C] in [0, 1].

    Returns:
      float64 [N - 1].
    """
    return rmse(images[1:], images[:-1])


def steadiness(found: Found) -> Steadiness:
    """The three numbers of a stage."""
    return Steadiness(
        float(np.mean(found.rmse)),
        float(np.mean(code_steps(found.codes))),
        float(np.mean(pixel_steps(found.images))),
    )
