"""The sets of pictures of an evaluation: named, and a random part of each chosen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tfinv.applications.pictures import count_drawn, count_pictures
from tfinv.errors import UserError

__all__ = ["ImageSet", "parse_sets"]

_NAME = re.compile(r"[\w-][\w.-]*")
_STREAM = 5  # apart from those of starts and of what is drawn


@dataclass(frozen=True)
class ImageSet:
    """Pictures that an evaluation reports on together.

    Attributes:
      name: of letters, digits, "_", "-" and "."; also its folder.
      specs: as for `tfinv.applications.pictures.read_pictures`.
      size: how many pictures the specs give.
      drawn: whether all of them are samples of the generator itself, whose codes exist.
    """

    name: str
    specs: tuple[str, ...]
    size: int
    drawn: bool

    @property
    def text(self) -> str:
        """As `parse_sets` takes it."""
        return f"{self.name}={','.join(self.specs)}"

    def choose(self, count: int, seed: int = 0) -> frozenset[int]:
        """Chooses pictures at random, as the thesis does; all if there are no more.

        A larger count keeps those of a smaller one, so that an evaluation can be made larger.

        Args:
          count: how many.
          seed: another one chooses others.

        Returns:
          Their places in the set.
        """
        if self.drawn:  # random already, and the first ones are the quickest to draw
            return frozenset(range(min(count, self.size)))
        order = np.random.default_rng([seed, _STREAM]).permutation(self.size)
        return frozenset(order[:count].tolist())


def parse_sets(texts: Iterable[str]) -> list[ImageSet]:
    """Reads sets such as "samples=sample:1000" and "photos=a.jpg,folder/".

    Args:
      texts: NAME=SPEC,SPEC..., several in one text separated by ";".

    Raises:
      UserError: if one is not understood, a name is there twice, or a spec matches nothing.
    """
    parts = [part.strip() for text in texts for part in text.split(";")]
    sets: dict[str, ImageSet] = {}
    for part in filter(None, parts):
        name, equals, rest = part.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise UserError(
                f"set {part!r} is not understood: write NAME=IMAGES, the name of letters, digits, "
                "'_', '-' and '.', such as samples=sample:1000 or photos=folder/"
            )
        if name.casefold() in map(str.casefold, sets):  # some file systems take them for one
            raise UserError(f"the set {name!r} is given twice: give the sets different names")
        sets[name] = _image_set(name, rest.split(","))
    if not sets:
        raise UserError("no set of pictures is given: write --sets=samples=sample:1000")
    return list(sets.values())


def _image_set(name: str, specs: Sequence[str]) -> ImageSet:
    try:
        size = count_pictures(specs)
    except UserError as error:
        raise UserError(f"set {name!r}: {error}") from None
    return ImageSet(name, tuple(specs), size, count_drawn(specs) == size)
