"""What a study is: arms, each of which does one thing to the same pictures, and what they show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tfinv.applications.pictures import read_pictures
from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork
from tfinv.generators.generator import Generator
from tfinv.inversion.engine import Inverter, OnProgress
from tfinv.inversion.result import InversionResult
from tfinv.results.findings import Findings

__all__ = ["Arm", "Arrays", "Options", "PictureSet", "Setup", "Study", "gather", "invert"]

Arrays = Mapping[str, np.ndarray]
"""What an arm keeps of its pictures, a row each."""


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures of a study, in memory.

    Attributes:
      name: such as "samples".
      names: one a picture.
      indices: int [N], each one's place in its run; starts depend on it.
      images: float32 [N, H, W, C] in [0, 1].
      labels: int32 [N]; None if the generator takes none.
      faults: a line for each picture that could not be read, which is not among them.
    """

    name: str
    names: tuple[str, ...]
    indices: np.ndarray
    images: np.ndarray
    labels: np.ndarray | None
    faults: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def rows(self, first: int, last: int) -> PictureSet:
        """Some of them."""
        return dataclasses.replace(
            self,
            names=self.names[first:last],
            indices=self.indices[first:last],
            images=self.images[first:last],
            labels=None if self.labels is None else self.labels[first:last],
        )


@dataclass(frozen=True)
class Options:
    """What a user chooses.

    Attributes:
      solver: a name in `tfinv.inversion.solvers.SOLVERS`.
      max_evaluations: of each picture in each arm, over all its stages.
      batch_size: pictures at a time.
      seed: of starts, samples and noise.
      latent_evaluations: of them for the first stage, in an arm that begins at the latent.
      projection_weights: of the loss term "projection", rising.
      likelihood_weight: of the loss term "likelihood".
      feature_weight: of the loss term "features"; None to make both terms of one size.
    """

    solver: str
    max_evaluations: int
    batch_size: int = 16
    seed: int = 0
    latent_evaluations: int = 150
    projection_weights: tuple[float, ...] = ()
    likelihood_weight: float = 1e-5
    feature_weight: float | None = None


@dataclass(frozen=True, eq=False)
class Setup:
    """What a study works on.

    Attributes:
      generator: any.
      sets: its pictures, by the name of the set.
      options: what the user chose.
      network: of the loss term "features", if there is one.
    """

    generator: Generator
    sets: Mapping[str, PictureSet]
    options: Options
    network: FeatureNetwork | None = None

    @property
    def pictures(self) -> PictureSet:
        """The first set, which is the only one of most studies."""
        return next(iter(self.sets.values()))

    @property
    def said(self) -> str:
        """The pictures and the cost of a study of one set, for a title."""
        pictures, options = self.pictures, self.options
        cost = f"{options.solver}, {options.max_evaluations} evaluations"
        return f"{len(pictures)} {pictures.name}, {cost}"

    def inverter(self, stages, **changes) -> Inverter:
        """An inverter with the study's options and one arm's changes."""
        options = self.options
        given = {
            "solver": options.solver,
            "max_evaluations": options.max_evaluations,
            "seed": options.seed,
            "batch_size": min(options.batch_size, max(map(len, self.sets.values()))),
        }
        return Inverter(self.generator, stages, **{**given, **changes})


@dataclass(frozen=True, eq=False)
class Arm:
    """One thing that is done to the pictures of a set.

    Attributes:
      name: unique in its study.
      set: name of the set.
      make: makes, once, what turns a batch of its pictures into arrays with a row for each; the
        second argument is told of progress. All of it is compiled there, so it is made when needed.
    """

    name: str
    set: str
    make: Callable[[], Callable[[PictureSet, OnProgress], Arrays]]


@dataclass(frozen=True)
class Study:
    """An experiment.

    Attributes:
      name: as `--study` has it.
      purpose: one line.
      arms: what is done, in order.
      findings: what the arms that are finished show; given their arrays by the arm's name.
      solver, max_evaluations, count: the defaults of `Options` and of the number of pictures.
      own_sets: whether samples and noise are compared too, beside the pictures that are given.
      takes: names of the options that are of this study and not of every one.
    """

    name: str
    purpose: str
    arms: Callable[[Setup], Sequence[Arm]]
    findings: Callable[[Setup, Mapping[str, Arrays]], Findings]
    solver: str
    max_evaluations: int
    count: int
    own_sets: bool = False
    takes: frozenset[str] = field(default_factory=frozenset)


def gather(
    generator: Generator,
    specs: Sequence[str],
    count: int,
    *,
    name: str,
    label: int | None = None,
    seed: int = 0,
) -> PictureSet:
    """Reads the first pictures that specs give.

    Args:
      generator: whose size they get.
      specs: as for `read_pictures`.
      count: at most so many, those that cannot be read included.
      name: of the set.
      label: class of the pictures that bring none of their own.
      seed: of what is drawn.

    Raises:
      UserError: if there are none, or none can be read.
    """
    # `zip` with the numbers second would read one picture more than is wanted.
    pictures = [
        picture
        for _, picture in zip(
            range(count), read_pictures(generator, specs, label=label, seed=seed), strict=False
        )
    ]
    readable = [picture for picture in pictures if picture.pixels is not None]
    faults = tuple(
        p.fault if p.fault.startswith(p.name) else f"{p.name}: {p.fault}"
        for p in pictures
        if p.pixels is None
    )
    if not readable:
        raise UserError(f"none of the pictures can be read; {faults[0]}")
    labels = None
    if generator.conditional:
        labels = np.asarray([picture.label for picture in readable], np.int32)
    return PictureSet(
        name=name,
        names=tuple(picture.name for picture in readable),
        indices=np.asarray([picture.index for picture in readable]),
        images=np.stack([picture.pixels for picture in readable]),
        labels=labels,
        faults=faults,
    )


def invert(
    inverter: Inverter, batch: PictureSet, on_progress: OnProgress
) -> tuple[InversionResult, dict[str, np.ndarray]]:
    """Inverts a batch; also the arrays that every arm keeps.

    Returns:
      The result, and of its last stage: rmse float64 [B], NaN where it failed; evaluations int32
      [B] over all stages; images uint8 [B, H, W, C].
    """
    result = inverter.run_batch(batch.images, list(batch.indices), batch.labels, on_progress)
    failed = np.asarray([status.startswith("failed") for status in result.status])
    return result, {
        "rmse": np.where(failed, np.nan, result.rmse),
        "evaluations": result.evaluations,
        "images": np.round(255 * np.nan_to_num(result.images)).astype(np.uint8),
    }
