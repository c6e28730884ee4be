"""What is minimised: named terms of one image each, that add up and scale."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.split import Split
from tfinv.inversion import priors, subspace
from tfinv.inversion.trial import Trial

__all__ = ["TERMS", "Loss", "Term", "mse"]


def mse(trial: Trial) -> tf.Tensor:
    """Mean squared error over known pixels and channels, of images in [0, 1] (thesis, section 4.5).

    Returns:
      float32 [B] in [0, 1]; the square of the RMSE.
    """
    squares = tf.square(trial.images - trial.targets)
    if trial.known is None:
        return tf.reduce_mean(squares, [1, 2, 3])
    # Where nothing is known both are 0, and so is their difference.
    count = tf.reduce_sum(trial.known, [1, 2, 3]) * trial.images.shape[3]
    return tf.reduce_sum(squares, [1, 2, 3]) / count


@dataclass(frozen=True)
class Term:
    """One named part of a loss.

    Attributes:
      name: what it is called in a sum.
      value: a Trial to float32 [B]. Never a mean over the batch: that would couple images to each
        other and the result to the batch size. None if `made_for` makes it.
      at: "latent" if it makes sense only where z is optimised, as the code or beside it; "code" if
        only behind the latent; else "any".
      reference: targets float32 [B, H, W, C] to what `value` needs of them and would else compute
        at every evaluation: floats [B, ...], row by row. It is computed once a batch, and is
        `trial.references[name]`. None if the term needs nothing of the kind.
      made_for: a Split to its `value` there, for a term that depends on the layer; called once for
        each stage that has the term.
    """

    name: str
    value: Callable[[Trial], tf.Tensor] | None = None
    at: str = "any"
    reference: Callable[[tf.Tensor], tf.Tensor] | None = None
    made_for: Callable[[Split], Callable[[Trial], tf.Tensor]] | None = None

    def applies(self, latent: bool, behind: bool) -> bool:
        """Whether a stage has this term; for the arguments see `Loss.at`."""
        return {"any": True, "latent": latent, "code": behind}[self.at]

    def bound(self, split: Split) -> Term:
        """The term with its value at a layer.

        Raises:
          UserError: if there it has none.
        """
        if self.made_for is None:
            return self
        return replace(self, value=self.made_for(split), made_for=None)


TERMS = {
    term.name: term
    for term in (
        Term("mse", mse),
        Term("likelihood", priors.likelihood, at="latent"),
        Term("chi_square", at="latent", made_for=priors.chi_square),
        Term("delta", priors.delta, at="code"),
        Term("projection", at="code", made_for=subspace.projection),
    )
}
"""The terms that need nothing but the trial, or the layer."""

_PART = re.compile(r"^(?:(?P<weight>[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*\*\s*)?(?P<name>[a-z_]+)$")


@dataclass(frozen=True)
class Loss:
    """A weighted sum of terms: `Loss.of("mse") + 1e-4 * Loss.of("likelihood")`.

    Attributes:
      parts: (term, weight) each.

    Raises:
      UserError: if two different terms have one name.
    """

    parts: tuple[tuple[Term, float], ...]

    def __post_init__(self):
        named = {term.name: term for term in self.terms}
        twice = [term.name for term in self.terms if named[term.name] != term]
        if twice:
            raise UserError(f"two terms of a loss are called {twice[0]!r}: give one another name")

    @classmethod
    def of(cls, term: str | Term) -> Loss:
        """One term with weight 1.

        Args:
          term: the name of one in `TERMS`, or any other.

        Raises:
          UserError: if no term has the name; lists those there are.
        """
        return cls(((_find(term, TERMS) if isinstance(term, str) else term, 1.0),))

    @classmethod
    def parse(cls, text: str, more: Sequence[Term] = ()) -> Loss:
        """Reads "mse + 1e-4 * likelihood".

        Args:
          text: a sum of names, each with a weight or without.
          more: terms beside those in `TERMS`.

        Raises:
          UserError: if the text is no such sum.
        """
        known = {**TERMS, **{term.name: term for term in more}}
        total = cls(())
        # A plus inside a number such as 1e+4 separates nothing; the one in mse+delta does.
        for part in re.split(r"(?<![0-9.][eE])\+", text):
            match = _PART.match(part.strip())
            try:
                weight = float(match["weight"] or 1.0) if match else None
            except ValueError:
                weight = None
            if weight is None:
                raise UserError(
                    f"loss {text!r} is not understood at {part.strip()!r}: write a sum such as "
                    "'mse + 1e-4 * likelihood'"
                )
            if not 0.0 < weight < math.inf:
                raise UserError(f"loss {text!r}: a weight of {weight:g} is no positive number")
            total += cls(((_find(match["name"], known), weight),))
        return total

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.parts + other.parts)

    def __mul__(self, factor: float) -> Loss:
        return Loss(tuple((term, weight * factor) for term, weight in self.parts))

    __rmul__ = __mul__

    def __str__(self) -> str:
        return " + ".join(t.name if w == 1.0 else f"{_short(w)} * {t.name}" for t, w in self.parts)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms without their weights."""
        return tuple(term for term, _ in self.parts)

    def at(self, latent: bool, behind: bool) -> Loss:
        """The terms that a stage has.

        Args:
          latent: whether it optimises z, as the code or beside it.
          behind: whether its layer is behind the latent.
        """
        return Loss(tuple(part for part in self.parts if part[0].applies(latent, behind)))

    def bound(self, split: Split) -> Loss:
        """The same sum with every term's value at a layer; see `Term.made_for`.

        Raises:
          UserError: if a term has none there.
        """
        return Loss(tuple((term.bound(split), weight) for term, weight in self.parts))

    def references(self, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        """What its terms keep of targets; see `Term.reference`.

        Args:
          targets: float32 [B, H, W, C] in [0, 1].

        Returns:
          By the term's name: floats [B, ...], each row of its own target alone.
        """
        kept = {term for term in self.terms if term.reference is not None}
        return {term.name: term.reference(targets) for term in kept}

    def __call__(self, trial: Trial) -> tf.Tensor:
        """The weighted sum, float32 [B]; of a loss whose terms need no layer, or are bound."""
        return tf.add_n([weight * term.value(trial) for term, weight in self.parts])


def _find(name: str, known: Mapping[str, Term]) -> Term:
    if name not in known:
        raise UserError(f"loss {name!r} is not known: it is a sum of {', '.join(known)}")
    return known[name]


def _short(weight: float) -> str:
    """A weight in few digits, if those say all of it."""
    return f"{weight:g}" if float(f"{weight:g}") == weight else repr(weight)
