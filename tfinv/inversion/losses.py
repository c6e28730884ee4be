"""What is minimised: named terms of one image each, that add up and scale."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.inversion import priors
from tfinv.inversion.trial import Trial

__all__ = ["TERMS", "Loss", "Term", "mse"]


def mse(trial: Trial) -> tf.Tensor:
    """Mean squared error over pixels and channels, of images in [0, 1] (thesis, section 4.5).

    Returns:
      float32 [B] in [0, 1]; the square of the RMSE.
    """
    return tf.reduce_mean(tf.square(trial.images - trial.targets), [1, 2, 3])


@dataclass(frozen=True)
class Term:
    """One named part of a loss.

    Attributes:
      value: a Trial to float32 [B]. Never a mean over the batch: that would couple images to each
        other and the result to the batch size.
      at: "latent" if it makes sense only where z is optimised, as the code or beside it; "code" if
        only behind the latent; else "any".
    """

    value: Callable[[Trial], tf.Tensor]
    at: str

    def applies(self, latent: bool, behind: bool) -> bool:
        """Whether a stage has this term; for the arguments see `Loss.at`."""
        return {"any": True, "latent": latent, "code": behind}[self.at]


TERMS = {
    "mse": Term(mse, "any"),
    "likelihood": Term(priors.likelihood, "latent"),
    "delta": Term(priors.delta, "code"),
}

_PART = re.compile(r"^(?:(?P<weight>[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*\*\s*)?(?P<name>[a-z_]+)$")


@dataclass(frozen=True)
class Loss:
    """A weighted sum of terms: `Loss.of("mse") + 1e-4 * Loss.of("likelihood")`.

    Attributes:
      parts: (name of a term, weight) each.
    """

    parts: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, name: str) -> Loss:
        """One term with weight 1.

        Raises:
          UserError: if there is no such term; lists those there are.
        """
        if name not in TERMS:
            raise UserError(f"loss {name!r} is not known: it is a sum of {', '.join(TERMS)}")
        return cls(((name, 1.0),))

    @classmethod
    def parse(cls, text: str) -> Loss:
        """Reads "mse + 1e-4 * likelihood".

        Raises:
          UserError: if the text is no such sum.
        """
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
            total += weight * cls.of(match["name"])
        return total

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.parts + other.parts)

    def __mul__(self, factor: float) -> Loss:
        return Loss(tuple((name, weight * factor) for name, weight in self.parts))

    __rmul__ = __mul__

    def __str__(self) -> str:
        return " + ".join(n if w == 1.0 else f"{w:g} * {n}" for n, w in self.parts)

    def at(self, latent: bool, behind: bool) -> Loss:
        """The terms that a stage has.

        Args:
          latent: whether it optimises z, as the code or beside it.
          behind: whether its layer is behind the latent.
        """
        return Loss(tuple(part for part in self.parts if TERMS[part[0]].applies(latent, behind)))

    def __call__(self, trial: Trial) -> tf.Tensor:
        """The weighted sum, float32 [B]."""
        values = [weight * TERMS[name].value(trial) for name, weight in self.parts]
        return tf.add_n(values)
