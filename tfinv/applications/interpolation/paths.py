"""From where to where: the four ways of the thesis, each a list of pairs of ends.

They are those of section 6.3.2: from the latent's reconstruction to the dense layer's (figure
6.14), between pictures (6.15), to what the generator draws itself (6.16), and to another class
(6.17).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfinv.applications.codes import Codes, draw
from tfinv.applications.inverted import Inverted
from tfinv.errors import UserError

__all__ = ["End", "Path", "class_paths", "picture_paths", "sample_paths", "stage_paths"]

_SAMPLE_SEED = 2_000_003  # apart from the seeds of starts, and of the samples of a run
_CLASS_STREAM = 6


@dataclasses.dataclass(frozen=True, eq=False)
class End:
    """One end of a path.

    Attributes:
      name: for titles.
      points: one point of the cut.
      target: what it was to draw, float32 [H, W, C] in [0, 1].
      image: what it draws, as a run has stored it in 8 bits; None if nothing is stored.
      stage: of the run, where a path leads from one to another; else "".
    """

    name: str
    points: Codes
    target: np.ndarray
    image: np.ndarray | None = None
    stage: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Path:
    """A way between two points of one cut; `a` is 0 at the first and 1 at the last."""

    first: End
    last: End

    @property
    def title(self) -> str:
        """Two lines for a sheet; of names that are paths, the file."""
        one, other = (end.name.rpartition("/")[2] for end in (self.first, self.last))
        if self.first.stage:
            return f"{one}\n{self.first.stage} to {self.last.stage}"
        return f"{one}\nto {other}"


def stage_paths(earlier: Inverted, later: Inverted) -> list[Path]:
    """From what one stage found for each picture to what a later one did.

    With the latent before the dense layer that is `g2(g1(z*) + a delta*)`.

    Args:
      earlier: its points have codes at the layer of the other, as the layer of the latent has.
      later: the same pictures, in the same order.

    Raises:
      UserError: if the layers stand the other way round.
    """
    before, after = earlier.results.stage, later.results.stage
    if not earlier.split.reaches(later.split):
        raise UserError(
            f"the layer {after} does not lie behind {before}: the path leads from an earlier "
            "stage to a later one"
        )
    points = earlier.points
    codes = earlier.split.follow(points.codes, later.split, points.latents, points.labels)
    points = points.replace(codes=codes.numpy())
    return [
        Path(_stored(earlier, row, points, before), _stored(later, row, stage=after))
        for row in range(len(later))
    ]


def picture_paths(inverted: Inverted, pairs: Sequence[tuple[int, int]] | None = None) -> list[Path]:
    """Between the codes of two pictures.

    Args:
      inverted: the pictures.
      pairs: their rows in it; by default each and the next.

    Raises:
      UserError: if there are not two pictures.
    """
    if len(inverted) < 2:
        raise UserError("a path between pictures takes two of them: name more, or none, for all")
    if pairs is None:
        pairs = [(row, row + 1) for row in range(len(inverted) - 1)]
    return [Path(_stored(inverted, one), _stored(inverted, other)) for one, other in pairs]


def sample_paths(
    inverted: Inverted, count: int = 1, label: int | None = None, seed: int = 0
) -> list[Path]:
    """From each picture to samples of the generator: `h = g1(z)`, z from its prior.

    Args:
      inverted: the pictures.
      count: samples for each picture, all different.
      label: class of the samples; by default that of the picture.
      seed: of the samples; those of a picture depend on it and on its place in the run alone.
    """
    generator, split = inverted.generator, inverted.split
    labels = None if label is None else generator.check_labels([label])
    paths = []
    for row, index in enumerate(inverted.results.indices):
        first = _stored(inverted, row)
        z = generator.sample_latents(count, seed + _SAMPLE_SEED, int(index) * count)
        given = first.points.labels if labels is None else labels
        given = None if given is None else np.repeat(given, count, axis=0)
        points = Codes(split.g1(z, given).numpy(), z, given)
        images = draw(split, points)
        for k in range(count):
            end = End(f"sample {k}", points.take([k]), images[k])
            paths.append(Path(first, end))
    return paths


def class_paths(
    inverted: Inverted, labels: Sequence[int] | None = None, count: int = 1, seed: int = 0
) -> list[Path]:
    """From the class of each picture to others, its code held: `g2(h, (1 - a) y + a y')`.

    Args:
      inverted: the pictures.
      labels: classes to go to; by default drawn at random, others than its own, for each picture.
      count: how many are drawn.
      seed: of the draw; that of a picture depends on it and on its place in the run alone.

    Raises:
      UserError: if g2 reads no labels, or takes them as numbers, which cannot be blended.
    """
    generator, split = inverted.generator, inverted.split
    if not generator.conditional:
        raise UserError(f"{generator.path} takes no labels: there are no classes to go between")
    if not split.reads_labels:
        raise UserError(
            f"{generator.path} reads no labels behind {split.layer.name}: choose an earlier --stage"
        )
    own = split.label_weights(inverted.points.labels).numpy().argmax(axis=1)
    paths = []
    for row, index in enumerate(inverted.results.indices):
        first = _stored(inverted, row)
        chosen = labels
        if chosen is None:
            chosen = _other_classes(generator.classes, int(own[row]), count, [seed, int(index)])
        for label in generator.check_labels(list(chosen)):
            points = first.points.replace(labels=np.array([label], np.int32))
            paths.append(Path(first, End(_class_name(generator, label), points, first.target)))
    return paths


def _other_classes(classes: int, own: int, count: int, key: list[int]) -> np.ndarray:
    if count >= classes:
        raise UserError(f"{count} other classes are more than there are: {classes - 1}")
    others = np.delete(np.arange(classes), own)
    return np.random.default_rng([*key, _CLASS_STREAM]).choice(others, count, replace=False)


def _class_name(generator, label: int) -> str:
    names = generator.class_names
    return f"class {label}" if names is None else names[int(label)].partition(",")[0]


def _stored(inverted: Inverted, row: int, points: Codes | None = None, stage: str = "") -> End:
    """A picture as an end; `points` where they are those of another cut."""
    found = inverted.results
    points = (points or inverted.points).take([row])
    return End(found.names[row], points, found.targets[row], found.images[row], stage)
