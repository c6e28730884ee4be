"""The result of one image in one stage."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["FAILED", "ImageResult"]

FAILED = "failed"
"""A status that begins with this word means that the image has no result in this stage."""


@dataclasses.dataclass(frozen=True, eq=False)
class ImageResult:
    """What one stage found for one image.

    Attributes:
      index: the image's place in the run's list, from 0.
      name: its unique name.
      label: its class, or None.
      stage: the stage's name, such as "latent" or "dense".
      rmse: root mean square difference of `image` and `target`, in [0, 1]; NaN if failed.
      psnr: in decibels, see `tfinv.images.metrics.psnr`.
      ssim: at most 1, see `tfinv.images.metrics.ssim`.
      evaluations: forward and backward passes that were spent.
      status: how the stage ended, such as "converged", or "failed: why".
      note: what was done to the picture, such as "reduced from 600x512", or "".
      code: the value of the cut tensor, any shape; None if failed.
      latent: z as this stage leaves it, [z_size]; None if failed or not known.
      labels: the label that the image came with, any shape; None if the generator takes none.
      label_weights: what the generator was given in the place of the label, float32 [classes]; None
        unless the weights of the classes were optimised.
      target: float32 [H, W, C], in [0, 1]; None if the picture could not be read.
      image: the reconstruction, float32 [H, W, C], in [0, 1]; None if failed.
      observation: what was seen of the target, and inverted in its place, float32 of any shape;
        None if that was the target itself.
    """

    index: int
    name: str
    label: int | None
    stage: str
    rmse: float
    psnr: float
    ssim: float
    evaluations: int
    status: str
    note: str = ""
    code: np.ndarray | None = None
    latent: np.ndarray | None = None
    labels: np.ndarray | None = None
    label_weights: np.ndarray | None = None
    target: np.ndarray | None = None
    image: np.ndarray | None = None
    observation: np.ndarray | None = None

    @property
    def failed(self) -> bool:
        """Whether the status says so."""
        return self.status.startswith(FAILED)
