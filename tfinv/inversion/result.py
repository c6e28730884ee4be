"""What an inversion returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["InversionResult", "Spending", "StageResult"]


@dataclass(frozen=True)
class Spending:
    """Evaluations that a compiled loop has computed: of every slot at every step.

    Attributes:
      computed: all of them.
      used: those of images that were not done; the others are the price of static shapes.
    """

    computed: int = 0
    used: int = 0

    @property
    def wasted(self) -> int:
        """Those of images that were done, and of slots without an image."""
        return self.computed - self.used

    def __add__(self, other: Spending) -> Spending:
        return Spending(self.computed + other.computed, self.used + other.used)


@dataclass(frozen=True)
class StageResult:
    """One stage of N images.

    Attributes:
      layer: where the codes are.
      codes: float32 [N, *code_shape], the best seen.
      latents: float32 [N, latent_size], z, which g2 needs beside the codes where it reads z: found
        with them where it was optimised in this stage, else as it was.
      images: float32 [N, H, W, C] in [0, 1], drawn from them.
      rmse: float64 [N], root mean square error over pixels and channels, in [0, 1].
      losses: float32 [N], what was minimised, at the codes; +inf if it never was finite.
      evaluations: int32 [N], forward and backward passes spent.
      status: N phrases; one that begins with "failed" says why.
      label_weights: float32 [N, classes], which g2 needs in the place of labels; None until a stage
        has optimised them.
    """

    layer: str
    codes: np.ndarray
    latents: np.ndarray
    images: np.ndarray
    rmse: np.ndarray
    losses: np.ndarray
    evaluations: np.ndarray
    status: tuple[str, ...]
    label_weights: np.ndarray | None = None

    def take(self, rows: Sequence[int]) -> StageResult:
        """The result of some of the images, in the order given."""
        rows = list(rows)
        weights = self.label_weights
        return StageResult(
            layer=self.layer,
            codes=self.codes[rows],
            latents=self.latents[rows],
            images=self.images[rows],
            rmse=self.rmse[rows],
            losses=self.losses[rows],
            evaluations=self.evaluations[rows],
            status=tuple(self.status[row] for row in rows),
            label_weights=None if weights is None else weights[rows],
        )

    @staticmethod
    def join(parts: Sequence[StageResult]) -> StageResult:
        """Puts results of several batches, of the same stage, behind each other."""
        return StageResult(
            layer=parts[0].layer,
            codes=np.concatenate([p.codes for p in parts]),
            latents=np.concatenate([p.latents for p in parts]),
            images=np.concatenate([p.images for p in parts]),
            rmse=np.concatenate([p.rmse for p in parts]),
            losses=np.concatenate([p.losses for p in parts]),
            evaluations=np.concatenate([p.evaluations for p in parts]),
            status=tuple(text for p in parts for text in p.status),
            label_weights=_join([p.label_weights for p in parts]),
        )


@dataclass(frozen=True)
class InversionResult:
    """All stages of N images; the shortcuts speak of the last stage.

    Attributes:
      stages: in the order they ran.
      labels: int32 [N]; None for an unconditional generator, or where weights were given.
      spending: of the loops that computed it.
    """

    stages: tuple[StageResult, ...]
    labels: np.ndarray | None
    spending: Spending = Spending()

    @property
    def codes(self) -> np.ndarray:
        """float32 [N, *code_shape] of the last stage."""
        return self.stages[-1].codes

    @property
    def latents(self) -> np.ndarray:
        """float32 [N, latent_size], which g2 needs beside the codes where it reads z."""
        return self.stages[-1].latents

    @property
    def label_weights(self) -> np.ndarray | None:
        """float32 [N, classes], which g2 needs instead of labels if any stage optimised them."""
        return self.stages[-1].label_weights

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


def _join(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return None if parts[0] is None else np.concatenate(parts)
