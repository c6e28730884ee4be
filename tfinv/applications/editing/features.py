"""Edits in feature space: pictures move to what a network would see in them if they were otherwise.

The way is the one from a picture's features to those of another, or the direction in which features
of pictures with an attribute lie from those of pictures without it (Upchurch et al., "Deep feature
interpolation for image content changes", 2017; thesis, section 8.3). The gradient carries it into
the code.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfinv.applications.codes import Codes
from tfinv.applications.editing.carrying import Carried, Carrier
from tfinv.features.network import FeatureNetwork
from tfinv.generators.generator import Generator
from tfinv.inversion.losses import Loss, Term
from tfinv.inversion.trial import Trial

__all__ = ["feature_mover", "features_of", "move_features", "share_of_the_way"]

_GOAL, _LENGTH = "goal", "length of the way"
_AT_ONCE = 32


def feature_mover(generator: Generator, layer: str, network: FeatureNetwork, **options) -> Carrier:
    """What carries wishes about features into codes of a layer; for the options see `Carrier`.

    The wish is |F(x) - goal|^2 / |goal - F(x0)|^2: 1 at the start and 0 at the goal, whatever the
    scale of the features.

    Raises:
      UserError: if the network cannot be used on the generator's pictures.
    """
    network.check(generator.image_shape)

    def wish(trial: Trial) -> tf.Tensor:
        features = network(trial.images)
        apart = tf.reshape(features, [tf.shape(features)[0], -1]) - trial.references[_GOAL]
        return tf.math.divide_no_nan(tf.reduce_sum(tf.square(apart), 1), trial.references[_LENGTH])

    return Carrier(generator, layer, Loss.of(Term("features moved", wish)), **options)


def features_of(network: FeatureNetwork, images: np.ndarray) -> np.ndarray:
    """Features of pictures, a batch at a time, as rows.

    Args:
      network: whose.
      images: float32 [N, H, W, C] in [0, 1].

    Returns:
      float32 [N, D].
    """
    parts = [
        network(images[first : first + _AT_ONCE]).numpy()
        for first in range(0, len(images), _AT_ONCE)
    ]
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


def move_features(
    carrier: Carrier,
    network: FeatureNetwork,
    points: Codes,
    images: np.ndarray,
    ways: np.ndarray,
    on_progress: Callable[[int], None] = lambda evaluations: None,
) -> Carried:
    """Moves codes so that a network sees their pictures elsewhere.

    Args:
      carrier: from `feature_mover`, with the same network.
      network: what sees.
      points: N of them.
      images: float32 [N, H, W, C] in [0, 1], what they draw now.
      ways: float32 [N, D], how the features are to change; see `features_of`.
      on_progress: see `Carrier`.
    """
    given = {_GOAL: features_of(network, images) + ways, _LENGTH: np.sum(np.square(ways), 1)}
    return carrier(points, images, given, on_progress)


def share_of_the_way(
    network: FeatureNetwork, found: np.ndarray, images: np.ndarray, ways: np.ndarray
) -> np.ndarray:
    """How far features have come: 0 where they were, 1 at the goal or beside it.

    Args:
      network: what sees.
      found: float32 [N, H, W, C], the pictures now.
      images: the same shape, the pictures before.
      ways: float32 [N, D], as for `move_features`.

    Returns:
      float64 [N], the projection of the change on the way, over the way's length.
    """
    change = features_of(network, found) - features_of(network, images)
    length = np.sum(np.square(ways, dtype=np.float64), 1)
    return np.sum(change * ways, 1, dtype=np.float64) / np.maximum(length, 1e-30)
