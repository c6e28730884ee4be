"""What an evaluation says in words: whether it can be trusted, and whether two sets differ.

A picture that is drawn badly accuses either the generator or the inversion. Pictures that the
generator drew itself have a code, so on those only the inversion can fail: unless it finds them
again, nothing that it says of other pictures is about the generator (thesis, section 8.1).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

from tfinv.images.metrics import RECOVERED
from tfinv.results.evaluation.cells import Cell

__all__ = ["ENOUGH", "Comparison", "Verdict", "compare", "compare_classes", "judge", "sentence_of"]

ENOUGH = 0.95
"""Share of a generator's own samples that must be recovered."""
_CHANCE = 0.05  # of calling equal sets different, over all comparisons of one kind together
_LATENT = "latent"

Cells = Mapping[tuple[str, str], Cell]
"""Cells by set and layer."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether the numbers speak about the generator.

    Attributes:
      trusted: None if it cannot be told.
      recovered: share of the generator's samples with an RMSE below 0.02 at the latent, of all that
        were tried; NaN if not measured.
      sentence: both, for a reader.
    """

    trusted: bool | None
    recovered: float
    sentence: str


def judge(cells: Cells, samples: Collection[str]) -> Verdict:
    """The verdict of thesis section 8.1.

    Args:
      cells: by set and layer.
      samples: the sets that the generator drew itself.
    """
    measured = [cells[name, _LATENT] for name in samples if (name, _LATENT) in cells]
    count = sum(cell.images for cell in measured)
    if not count:
        missing = f"the layer {_LATENT}" if samples else "a set such as samples=sample:1000"
        return Verdict(
            None,
            math.nan,
            "Unknown: without the generator's own samples at the latent it cannot be told whether "
            f"these numbers speak about the generator or about the inversion; add {missing}.",
        )
    found = sum(round(cell.recovered * cell.count) for cell in measured if cell.count)
    share = found / count
    so_far = " so far" if any(cell.partial for cell in measured) else ""
    failed = sum(cell.failed for cell in measured)
    fact = (
        f"{found} of {count} samples of the generator{so_far} ({100 * share:.1f}%) are recovered "
        f"at the latent (RMSE below {RECOVERED}{f'; {failed} failed' if failed else ''})"
    )
    if share >= ENOUGH:
        return Verdict(True, share, f"Trusted: {fact}, so the numbers speak about the generator.")
    return Verdict(
        False,
        share,
        f"Not trusted: {fact}, and {100 * ENOUGH:.0f}% are needed, so the other numbers do not "
        "speak about the generator: what they measure may be the inversion's own failure.",
    )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Mean RMSE of two sets at one layer.

    Attributes:
      layer: its name.
      label: the class; None for all classes together.
      first: the mean of the first set, in [0, 1].
      first_error: its standard error.
      second: the mean of the second set.
      second_error: its standard error.
      limit: standard errors above which the means are called different.
    """

    layer: str
    label: int | None
    first: float
    first_error: float
    second: float
    second_error: float
    limit: float

    @property
    def difference(self) -> float:
        """Second mean less the first."""
        return self.second - self.first

    @property
    def error(self) -> float:
        """Standard error of the difference, as of Welch's test: the root of the sum of squares."""
        return math.hypot(self.first_error, self.second_error)

    @property
    def errors(self) -> float:
        """The difference in its standard errors."""
        if not self.error:
            return 0.0 if not self.difference else math.copysign(math.inf, self.difference)
        return self.difference / self.error

    @property
    def differ(self) -> bool:
        """Whether the means differ by more than chance explains."""
        return abs(self.errors) > self.limit


def compare(cells: Cells, pair: tuple[str, str], layers: Sequence[str]) -> list[Comparison]:
    """Compares the mean RMSE of two sets, layer by layer.

    Args:
      cells: by set and layer.
      pair: the names of the sets, such as train and test.
      layers: names, in order; those where a set has fewer than two results are left out.
    """
    pairs = [(layer, None, *(cells.get((name, layer)) for name in pair)) for layer in layers]
    return _compare(pairs)


def compare_classes(cells: Cells, pair: tuple[str, str], layers: Sequence[str]) -> list[Comparison]:
    """The same class by class, where both sets are labelled (thesis, section 8.1)."""
    pairs = []
    for layer in layers:
        first, second = (
            cells[name, layer].by_class() if (name, layer) in cells else {} for name in pair
        )
        pairs += [(layer, label, first[label], second[label]) for label in first if label in second]
    return _compare(pairs)


def sentence_of(comparison: Comparison, pair: tuple[str, str]) -> str:
    """One comparison for a reader."""
    what = "differ" if comparison.differ else "do not differ"
    label = "" if comparison.label is None else f", class {comparison.label}"
    return (
        f"{comparison.layer}{label}: {pair[0]} and {pair[1]} {what}: "
        f"{comparison.first:.5f} ± {comparison.first_error:.5f} and "
        f"{comparison.second:.5f} ± {comparison.second_error:.5f}, "
        f"{abs(comparison.errors):.1f} standard errors apart; above {comparison.limit:.1f} is "
        "called a difference."
    )


def _compare(pairs: Sequence[tuple[str, int | None, Cell | None, Cell | None]]) -> list[Comparison]:
    pairs = [
        pair for pair in pairs if all(cell is not None and cell.count > 1 for cell in pair[2:])
    ]
    if not pairs:
        return []
    # Bonferroni: of many comparisons of equal sets, one in twenty would else be called different.
    chance = _CHANCE / 2 / len(pairs)
    return [
        Comparison(
            layer,
            label,
            first.mean("rmse"),
            first.error("rmse"),
            second.mean("rmse"),
            second.error("rmse"),
            _limit(first, second, chance),
        )
        for layer, label, first, second in pairs
    ]


def _limit(first: Cell, second: Cell, chance: float) -> float:
    """The quantile of Student's t with as many degrees of freedom as Welch and Satterthwaite give.

    Of few pictures a standard error is itself uncertain, and the normal distribution's quantile
    would call equal sets different far too often.
    """
    from scipy import stats

    squares = [cell.error("rmse") ** 2 for cell in (first, second)]
    spread = sum(s**2 / (cell.count - 1) for s, cell in zip(squares, (first, second), strict=True))
    freedom = sum(squares) ** 2 / spread if spread else math.inf
    return float(stats.t.isf(chance, freedom))
