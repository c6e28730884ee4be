"""A chain of degradations, through which pictures are seen, and what can be said of them there."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.images.ranges import to_float
from tfinv.inversion.degradations.linear import Separable
from tfinv.inversion.degradations.masks import Mask, check_known, fill
from tfinv.inversion.degradations.step import Shape, Step

__all__ = ["Degradation"]

_ROUNDS, _CLOSE = 50, 1e-4
_WEAK = 0.1  # share of the largest singular value below which a direction was as good as not seen


class Degradation:
    """Steps, and at last perhaps a mask that says which pixels of what they leave are known.

    An observation is one array: what is seen of a picture, float32 [h, w, c]; and where there is a
    mask, one more channel, 1 where a pixel is known and 0 where it is not. Unknown pixels are 0 in
    all channels, so that whatever was there cannot matter.

    Args:
      steps: each from the shape that the one before leaves.
      image_shape: (H, W, C) of whole pictures.
      mask: which pixels are known; None for all.
      text: how the chain is called.

    Attributes:
      seen_shape: (h, w, c).
      shape: of an observation.
    """

    def __init__(
        self, steps: Sequence[Step], image_shape: Shape, mask: Mask | None = None, text: str = ""
    ):
        self.steps, self.image_shape, self.mask, self.text = tuple(steps), image_shape, mask, text
        self.seen_shape: Shape = self.steps[-1].shape if steps else image_shape
        height, width, channels = self.seen_shape
        self.shape = (height, width, channels + (mask is not None))

    def __str__(self) -> str:
        return self.text

    @property
    def is_picture(self) -> bool:
        """Whether what is seen can be looked at, and so also comes as a file."""
        return all(step.is_picture for step in self.steps)

    def see(self, pictures: tf.Tensor) -> tf.Tensor:
        """What is seen of pictures where all is known; has a gradient, and XLA compiles it.

        Args:
          pictures: float32 [B, H, W, C] in [0, 1].

        Returns:
          float32 [B, h, w, c].
        """
        for step in self.steps:
            pictures = step.see(pictures)
        return pictures

    def take_apart(self, observations):
        """What is seen, with 0 where it is not known, and where it is known.

        Args:
          observations: [B, *shape], a tensor or an array.

        Returns:
          [B, h, w, c], and [B, h, w, 1] of 0 and 1; the latter None without a mask.
        """
        if self.mask is None:
            return observations, None
        pick = tf.where if tf.is_tensor(observations) else np.where
        known = observations[..., -1:]
        return pick(known > 0, observations[..., :-1], 0.0), known

    def observe(self, pictures: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """Observations of whole pictures: the degradation itself.

        Args:
          pictures: float32 [N, H, W, C] in [0, 1], or uint8.
          known: bool [N, h, w] or [h, w], the maps of a mask; by default those that it makes, for
            images 0 to N - 1 of a run with seed 0.

        Returns:
          float32 [N, *shape].

        Raises:
          UserError: if the pictures or the maps do not fit.
        """
        pictures = _floats(pictures)
        if pictures.ndim != 4 or pictures.shape[1:] != self.image_shape:
            raise UserError(
                f"pictures of shape {list(pictures.shape)} cannot be degraded by {self}: [count, "
                f"{', '.join(map(str, self.image_shape))}] is needed"
            )
        return self.join(self._left(pictures), known)

    def _left(self, pictures: np.ndarray) -> np.ndarray:
        """What the steps leave, each picture by itself."""
        for step in self.steps:
            pictures = step.observe(pictures)
        return pictures

    def join(self, seen: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """Observations of pictures that are degraded already; for the arguments see `observe`."""
        seen = _floats(seen)
        if seen.ndim != 4 or seen.shape[1:] != self.seen_shape:
            raise UserError(
                f"degraded pictures of shape {list(seen.shape)} are not what {self} leaves: "
                f"[count, {', '.join(map(str, self.seen_shape))}]"
            )
        if self.mask is None:
            if known is not None:
                raise UserError(f"{self} has no mask: add +mask, or give no map of known pixels")
            return seen
        maps = self.known(range(len(seen))) if known is None else np.asarray(known, bool)
        size = self.seen_shape[:2]
        if maps.shape not in (size, (len(seen), *size)):
            raise UserError(
                f"a map of known pixels of shape {list(maps.shape)} does not fit {self}: "
                f"{list(size)} is needed, or one each"
            )
        for each in maps.reshape(-1, *size):
            check_known(each, str(self))
        maps = np.broadcast_to(maps, (len(seen), *size))[..., np.newaxis]
        return np.concatenate([np.where(maps, seen, np.float32(0)), maps], 3, dtype=np.float32)

    def known(self, indices: Sequence[int], seed: int = 0) -> np.ndarray:
        """The maps that its mask makes for these images of a run; bool [N, h, w].

        Raises:
          UserError: if they are given from outside.
        """
        if self.mask is None or not self.mask.is_made:
            raise UserError(f"{self} makes no map of known pixels: give one for each picture")
        height, width, _ = self.seen_shape
        return np.stack([self.mask.known(height, width, index, seed) for index in indices])

    def rmse(self, images: np.ndarray, observations: np.ndarray) -> np.ndarray:
        """How far drawn pictures are from what was seen, over what is known.

        Args:
          images: float32 [N, H, W, C] in [0, 1].
          observations: float32 [N, *shape].

        Returns:
          float64 [N].
        """
        seen, known = self.take_apart(np.asarray(observations))
        squares = np.square(self._left(np.asarray(images, np.float32)).astype(np.float64) - seen)
        weights = np.ones_like(squares) if known is None else np.broadcast_to(known, squares.shape)
        return np.sqrt((squares * weights).sum((1, 2, 3)) / weights.sum((1, 2, 3)))

    def guesses(self, observations: np.ndarray) -> dict[str, np.ndarray]:
        """Pictures made from observations with no generator: what a restoration has to beat.

        Args:
          observations: float32 [N, *shape].

        Returns:
          By name, the plainest first, float32 [N, H, W, C] in [0, 1]. Where `agree` brings back
          some of what was blurred or lost in size, it does so with no generator too: the last is
          the one before it, made to agree.
        """
        seen, known = self.take_apart(np.asarray(observations))
        found: dict[str, np.ndarray] = {}
        for name, smooth in zip(self._guess_names(), (False, True), strict=False):
            pictures = seen
            if known is not None:
                pairs = zip(seen, known[..., 0] > 0, strict=True)
                pictures = np.stack([fill(picture, where, smooth) for picture, where in pairs])
            for step in reversed(self.steps):
                pictures = step.lift(pictures, smooth)
            found[name] = np.clip(pictures, 0.0, 1.0)
        if self._blurs and self.can_agree:
            found[f"{name}_agreed"] = self.agree(found[name], observations)
        return found

    @property
    def _blurs(self) -> bool:
        """Whether a step mixes rows or columns, and so may be undone in part."""
        separable = [step for step in self.steps if isinstance(step, Separable)]
        return any(step.mixes_pixels for step in separable)

    def _guess_names(self) -> tuple[str, ...]:
        """What the two ways to guess are called; one, where they are the same."""
        height, width, _ = self.seen_shape
        shrinks = self.is_picture and (height, width) != self.image_shape[:2]
        filled = ("mean", "biharmonic") if self.mask is not None else ()
        enlarged = ("nearest", "bicubic") if shrinks else ()
        if filled and enlarged:
            return tuple(f"{one}_{other}" for one, other in zip(filled, enlarged, strict=True))
        return filled or enlarged or (("as_seen",) if self.is_picture else ("least_squares",))

    def agree(self, images: np.ndarray, observations: np.ndarray) -> np.ndarray:
        """Drawn pictures, changed as little as makes them agree with what was seen.

        x + A^+ (y - A x), for a picture x, an observation y, a linear degradation A and its
        pseudo-inverse A^+: what A sees is taken from the observation, what it does not see from
        the generator (the decomposition into range and null space of Y. Wang and others, Zero-shot
        image restoration using denoising diffusion null-space model, ICLR 2023). For a mask alone
        it is pasting the known pixels over. What A lets through at less than a tenth along
        rows or columns, as a blur does edges, is left as it was drawn.

        Args:
          images: float32 [N, H, W, C] in [0, 1].
          observations: float32 [N, *shape].

        Returns:
          float32 [N, H, W, C] in [0, 1]; the images as they are, if `can_agree` is false.
        """
        images = np.asarray(images, np.float32)
        if not self.can_agree:
            return images
        seen, known = self.take_apart(np.asarray(observations))
        if not self.steps:
            return np.where(known > 0, seen, images)
        known = np.ones((len(seen), 1, 1, 1)) if known is None else known
        # Each by itself: how many rounds one needs is nothing to the others.
        found = [self._agreed(*row) for row in zip(images, seen, known, strict=True)]
        return np.stack(found) if found else images

    def _agreed(self, image: np.ndarray, seen: np.ndarray, known: np.ndarray) -> np.ndarray:
        for _ in range(_ROUNDS):  # what is clipped must be made up for by other pixels
            rest = (seen - self._left(image[np.newaxis])[0].astype(np.float64)) * known
            back = np.einsum("hp,wq,cr,pqr->hwc", *self._inverses, rest, optimize=True)
            image = np.clip(image + back, 0.0, 1.0).astype(np.float32)
            if np.abs(rest).max() < _CLOSE:
                break
        return image

    @property
    def can_agree(self) -> bool:
        """Whether `agree` does anything: every step is linear, and no mask couples its pixels."""
        return self._inverses is not None

    @functools.cached_property
    def _inverses(self) -> list[np.ndarray] | None:
        """Pseudo-inverses for rows, columns and channels; None if that is not all there is to it.

        Of a chain of products of three matrices each, the pseudo-inverse is that of the products.
        A mask picks rows of A, whose pseudo-inverse has these columns if the rows are orthogonal.
        """
        if not all(isinstance(step, Separable) for step in self.steps):
            return None
        whole = [np.eye(size) for size in self.image_shape]
        for step in self.steps:
            whole = [after @ before for after, before in zip(step.matrices, whole, strict=True)]
        if self.mask is not None:
            grams = [matrix @ matrix.T for matrix in whole]
            if not all(np.allclose(gram, np.diag(np.diag(gram))) for gram in grams):
                return None
        return [np.linalg.pinv(matrix, rcond=_WEAK) for matrix in whole]


def _floats(pictures: np.ndarray) -> np.ndarray:
    pictures = np.asarray(pictures)
    return to_float(pictures) if pictures.dtype == np.uint8 else pictures.astype(np.float32)
