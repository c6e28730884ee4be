"""What an inversion returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["InversionResult", "StageResult"]


@dataclass(frozen=True)
class StageResult:
    """One stage of N images.

    Attributes:
      layer: where the codes are.
      codes: float32 [N, *code_shape], the best seen.
      images: float32 [N, H, W, C] in [0, 1], drawn from them.
      rmse: float64 [N], root mean square error over pixels and channels, in [0, 1].
      evaluations: int32 [N], forward and backward passes spent.
      status: N phrases; one that begins with "failed" says why.
    """

    layer: str
    codes: np.ndarray
    images: np.ndarray
    rmse: np.ndarray
    evaluations: np.ndarray
    status: tuple[str, ...]

    @staticmethod
    def join(parts: Sequence[StageResult]) -> StageResult:
        """Puts results of several batches, of the same stage, behind each other."""
        return StageResult(
            layer=parts[0].layer,
            codes=np.concatenate([p.codes for p in parts]),
            images=np.concatenate([p.images for p in parts]),
            rmse=np.concatenate([p.rmse for p in parts]),
            evaluations=np.concatenate([p.evaluations for p in parts]),
            status=tuple(text for p in parts for text in p.status),
        )


@dataclass(frozen=True)
class InversionResult:
    """All stages of N images; the shortcuts speak of the last stage.

    Attributes:
      stages: in the order they ran.
      latents: float32 [N, latent_size]: z*, which g2 needs beside the codes where it reads z.
      labels: int32 [N], or None for an unconditional generator.
    """

    stages: tuple[StageResult, ...]
    latents: np.ndarray
    labels: np.ndarray | None

    @property
    def codes(self) -> np.ndarray:
        """float32 [N, *code_shape] of the last stage."""
        return self.stages[-1].codes

    @property
    def images(self) -> np.ndarray:
        """float32 [N, H, W, C] in [0, 1], the last stage's reconstructions."""
        return self.stages[-1].images

    @property
    def rmse(self) -> np.ndarray:
        """float64 [N] of the last stage."""
        return self.stages[-1].rmse

    @property
    def evaluations(self) -> np.ndarray:
        """int32 [N], over all stages."""
        return np.sum([stage.evaluations for stage in self.stages], axis=0)

    @property
    def status(self) -> tuple[str, ...]:
        """N phrases of the last stage."""
        return self.stages[-1].status

    @staticmethod
    def join(parts: Sequence[InversionResult]) -> InversionResult:
        """Puts results of several batches behind each other."""
        labels = None if parts[0].labels is None else np.concatenate([p.labels for p in parts])
        stages = zip(*(p.stages for p in parts), strict=True)
        return InversionResult(
            stages=tuple(StageResult.join(stage) for stage in stages),
            latents=np.concatenate([p.latents for p in parts]),
            labels=labels,
        )
