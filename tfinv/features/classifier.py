"""A network that says which classes a picture may be of."""

from __future__ import annotations

import numpy as np

from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork

__all__ = ["Classifier"]


class Classifier:
    """A network whose features are a score for each class of a generator.

    Args:
      network: up to its scores, logits or probabilities.
      image_shape: (height, width, channels) of the pictures that it will see.
      classes: how many there are, in the order of the generator's. A network that puts one more
        in front of them, as slim's of ImageNet do for "background", is taken without that one.

    Raises:
      UserError: if it cannot be used on such pictures, or does not score so many classes.
    """

    def __init__(self, network: FeatureNetwork, image_shape: tuple[int, int, int], classes: int):
        scores = int(np.prod(network.check(image_shape)))
        if scores - classes not in (0, 1):
            raise UserError(
                f"{network.path}, layer {network.layer}: gives {scores} numbers for a picture, and "
                f"the generator has {classes} classes: name the layer of a classifier of those"
            )
        self._network, self._classes, self._background = network, classes, scores - classes

    def top(self, images: np.ndarray, count: int) -> np.ndarray:
        """The classes of the highest scores.

        Args:
          images: float32 [N, H, W, C] in [0, 1].
          count: how many of each picture.

        Returns:
          int32 [N, count], the highest first; fewer if there are not so many classes.
        """
        scores = self._network(images).numpy().reshape(len(images), -1)[:, self._background :]
        order = np.argsort(-scores, axis=1, kind="stable")
        return order[:, :count].astype(np.int32)
