"""Which classes a network's scores put first, and which networks have none for these classes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from features import networks

from tfinv.errors import UserError
from tfinv.features.classifier import Classifier
from tfinv.features.network import FeatureNetwork

SHAPE = (4, 4, 3)
IMAGES = np.random.default_rng(0).random((5, *SHAPE), np.float32)
WEIGHTS = np.random.default_rng(1).standard_normal((48, 7)).astype(np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> FeatureNetwork:
    def build(images):
        return tf.reshape(tf.matmul(tf.reshape(images, [-1, 48]), WEIGHTS), [-1, 1, 1, 7])

    folder = tmp_path_factory.mktemp("classifier")
    path = networks.saved(folder / "c", {"x": (tf.float32, [None, *SHAPE])}, build)
    return FeatureNetwork(path, "output", image_range="0,1")


def scores() -> np.ndarray:
    return IMAGES.reshape(5, 48) @ WEIGHTS


def test_the_highest_come_first(network):
    found = Classifier(network, SHAPE, 7).top(IMAGES, 3)
    assert found.dtype == np.int32 and found.shape == (5, 3)
    taken = np.take_along_axis(scores(), found, 1)
    assert np.all(np.diff(taken, axis=1) < 0)
    np.testing.assert_array_equal(found[:, 0], scores().argmax(1))
    assert Classifier(network, SHAPE, 7).top(IMAGES, 20).shape == (5, 7)


def test_a_class_in_front_of_all_is_the_background(network):
    found = Classifier(network, SHAPE, 6).top(IMAGES, 1)
    np.testing.assert_array_equal(found[:, 0], scores()[:, 1:].argmax(1))


@pytest.mark.parametrize("classes", [5, 8, 1000])
def test_other_numbers_of_classes_are_refused(network, classes):
    with pytest.raises(UserError, match=f"gives 7 numbers.*has {classes} classes"):
        Classifier(network, SHAPE, classes)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
