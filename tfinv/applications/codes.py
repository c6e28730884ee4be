"""Points inside a generator, and the pictures that it draws from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.split import Split

__all__ = ["Codes", "check_stored", "draw", "join_codes"]

_AT_ONCE = 32
_MOST = 2.5 / 255  # how far a picture stored in 8 bits may be from what its code draws again


@dataclasses.dataclass(frozen=True, eq=False)
class Codes:
    """All that g2 reads to draw N pictures at one cut.

    Attributes:
      codes: float32 [N, *code_shape].
      latents: float32 [N, latent_size], read where g2 reads z beside the code; None if not known.
      labels: int [N], or float32 [N, classes], weights of the classes; None if the generator takes
        none.
    """

    codes: np.ndarray
    latents: np.ndarray | None = None
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Sequence[int] | slice) -> Codes:
        """Some of the points, in the order given; a row may come twice."""
        rows = rows if isinstance(rows, slice) else list(rows)
        return Codes(*(None if part is None else part[rows] for part in self._parts))

    def replace(self, **parts: np.ndarray | None) -> Codes:
        """The same points with other codes, latents or labels."""
        return dataclasses.replace(self, **parts)

    @property
    def _parts(self) -> tuple[np.ndarray | None, ...]:
        return self.codes, self.latents, self.labels


def join_codes(parts: Sequence[Codes]) -> Codes:
    """Points of one cut behind each other; what is not known of one is not known of all."""
    columns = zip(*(part._parts for part in parts), strict=True)
    return Codes(
        *(None if any(p is None for p in column) else np.concatenate(column) for column in columns)
    )


def draw(split: Split, points: Codes, batch_size: int = _AT_ONCE) -> np.ndarray:
    """Draws pictures, a batch at a time.

    Args:
      split: the cut where the points are.
      points: N of them.
      batch_size: how many are drawn at once.

    Returns:
      float32 [N, height, width, channels] in [0, 1].

    Raises:
      UserError: if g2 reads latents or labels and the points have none.
    """
    pictures = [
        split.g2(batch.codes, batch.latents, batch.labels).numpy()
        for batch in (
            points.take(slice(first, first + batch_size))
            for first in range(0, len(points), batch_size)
        )
    ]
    return np.clip(np.concatenate(pictures), 0.0, 1.0)


def check_stored(drawn: np.ndarray, stored: np.ndarray, what: str) -> None:
    """Checks that a code still draws the picture that a run has stored with it.

    Other options of the same generator draw another one.

    Args:
      drawn: float [H, W, C] in [0, 1].
      stored: of the same shape, rounded to 8 bits.
      what: is drawn, for the message.

    Raises:
      UserError: if a number of the two differs by more than 2.5 of 255, or is none.
    """
    apart = float(np.abs(drawn - stored).max())
    if not apart <= _MOST:
        raise UserError(
            f"{what} is drawn otherwise than it is stored (by {255 * apart:.0f} of 255): give the "
            "generator and its options, such as --truncation and --constants, that the run had"
        )
