"""The batch that a stage begins with: a start's proposal, or what the stage before found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.generators.split import Split
from tfinv.images.metrics import RECOVERED
from tfinv.inversion.constraints import streams
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.result import StageResult
from tfinv.inversion.stages import Batch
from tfinv.inversion.starts import BEFORE, Start, nth_seed

__all__ = ["Standing", "begin"]

_CANDIDATE = 1  # purpose of seeds, beside that of attempts


@dataclass(frozen=True)
class Standing:
    """Images between two stages; every array has a row for each.

    Attributes:
      targets: float32 [B, H, W, C] in [0, 1].
      references: of the targets; see `Batch`.
      indices: which image of the run each row is.
      seeds: of its start; an image that is tried again has another one.
      labels: int [B], or float32 [B, classes] behind a stage that has weights; None if
        unconditional.
      split: of the stage before, None if there is none; so are the next two.
      latents: float32 [B, latent_size], what it found.
      codes: float32 [B, *code_shape], likewise.
      recovered: bool [B], whether its pictures are those of the images already.
    """

    targets: tf.Tensor
    references: Mapping[str, tf.Tensor]
    indices: Sequence[int]
    seeds: Sequence[int]
    labels: Any
    split: Split | None = None
    latents: tf.Tensor | None = None
    codes: tf.Tensor | None = None
    recovered: np.ndarray | None = None

    def after(self, split: Split, found: StageResult) -> Standing:
        """The same images behind one more stage."""
        weights = found.label_weights
        return replace(
            self,
            labels=self.labels if weights is None else tf.constant(weights),
            split=split,
            latents=tf.constant(found.latents),
            codes=tf.constant(found.codes),
            recovered=found.rmse < RECOVERED,
        )


def begin(stage: CompiledStage, start: Start, at: Standing) -> tuple[Batch, int]:
    """What a stage begins with, and how many evaluations of each image that has cost.

    Args:
      stage: the next one.
      start: its start.
      at: where the images are.
    """
    batch = _proposed(stage, start, at, 0)
    if start.candidates == 1:
        return batch, 0
    least = stage.objective.losses(batch)
    for number in range(1, start.candidates):
        other = _proposed(stage, start, at, number)
        losses = stage.objective.losses(other)
        # Where the least is no number, anything is better.
        better = (losses < least) | ~tf.math.is_finite(least)
        least = tf.where(better, losses, least)
        chosen = {
            name: _where(better, getattr(other, name), getattr(batch, name))
            for name in ("latents", "start", "anchor")
        }
        batch = replace(batch, **chosen)
    return batch, start.candidates


def _proposed(stage: CompiledStage, start: Start, at: Standing, number: int) -> Batch:
    """The batch of a start's n-th proposal."""
    split, latents, labels = stage.split, at.latents, at.labels
    if start is BEFORE:
        code = at.split.follow(at.codes, split, latents, labels)
    else:
        seeds = [nth_seed(seed, number, _CANDIDATE) for seed in at.seeds]
        proposed = tf.constant(_by_seed(start.latents, split, at.indices, seeds))
        weights = _by_seed(start.label_weights, split, at.indices, seeds)
        labels = labels if weights is None else tf.constant(weights)
        code = _by_seed(start.codes, split, at.indices, seeds)
        code = split.g1(proposed, labels) if code is None else tf.constant(code)
        if start.hinged and at.recovered is not None:
            carried = at.split.follow(at.codes, split, at.latents, at.labels)
            code = _where(tf.constant(at.recovered), carried, code)
        latents = latents if start.keeps_latents and latents is not None else proposed
    # Delta is measured from what z reaches, wherever the stage itself starts.
    anchor = code if split.is_latent else split.g1(latents, labels)
    keys = np.concatenate(
        [streams([k], seed) for k, seed in zip(at.indices, at.seeds, strict=True)]
    )
    return Batch(at.targets, latents, labels, code, anchor, at.references, keys)


def _by_seed(propose, split: Split, indices: Sequence[int], seeds: Sequence[int]):
    """Calls a part of a start once for each of the seeds, and puts the rows in their places."""
    rows: list[Any] = [None] * len(indices)
    for seed in dict.fromkeys(seeds):
        places = [place for place, own in enumerate(seeds) if own == seed]
        values = propose(split, [indices[place] for place in places], seed)
        if values is None:
            return None
        for place, value in zip(places, values, strict=True):
            rows[place] = value
    return np.stack(rows)


def _where(rows: tf.Tensor, one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.reshape(rows, [-1] + [1] * (one.shape.rank - 1)), one, other)
