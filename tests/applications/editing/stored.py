"""Pictures of a tiny generator as `load_inverted` gives them, without a run."""

from __future__ import annotations

import numpy as np

from tfinv.applications.codes import Codes, draw
from tfinv.applications.inverted import Inverted
from tfinv.images.ranges import to_float, to_uint8
from tfinv.results.load import StoredResults


def inverted(generator, count: int = 4, layer: str = "dense", seed: int = 0) -> Inverted:
    """Samples, whose codes are known, as if they had been inverted at a layer."""
    split = generator.split(layer)
    latents, labels = generator.sample_latents(count, seed), generator.sample_labels(count, seed)
    points = Codes(split.g1(latents, labels).numpy(), latents, labels)
    images = to_float(to_uint8(draw(split, points)))
    results = StoredResults(
        stage=layer,
        indices=np.arange(count),
        names=[f"sample-{k:05d}" for k in range(count)],
        classes=[None] * count,
        codes=points.codes,
        latents=latents,
        labels=labels,
        label_weights=None,
        images=images,
        targets=images,
        rmse=np.zeros(count),
        status=["converged"] * count,
        notes=[""] * count,
        failed={},
    )
    return Inverted(generator, split, results, points)
