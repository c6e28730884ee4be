"""Features go where they are wished, as the network itself says."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from applications.editing.stored import inverted
from features.networks import critic_path
from generators import tiny

from tfinv.applications.editing.features import (
    feature_mover,
    features_of,
    move_features,
    share_of_the_way,
)
from tfinv.features.network import FeatureNetwork


@pytest.fixture(scope="module", name="network")
def small_critic():
    return FeatureNetwork(critic_path(), "8x8/Conv1", image_range="-1,1")


def test_features_move_towards_those_of_another_picture(network):
    there = inverted(tiny.loaded(), 3)
    images = there.results.images
    goals = features_of(network, images[[1, 2, 0]])
    ways = goals - features_of(network, images)
    carrier = feature_mover(there.generator, "dense", network, batch_size=3, max_evaluations=60)
    found = move_features(carrier, network, there.points, images, ways)
    apart = np.linalg.norm(features_of(network, found.images) - goals, axis=1)
    assert (apart < 0.5 * np.linalg.norm(ways, axis=1)).all(), apart
    shares = share_of_the_way(network, found.images, images, ways)
    assert (shares > 0.5).all() and (shares < 1.2).all()
    half = move_features(carrier, network, there.points, images, ways / 2)
    halves = share_of_the_way(network, half.images, images, ways)
    assert (halves > 0.25).all() and (halves < 0.75).all()


def test_features_are_rows_of_each_picture_alone(network):
    images = inverted(tiny.loaded(), 40).results.images
    rows = features_of(network, images)
    assert rows.shape == (40, np.prod(network(images[:1]).shape[1:]))
    np.testing.assert_allclose(rows[37], np.ravel(network(images[37:38])), atol=1e-5)


def test_the_share_of_the_way_is_a_projection(network):
    images = inverted(tiny.loaded(), 2).results.images
    ways = features_of(network, images[::-1]) - features_of(network, images)
    np.testing.assert_allclose(share_of_the_way(network, images, images, ways), 0, atol=1e-6)
    np.testing.assert_allclose(share_of_the_way(network, images[::-1], images, ways), 1, atol=1e-5)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
