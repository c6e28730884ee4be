"""Which pixels of a picture are known: made here, or drawn by somebody into a file."""

from __future__ import annotations

import numpy as np

from tfinv.errors import UserError

__all__ = ["Mask", "center", "check_known", "drawn", "fill", "random"]

_STREAM = 7  # apart from the streams of starts, labels and noise


class Mask:
    """A rule that says which pixels are known.

    Args:
      text: how it is called.
      make: (height, width, index of the image, seed) to bool [height, width], True where known;
        None if the maps are given from outside.
      by_chance: whether the seed decides: of a picture from somewhere else, nobody can make the
        map again.
    """

    def __init__(self, text: str, make=None, by_chance: bool = False):
        self.text, self._make, self.by_chance = text, make, by_chance

    @property
    def is_made(self) -> bool:
        """Whether it makes its maps itself."""
        return self._make is not None

    def known(self, height: int, width: int, index: int, seed: int) -> np.ndarray:
        """The map of one image of a run; bool [height, width].

        Raises:
          UserError: if nothing of it is known, or nothing unknown.
        """
        known = self._make(height, width, index, seed)
        return check_known(known, f"{self.text} of {width}x{height} pixels")


def center(argument: str) -> Mask:
    """Unknown is a rectangle in the centre with this share of the area."""
    share = _share("center", argument)

    def make(height: int, width: int, index: int, seed: int) -> np.ndarray:
        del index, seed
        known = np.ones((height, width), bool)
        rows, columns = (round(side * share**0.5) for side in (height, width))
        top, left = (height - rows) // 2, (width - columns) // 2
        known[top : top + rows, left : left + columns] = False
        return known

    return Mask(f"center:{argument}", make)


def random(argument: str) -> Mask:
    """Unknown is this share of the pixels, others for every image, the same for one seed."""
    share = _share("random", argument)

    def make(height: int, width: int, index: int, seed: int) -> np.ndarray:
        order = np.random.default_rng([seed, index, _STREAM]).permutation(height * width)
        return (order >= round(share * height * width)).reshape(height, width)

    return Mask(f"random:{argument}", make, by_chance=True)


def drawn(argument: str) -> Mask:
    """Maps from outside, one an image."""
    if argument:
        raise UserError(f"mask takes no number: drop :{argument}, and give the files by --holes")
    return Mask("mask")


def check_known(known: np.ndarray, what: str) -> np.ndarray:
    """The map, if something is known of the picture, and something is not.

    Raises:
      UserError: otherwise.
    """
    if not known.any():
        raise UserError(f"{what}: no pixel is known, so there is nothing to restore from")
    if known.all():
        raise UserError(f"{what}: every pixel is known, so there is nothing to restore")
    return known


def fill(picture: np.ndarray, known: np.ndarray, smooth: bool) -> np.ndarray:
    """Fills what is unknown with no generator: what a restoration has to beat.

    Args:
      picture: float32 [h, w, c] in [0, 1].
      known: bool [h, w].
      smooth: by scikit-image's biharmonic inpainting (S. Damelin, N. Hoang, On surface completion
        and image inpainting by biharmonic functions, 2018); else by the mean of the known pixels,
        channel by channel.

    Returns:
      float32 [h, w, c] in [0, 1]; known pixels are as they were.
    """
    mean = picture[known].mean(0)
    filled = np.where(known[..., np.newaxis], picture, mean).astype(np.float32)
    # The biharmonic equation needs two pixels around each of a border that is known.
    if smooth and min(picture.shape[:2]) >= 3:
        from skimage.restoration import inpaint_biharmonic

        found = inpaint_biharmonic(filled.astype(np.float64), ~known, channel_axis=-1)
        if np.isfinite(found).all():
            found = np.clip(found, 0.0, 1.0).astype(np.float32)
            filled = np.where(known[..., np.newaxis], picture, found)
    return filled


def _share(name: str, argument: str) -> float:
    try:
        share = float(argument)
    except ValueError:
        share = 0.0
    if not 0.0 < share < 1.0:
        raise UserError(
            f"{name}:{argument} is not understood: it is the share that is unknown, above 0 and "
            f"below 1, as in {name}:0.25"
        )
    return share
