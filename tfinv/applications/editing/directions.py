"""The direction in which points with an attribute lie from points without it.

A point is a row of numbers: a code, or what a network sees in a picture. Two methods: the
difference of both means (White, "Sampling generative networks", 2016; thesis, section 8.3), and the
normal of the plane by which a logistic regression separates them (Shen et al., "Interpreting the
latent space of GANs for semantic face editing", 2020, section 2.2, with a support vector machine).

Attributes that go together in the pictures, as beards and men do, give directions that go together.
A direction that others are held for is made orthogonal to theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import scipy.optimize
import scipy.special

from tfinv.errors import UserError

__all__ = ["METHODS", "accuracy", "chance", "difference_of_means", "direction", "logistic_normals"]

FOLDS = 5
_LEAST = 3  # points on either side, so that one can be held back
_PENALTY = 1e-2
_LEFT = 1e-6  # share of a direction that must be left when others are taken out of it

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def difference_of_means(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of the points with an attribute less that of those without, the others being equal.

    The coefficients of a least squares fit of the points by all attributes at once: of one
    attribute alone exactly the difference of the means; of several, that among points alike in the
    others, so that of two attributes that mostly come together neither takes the other along.

    Args:
      rows: float64 [N, D].
      labels: bool [N, K], with at least one point on either side of each attribute.

    Returns:
      float64 [K, D].

    Raises:
      UserError: if attributes cannot be told apart because one follows from the others.
    """
    design = np.concatenate([np.ones([len(labels), 1]), labels], axis=1)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise UserError(
            "an attribute follows from those that are held, in these pictures: hold fewer, or "
            "label pictures that have one without the other"
        )
    return (np.linalg.pinv(design) @ rows)[1:]


def logistic_normals(rows: np.ndarray, labels: np.ndarray, penalty: float = _PENALTY) -> np.ndarray:
    """The normal of the separating plane of a logistic regression, for each attribute on its own.

    It minimises the mean of log(1 + exp(-s (w.x + b))) over the points, s = 1 with the attribute
    and -1 without, both sides counting alike however many they are, plus penalty/2 |w|^2. Points
    are centred, and scaled by one number so that their mean squared length is 1. The loss is
    convex, so its least value is found from anywhere. A large penalty gives the difference of
    means.

    Args:
      rows: float64 [N, D].
      labels: bool [N, K], with at least one point on either side of each attribute.
      penalty: positive.

    Returns:
      float64 [K, D], each of length 1 and towards the points that have the attribute.
    """
    flat, basis = _in_their_span(rows - rows.mean(0))
    flat = flat / max(np.sqrt(np.mean(np.sum(flat**2, 1))), np.finfo(float).tiny)
    normals = np.stack([_normal(flat, column, penalty) for column in labels.T])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return normals if basis is None else normals @ basis


METHODS: Mapping[str, Method] = {"mean": difference_of_means, "logistic": logistic_normals}
"""By name; rows and labels to directions."""


def direction(rows: np.ndarray, labels: np.ndarray, method: str = "mean") -> np.ndarray:
    """The direction of the first attribute, orthogonal to those of the others, which are held.

    What is orthogonal to a direction changes no projection on it (Shen et al., 2020, section 2.3,
    "conditional manipulation").

    Args:
      rows: float [N, D].
      labels: bool [N, K], the attribute first, then those that are held.
      method: a name in `METHODS`.

    Returns:
      float64 [D]. Its length is the distance of the two means along it, so that a whole step takes
      the mean of the points without the attribute to where the mean of those with it is.

    Raises:
      UserError: if a side of an attribute has fewer than three points, or nothing is left.
    """
    rows, labels = np.asarray(rows, np.float64), np.asarray(labels, bool)
    for column in labels.T:
        least = min(int(column.sum()), int((~column).sum()))
        if least < _LEAST:
            raise UserError(
                f"{int(column.sum())} pictures with an attribute and {int((~column).sum())} "
                f"without it are too few: at least {_LEAST} of each are needed, better dozens"
            )
    own, *held = METHODS[method](rows, labels)
    left = _orthogonal(own, np.asarray(held)) if held else own
    length = np.linalg.norm(left)
    if not length > _LEFT * np.linalg.norm(own):
        raise UserError(
            "nothing is left of an attribute's direction beside those that are held, or the codes "
            "do not differ: hold fewer, or label more pictures"
        )
    unit, has = left / length, labels[:, 0]
    return unit * abs(unit @ (rows[has].mean(0) - rows[~has].mean(0)))


def accuracy(
    rows: np.ndarray, labels: np.ndarray, method: str = "mean", *, folds: int = FOLDS, seed: int = 0
) -> float:
    """How well a direction tells points apart that it was not made of.

    A fifth of the points of either side is held back in turn; the direction of the others is cut
    midway between their two means, and each point held back lies on one side or the other.

    Args:
      rows: as for `direction`; so are the next two.
      labels: the attribute first, then those that are held.
      method: a name in `METHODS`.
      folds: in how many parts the points are held back; fewer where a side has fewer points.
      seed: of the parts.

    Returns:
      The mean of the shares of both sides that are found right (balanced accuracy): 0.5 is chance,
      however many points either side has. NaN if the points without a part are too few, or too
      much alike, for a direction.
    """
    # A distance within the span is one outside: fewer numbers a point, and the same answer.
    rows, _ = _in_their_span(np.asarray(rows, np.float64))
    has = np.asarray(labels[:, 0], bool)
    part = _parts(has, min(folds, int(has.sum()), int((~has).sum())), seed)
    found = np.zeros(len(rows), bool)
    for number in range(part.max() + 1):
        kept, held_back = part != number, part == number
        try:
            along = direction(rows[kept], labels[kept], method)
        except UserError:
            return float("nan")
        means = [(rows[kept & side] @ along).mean() for side in (has, ~has)]
        found[held_back] = (rows[held_back] @ along > np.mean(means)) == has[held_back]
    return float(np.mean([found[has].mean(), found[~has].mean()]))


def chance(labels: np.ndarray) -> float:
    """The balanced accuracy that guessing reaches in one of forty trials with so many points.

    Two standard deviations above a half: the shares of n points that are guessed vary by 0.25 / n,
    and the mean of both sides' by a quarter of the sum.

    Args:
      labels: bool [N], or [N, K] whose first column counts.
    """
    has = np.asarray(labels).reshape(len(labels), -1)[:, 0].astype(bool)
    sides = [max(int(side.sum()), 1) for side in (has, ~has)]
    return 0.5 + float(np.sqrt(sum(0.25 / n for n in sides)))


def _normal(rows: np.ndarray, has: np.ndarray, penalty: float) -> np.ndarray:
    """Of centred and scaled rows float64 [N, D] and bool [N]; float64 [D] of any length."""
    sign = np.where(has, 1.0, -1.0)
    share = np.where(has, 0.5 / has.sum(), 0.5 / (~has).sum())

    def loss(unknown: np.ndarray) -> tuple[float, np.ndarray]:
        normal, shift = unknown[:-1], unknown[-1]
        margin = sign * (rows @ normal + shift)
        value = -share @ scipy.special.log_expit(margin) + penalty / 2 * normal @ normal
        pull = -share * sign * scipy.special.expit(-margin)
        return value, np.append(rows.T @ pull + penalty * normal, pull.sum())

    def curved(unknown: np.ndarray, step: np.ndarray) -> np.ndarray:
        """The second derivative times a step."""
        open_ = scipy.special.expit(rows @ unknown[:-1] + unknown[-1])
        change = share * open_ * (1.0 - open_) * (rows @ step[:-1] + step[-1])
        return np.append(rows.T @ change + penalty * step[:-1], change.sum())

    start = np.zeros(rows.shape[1] + 1)
    options = {"maxiter": 200, "xtol": 1e-8}
    found = scipy.optimize.minimize(
        loss, start, jac=True, hessp=curved, method="Newton-CG", options=options
    )
    return found.x[:-1]


def _in_their_span(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Fewer numbers for points that are fewer than their dimensions; what leads back.

    Returns:
      float64 [N, R] with the same inner products, and orthonormal float64 [R, D], so that their
      product is `rows`; None in the place of the latter if the rows are as they were.
    """
    count, size = rows.shape
    if count >= size:
        return rows, None
    basis, coordinates = np.linalg.qr(rows.T)
    return coordinates.T, basis.T


def _orthogonal(own: np.ndarray, held: np.ndarray) -> np.ndarray:
    """What is left of float64 [D] without its part in the span of float64 [K, D]."""
    return own - held.T @ np.linalg.lstsq(held.T, own, rcond=None)[0]


def _parts(has: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """In which part each point is held back, int [N]; either side is spread evenly."""
    rng, part = np.random.default_rng(seed), np.empty(len(has), int)
    for side in (has, ~has):
        places = rng.permutation(np.flatnonzero(side))
        part[places] = np.arange(len(places)) % folds
    return part
