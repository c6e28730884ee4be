"""Points on the way between two: along a line, or along an arc."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["BLENDS", "blend_chunks", "linear", "positions", "spherical"]

_SMALLEST_SINE = 1e-6  # of the angle between two directions; below it no arc is determined


def positions(count: int, beyond: int = 0) -> np.ndarray:
    """Where the pictures of a strip are: evenly spaced, from 0 to 1, both of them hit exactly.

    Args:
      count: how many from 0 to 1, at least 2.
      beyond: how many more at either side, at the same distance.

    Returns:
      float64 [count + 2 * beyond], rising.
    """
    if count < 2 or beyond < 0:
        raise ValueError(f"{count} positions and {beyond} beyond are no way from 0 to 1")
    return np.arange(-beyond, count + beyond) / (count - 1)


def linear(first: np.ndarray, last: np.ndarray, a: np.ndarray) -> np.ndarray:
    """`(1 - a) * first + a * last` (thesis, section 6.3.2).

    Args:
      first: float [...].
      last: the same shape.
      a: float64 [F]; at 0 and 1 the two ends are returned bit for bit.

    Returns:
      float32 [F, ...].
    """
    first, last = np.asarray(first, np.float64), np.asarray(last, np.float64)
    a = np.reshape(a, (-1, *(1 for _ in first.shape)))
    return ((1.0 - a) * first + a * last).astype(np.float32)


def spherical(first: np.ndarray, last: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Along the arc: `(sin((1 - a) t) * first + sin(a t) * last) / sin(t)`, t the angle between.

    (Shoemake, 1985; for latents White, 2016, section 2.1.) Halfway between two unrelated latents a
    line is sqrt(2) shorter than either, where the prior of many dimensions hardly ever is.

    The line is returned where no arc is determined: if the two point the same way, or one is 0. If
    they point opposite ways every arc is one; this one leads over the axis that the first leans on
    least, and the length changes evenly.

    Args:
      first: float [D].
      last: float [D].
      a: float64 [F]; at 0 and 1 the two ends are returned bit for bit.

    Returns:
      float32 [F, D].
    """
    first, last = np.asarray(first, np.float64), np.asarray(last, np.float64)
    a = np.reshape(a, (-1, 1))
    lengths = np.linalg.norm(first), np.linalg.norm(last)
    if not all(lengths):
        return linear(first, last, a)
    one, two = first / lengths[0], last / lengths[1]
    # Not by the arc cosine, which near 1 has lost half of the digits.
    angle = 2.0 * np.arctan2(np.linalg.norm(one - two), np.linalg.norm(one + two))
    sine = np.sin(angle)
    if sine > _SMALLEST_SINE:
        arc = (np.sin((1.0 - a) * angle) * first + np.sin(a * angle) * last) / sine
    elif angle < 1.0 or first.size == 1:
        return linear(first, last, a)
    else:
        axis = np.eye(first.size)[np.argmin(np.abs(one))]
        aside = axis - (axis @ one) * one
        aside /= np.linalg.norm(aside)
        length = (1.0 - a) * lengths[0] + a * lengths[1]
        arc = length * (np.cos(a * angle) * one + np.sin(a * angle) * aside)
    return np.where(a == 0.0, first, np.where(a == 1.0, last, arc)).astype(np.float32)


BLENDS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "linear": linear,
    "spherical": spherical,
}


def blend_chunks(
    first: np.ndarray,
    last: np.ndarray,
    a: np.ndarray,
    kind: str,
    chunks: Sequence[tuple[int, int]],
) -> np.ndarray:
    """Blends latents chunk by chunk: each enters a hierarchical generator as a vector of its own.

    Args:
      first: float [D].
      last: float [D].
      a: float64 [F].
      kind: a name in `BLENDS`.
      chunks: (start, stop) of each, in order and without gaps.

    Returns:
      float32 [F, D].
    """
    pieces = [BLENDS[kind](first[start:stop], last[start:stop], a) for start, stop in chunks]
    return np.concatenate(pieces, axis=1)
