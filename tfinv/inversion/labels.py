"""Which class a picture is of, where nobody says: the one whose latent draws it best."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.features.classifier import Classifier
from tfinv.generators.generator import Generator
from tfinv.generators.split import LATENT
from tfinv.inversion.constraints import streams
from tfinv.inversion.engine import Inverter, OnProgress
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.solvers import LBFGS
from tfinv.inversion.stages import Batch
from tfinv.inversion.starts import Start, find_start

__all__ = [
    "EVALUATIONS",
    "Candidates",
    "FoundLabels",
    "LabelSearch",
    "classes_of",
    "likely",
    "random_classes",
]

EVALUATIONS = 50
"""Budget of one candidate of one image, if nothing else is asked for."""

_STREAM = 11  # apart from the streams of starts and samples

Candidates = Callable[[np.ndarray, Sequence[int]], np.ndarray]
"""(images float32 [N, H, W, C], their places in the run) to classes int32 [N, K]."""


def random_classes(generator: Generator, count: int, seed: int = 0) -> Candidates:
    """Classes drawn for each image by itself, no class twice; all of them, if there are no more.

    Raises:
      UserError: if it is not known how many classes there are.
    """
    classes = classes_of(generator)

    def draw(images: np.ndarray, indices: Sequence[int]) -> np.ndarray:
        del images
        if count >= classes:
            return np.tile(np.arange(classes, dtype=np.int32), (len(indices), 1))
        streams = (np.random.default_rng([seed, index, _STREAM]) for index in indices)
        rows = [stream.choice(classes, count, replace=False) for stream in streams]
        return np.asarray(rows, np.int32)

    return draw


def likely(classifier: Classifier, count: int) -> Candidates:
    """The classes that a classifier holds for the likeliest."""
    return lambda images, indices: classifier.top(images, count)


class FoundLabels(NamedTuple):
    """What a search came to.

    Attributes:
      labels: int32 [N], the candidate of the least loss.
      candidates: int32 [N, K].
      losses: float32 [N, K], the least that each candidate reached.
      evaluations: int32 [N], spent on all candidates of an image.
    """

    labels: np.ndarray
    candidates: np.ndarray
    losses: np.ndarray
    evaluations: np.ndarray


class LabelSearch:
    """Inverts an image at the latent once for each candidate class, and keeps the best class.

    Every candidate starts from the same z and has the same budget, so that what differs is the
    class. An image's result depends on no other image.

    Args:
      inverter: what the images will be inverted with: gives the loss, the seed, and all else that a
        latent stage needs; the solver is L-BFGS, which is far on after a few dozen evaluations.
      candidates: proposes classes.
      evaluations: budget of one candidate of one image.
      start: whose z every candidate has first: a name, or a `Start`.

    Raises:
      UserError: if the generator takes no labels, or the budget is less than 1.
    """

    def __init__(
        self,
        inverter: Inverter,
        candidates: Candidates,
        evaluations: int = EVALUATIONS,
        start: str | Start = "prior",
    ):
        classes_of(inverter.generator)
        if evaluations < 1:
            raise UserError(f"a budget of {evaluations} evaluations is too small: it is at least 1")
        self._inverter, self._candidates = inverter, candidates
        self._start = start if isinstance(start, Start) else find_start(start)
        stage = dataclasses.replace(
            inverter.stages[0],
            layer=LATENT,
            solver=LBFGS(max_evaluations=evaluations),
            optimize=None,
        )
        self._stage = CompiledStage(stage, inverter.generator.split(LATENT))

    def find(
        self, images: np.ndarray, indices: Sequence[int], on_progress: OnProgress | None = None
    ) -> FoundLabels:
        """Finds the class of each image.

        Args:
          images: float32 [N, H, W, C] in [0, 1].
          indices: which image of the run each one is; start and random candidates depend on it.
          on_progress: called with the stage and the solver's state every few dozen steps.
        """
        candidates = self._candidates(images, indices)
        losses = np.empty(candidates.shape, np.float32)
        evaluations = np.zeros(len(images), np.int32)
        size = self._inverter.batch_size
        for first in range(0, len(images), size):
            rows = np.arange(first, min(first + size, len(images)))
            for k, state in enumerate(self._try(images, indices, candidates, rows, on_progress)):
                losses[rows, k] = state.best_loss.numpy()[: len(rows)]
                evaluations[rows] += state.evaluations.numpy()[: len(rows)]
        losses = np.where(np.isfinite(losses), losses, np.inf)
        best = losses.argmin(1)
        return FoundLabels(
            labels=candidates[np.arange(len(images)), best],
            candidates=candidates,
            losses=losses,
            evaluations=evaluations,
        )

    def _try(self, images, indices, candidates, rows, on_progress) -> Any:
        """The solver's last state for each candidate of some images, one after the other."""
        split, stage = self._stage.split, self._stage.stage
        # Shapes stay static: a short batch is filled up with copies.
        rows = rows[np.minimum(np.arange(self._inverter.batch_size), len(rows) - 1)]
        targets = tf.constant(images[rows])
        places = [indices[row] for row in rows]
        latents = tf.constant(self._start.latents(split, places, self._inverter.seed))
        references = self._stage.objective.references(targets)
        keys = streams(places, self._inverter.seed)
        report = None if on_progress is None else lambda state: on_progress(stage, state)
        for labels in candidates[rows].T:
            labels = tf.constant(labels)
            batch = Batch(targets, latents, labels, latents, latents, references, keys)
            yield self._stage.run(batch, report)


def classes_of(generator: Generator) -> int:
    """How many classes can be tried; raises UserError if there are none, or it is not known."""
    if not generator.conditional:
        raise UserError(f"{generator.path} takes no labels: there are none to find")
    if generator.classes is None:
        raise UserError(
            f"how many classes {generator.path} has cannot be told from its graph, so none can be "
            "tried: give the label of each picture"
        )
    return generator.classes
