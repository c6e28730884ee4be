"""This engine: the compiled loop of a stage."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import tensorflow as tf

from bench.contestants import LEAK, Problem
from tfinv.generators.load import load_generator
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import SOLVERS
from tfinv.inversion.stages import Batch, Stage

__all__ = ["TfinvLoop"]

_ENDLESS = 1_000_000_000


class _EnoughError(Exception):
    """Ends a run that would never end."""


class TfinvLoop:
    """A stage whose images never reach their budget.

    Args:
      problem: what to optimise.
      solver: a name in `tfinv.inversion.solvers.SOLVERS`.
    """

    def __init__(self, problem: Problem, solver: str):
        options: dict[str, Any] = {"max_evaluations": _ENDLESS, "leak": LEAK}
        options["leak_schedule"] = "fixed"
        if solver == "lbfgs":
            options["tolerance"] = 0.0
        split = load_generator(problem.generator).split(problem.layer)
        stage = Stage(problem.layer, Loss.parse("mse"), SOLVERS[solver](**options))
        self._stage = CompiledStage(stage, split)
        codes = tf.constant(problem.codes)
        self._batch = Batch(
            tf.constant(problem.targets),
            tf.constant(problem.latents),
            problem.labels,
            codes,
            anchor=codes,
        )
        self._matrix: Any = None

    def check(self) -> tuple[float, float]:
        """See `Contestant`."""
        work, split = self._batch, self._stage.split
        frontier = split.frontier(work.latents, work.labels)
        with tf.GradientTape() as tape:
            tape.watch(work.start)
            images = split.draw(work.start, frontier, LEAK)
            loss = tf.reduce_sum(tf.reduce_mean(tf.square(images - work.targets), [1, 2, 3]))
        return float(loss), float(tf.norm(tape.gradient(loss, work.start)))

    def run(self, steps: int) -> tuple[int, float]:
        """See `Contestant`; a row may stall, and then all begin again."""
        done, seconds = 0, 0.0
        while done < steps:
            more, took = self._run(steps - done)
            done, seconds = done + more, seconds + took
        return done, seconds

    def _run(self, steps: int) -> tuple[int, float]:
        seen: list[tuple[int, float]] = []

        def watch(state: Any) -> None:
            seen.append((int(tf.reduce_max(state.evaluations)), time.perf_counter()))
            if seen[-1][0] >= steps:
                raise _EnoughError

        with contextlib.suppress(_EnoughError):
            self._stage.run(self._batch, watch)
        return seen[-1][0], seen[-1][1] - seen[0][1]

    def multiply(self, size: int) -> None:
        """See `Contestant`."""
        if self._matrix is None:
            self._matrix = tf.random.normal([size, size])
        tf.linalg.matmul(self._matrix, self._matrix).numpy()
