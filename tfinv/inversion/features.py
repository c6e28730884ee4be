"""A loss that compares pictures by what a trained network sees in them."""

from __future__ import annotations

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork
from tfinv.inversion.losses import Loss, Term
from tfinv.inversion.trial import Trial

__all__ = ["FEATURES", "feature_distance", "parse_loss"]

FEATURES = "features"
"""The name of the term in a loss."""


def feature_distance(
    network: FeatureNetwork, image_shape: tuple[int, int, int], name: str = FEATURES
) -> Term:
    """Mean squared distance of features C(x) of what is drawn and of the target.

    The distance |C(x) - C(x')|^2 of the thesis (sections 6.2.3 and 7.3) over the number of
    features, so that its weight means the same at every layer; in [0, inf), and as large as the
    network's features happen to be.

    Args:
      network: the network and its layer.
      image_shape: (height, width, channels) of the generator's pictures.
      name: of the term, for losses with several networks.

    Returns:
      A term for `Loss.of`.

    Raises:
      UserError: if the network cannot be used on such pictures; see `FeatureNetwork.check`.
    """
    network.check(image_shape)

    def value(trial: Trial) -> tf.Tensor:
        squares = tf.square(network(trial.images) - trial.references[name])
        return tf.reduce_mean(tf.reshape(squares, [tf.shape(squares)[0], -1]), 1)

    return Term(name, value, reference=network)


def parse_loss(
    loss: str | Loss, network: FeatureNetwork | None, image_shape: tuple[int, int, int]
) -> Loss:
    """Reads a loss that may compare features.

    Args:
      loss: such as "mse + 0.1*features"; or a Loss, which brings its networks.
      network: for the term "features".
      image_shape: (height, width, channels) of the generator's pictures.

    Raises:
      UserError: if there is a network without the term, or the term without a network.
    """
    if isinstance(loss, Loss):
        if network is not None:
            raise UserError(
                "a feature network goes with a loss in words: add Loss.of(feature_distance(...)) "
                "to a Loss"
            )
        return loss
    parsed = Loss.parse(loss, [Term(FEATURES, _no_network)])
    wanted = any(term.name == FEATURES for term in parsed.terms)
    if wanted and network is None:
        raise UserError(
            f"loss {loss!r} compares features, but of no network: name one with --feature_network "
            "(in Python, features=FeatureNetwork(...))"
        )
    if network is None:
        return parsed
    if not wanted:
        raise UserError(
            f"a feature network is given, but loss {loss!r} compares no features: add a term such "
            "as 0.1*features"
        )
    return Loss.parse(loss, [feature_distance(network, image_shape)])


def _no_network(trial: Trial) -> tf.Tensor:
    raise AssertionError("the term without a network only stands for its name")
