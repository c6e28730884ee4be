"""Evaluations that an optimiser needs to bring pictures below an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import tfinv
from tfinv.generators.generator import Generator
from tfinv.images import decode, resize, sources
from tfinv.inversion.solvers import SOLVERS

__all__ = ["evaluations_to", "read_images"]


def read_images(specs: Sequence[str], count: int, generator: Generator) -> np.ndarray:
    """The first pictures, fitted to a generator; float32 [N, H, W, C] in [0, 1]."""
    height, width, _ = generator.image_shape
    images = []
    for record in sources.list_images(specs):
        picture = decode.decode(record.read(), record.name)
        images.append(resize.fit(picture, height, width)[0])
        if len(images) == count:
            break
    return np.stack(images)


def evaluations_to(
    rmse: float,
    generator: Generator,
    layer: str,
    images: np.ndarray,
    labels: np.ndarray | None,
    *,
    solver: str,
    budgets: Sequence[int],
) -> tuple[int | None, Mapping[int, float]]:
    """Inverts with one budget after another, until the mean RMSE is low enough.

    Each budget is a run of its own, because schedules depend on it. A run starts as that solver
    does behind a latent stage: L-BFGS with all units open where closed ones rest, others from the
    code of a random latent, as in the thesis.

    Returns:
      The first budget that was enough, None if none was; and the mean RMSE of each that was tried.
    """
    errors: dict[int, float] = {}
    opens = generator.split(layer).hinge is not None and SOLVERS[solver]().rests
    for budget in budgets:
        inverter = tfinv.Inverter(
            generator,
            layer,
            labels=labels,
            solver=solver,
            max_evaluations=budget,
            start="open" if opens else "prior",
            batch_size=len(images),
        )
        errors[budget] = float(inverter.run(images).rmse.mean())
        if errors[budget] <= rmse:
            return budget, errors
    return None, errors
