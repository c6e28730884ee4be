"""An earlier inversion taken up: its codes together with the generator that draws from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

from tfinv.applications.codes import Codes, check_stored, draw
from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.split import Split
from tfinv.results.identity import read_identity
from tfinv.results.load import StoredResults, load_results

__all__ = ["Inverted", "load_inverted"]


@dataclasses.dataclass(frozen=True, eq=False)
class Inverted:
    """N pictures that a run has inverted at one layer.

    Attributes:
      generator: the one that they were inverted with.
      split: its cut at the layer.
      results: what is stored: names, codes, reconstructions, targets.
      points: codes, latents and labels, as `split.g2` takes them; [N] each.
    """

    generator: Generator
    split: Split
    results: StoredResults
    points: Codes

    def __len__(self) -> int:
        return len(self.points)


def load_inverted(
    folder: str | Path,
    generator: Generator,
    stage: str | None = None,
    pictures: Collection[int | str] | None = None,
) -> Inverted:
    """Takes up the results of an earlier run.

    Args:
      folder: the output folder of `tfinv.invert`, or one of a set and layer of `tfinv.evaluate`;
        finished or not.
      generator: the one that the run was made with.
      stage: one of the run's, as it calls its layers; by default the last.
      pictures: which ones, by place in the run or by name, and in which order; by default all that
        have a code.

    Raises:
      UserError: if there is no such folder, stage or picture, or the generator is another.
    """
    _check_generator(Path(folder).expanduser(), generator)
    results = load_results(folder, stage, pictures)
    split = generator.split(results.stage)
    inverted = Inverted(generator, split, results, _points(results, split))
    _check_shapes(folder, inverted)
    _check_drawn(folder, inverted)
    return inverted


def _points(results: StoredResults, split: Split) -> Codes:
    weights, labels = results.label_weights, results.labels
    latents = results.codes if split.is_latent else results.latents
    return Codes(results.codes, latents, labels if weights is None else weights)


def _check_generator(folder: Path, generator: Generator) -> None:
    kept = read_identity(folder).get("generator", generator.digest)
    if kept != generator.digest:
        raise UserError(
            f"{folder}: was inverted with another generator than {generator.path}: its graph or "
            "weights differ"
        )


def _check_shapes(folder: str | Path, inverted: Inverted) -> None:
    """What a folder without a generator's digest may still betray."""
    split, results = inverted.split, inverted.results
    kept = {
        "codes": (results.codes.shape[1:], split.code_shape),
        "pictures": (results.images.shape[1:], inverted.generator.image_shape),
    }
    if inverted.points.latents is not None:
        kept["latents"] = (inverted.points.latents.shape[1:], (split.latent_size,))
    for what, (there, here) in kept.items():
        if tuple(there) != tuple(here):
            raise UserError(
                f"{folder}: its {what} have the shape {list(there)}, and {inverted.generator.path} "
                f"has {list(here)} at {split.layer.name}: give the generator that it was made with"
            )


def _check_drawn(folder: str | Path, inverted: Inverted) -> None:
    """Whether the first picture is drawn again."""
    drawn = draw(inverted.split, inverted.points.take([0]))[0]
    check_stored(drawn, inverted.results.images[0], f"{folder}: {inverted.results.names[0]}")
