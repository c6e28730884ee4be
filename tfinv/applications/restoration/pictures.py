"""The pictures of a restoration: whole ones that are degraded here, or degraded ones from files."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator

import numpy as np

from tfinv.applications.pictures import Picture
from tfinv.errors import UserError
from tfinv.images.decode import decode
from tfinv.images.ranges import to_float
from tfinv.images.resize import fit
from tfinv.images.sources import ImageRecord, list_images
from tfinv.inversion.degradations import Degradation
from tfinv.inversion.degradations.masks import check_known

__all__ = ["MaskFiles", "fit_exactly", "observe_pictures"]

_WHITE = 128  # from here on a pixel of a mask is unknown


class MaskFiles:
    """Masks drawn by somebody: white where a picture is unknown, black or transparent elsewhere.

    Args:
      path: a picture, which is the mask of all; or a folder, in which the mask of the picture
        cats/one.jpg (its name in the run) is cats/one of any suffix.
      size: (height, width) that masks have: of what is seen.

    Attributes:
      digest: of the names and the bytes of all of them.

    Raises:
      UserError: if there is no such file or folder, or the one mask of all is not fit.
    """

    def __init__(self, path: str, size: tuple[int, int]):
        self._path, self._size = path, size
        records = list(list_images([path]))
        self.digest = _digest(records)
        self._one: np.ndarray | None = None
        self._by_stem: dict[str, ImageRecord] = {}
        if not os.path.isdir(os.path.expanduser(path)):
            if len(records) > 1:
                raise UserError(f"--holes={path}: {len(records)} files; name one, or a folder")
            self._one = self._read(records[0])
            return
        for record in records:
            stem = _stem(record.name)
            if stem in self._by_stem:
                raise UserError(
                    f"--holes={path}: {record.name} and {self._by_stem[stem].name} are masks of "
                    "the same picture: remove one"
                )
            self._by_stem[stem] = record

    def known(self, name: str) -> np.ndarray:
        """The map of known pixels of a picture, bool [height, width].

        Raises:
          UserError: if it has none, or that is not fit.
        """
        if self._one is not None:
            return self._one
        record = self._by_stem.get(_stem(name))
        if record is None:
            raise UserError(f"it has no mask: {self._path} holds none called {_stem(name)}.png")
        return self._read(record)

    def _read(self, record: ImageRecord) -> np.ndarray:
        pixels = decode(record.read(), record.name, under=0)
        if pixels.shape[:2] != self._size:
            there, wanted = pixels.shape[1::-1], self._size[::-1]
            raise UserError(
                f"mask {record.name} is of {there[0]}x{there[1]} pixels, and {wanted[0]}x"
                f"{wanted[1]} fit: resize it, without smoothing"
            )
        return check_known(pixels.mean(2) < _WHITE, f"mask {record.name}")


def fit_exactly(image: np.ndarray, degradation: Degradation) -> tuple[np.ndarray, None]:
    """A picture from a file that is degraded already, as it is: to resize it would degrade it more.

    Args:
      image: uint8 [H, W, 3].
      degradation: that it went through.

    Returns:
      float32 [h, w, c] in [0, 1], luma if it sees one channel; and no note.

    Raises:
      UserError: if it is of another size than the degradation leaves.
    """
    height, width, channels = degradation.seen_shape
    if image.shape[:2] != (height, width):
        raise UserError(
            f"it is of {image.shape[1]}x{image.shape[0]} pixels, and {degradation} leaves "
            f"{width}x{height} of what the generator draws: give it at that size, or drop "
            "--degraded if it is the whole picture"
        )
    return fit(image, height, width, channels)[0] if channels == 1 else to_float(image), None


def observe_pictures(
    pictures: Iterable[Picture],
    degradation: Degradation,
    *,
    masks: MaskFiles | None = None,
    seed: int = 0,
    degraded: bool = False,
) -> Iterator[Picture]:
    """Makes observations of pictures.

    Args:
      pictures: whole ones of the generator's size; or, if `degraded`, of what is seen.
      degradation: what is done to them, or has been.
      masks: for a degradation whose mask is not made by a rule.
      seed: of masks at random.
      degraded: whether it has been done.

    Yields:
      The same pictures, with observations for their pixels; `whole` is the true picture, or the
      best guess without a generator if that is not known. A picture whose mask is missing or does
      not fit has that for its fault.
    """
    for picture in pictures:
        if picture.pixels is None:
            yield picture
            continue
        try:
            known = _known(picture, degradation, masks, seed)
        except UserError as error:
            yield dataclasses.replace(picture, pixels=None, fault=str(error))
            continue
        one = picture.pixels[np.newaxis]
        if degraded:
            observation = degradation.join(one, known)
            whole = list(degradation.guesses(observation).values())[-1][0]
        else:
            observation, whole = degradation.observe(one, known), picture.pixels
        yield dataclasses.replace(picture, pixels=observation[0], whole=whole)


def _known(
    picture: Picture, degradation: Degradation, masks: MaskFiles | None, seed: int
) -> np.ndarray | None:
    if degradation.mask is None:
        return None
    if masks is not None:
        return masks.known(picture.name)[np.newaxis]
    return degradation.known([picture.index], seed)


def _digest(records: Iterable[ImageRecord]) -> str:
    found = hashlib.sha256()
    for record in records:
        try:
            data = record.read()
        except UserError:  # it will be the fault of its picture
            data = b""
        for part in (os.fsencode(record.name), data):
            found.update(hashlib.sha256(part).digest())
    return found.hexdigest()


def _stem(name: str) -> str:
    return posixpath.splitext(name)[0]
