"""Figure 6.6: which losses are compared, their weights, and what the numbers beside them are."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from applications.studies import setups
from features import networks
from generators import tiny

from tfinv.applications.studies import losses
from tfinv.features.network import FeatureNetwork


@functools.cache
def network() -> FeatureNetwork:
    return FeatureNetwork(networks.critic_path(), "8x8/Conv1")


def features(images: np.ndarray) -> np.ndarray:
    return networks.Critic().features(2 * images - 1).numpy()


def test_without_a_network_the_losses_with_features_are_left_out_and_it_is_said():
    setup = setups.setup()
    assert [arm.name for arm in losses.arms(setup)] == ["mse", "mse, likelihood"]
    found = losses.findings(setup, {})
    assert "--feature_network" in found.notes[-1] and "feature distance" not in found.table.columns


def test_strangers_weigh_alike_in_pixels_and_features():
    setup = setups.setup(network=network())
    targets = setup.pictures.images
    made = tiny.Dcgan()
    drawn = (made.plain(setup.generator.sample_latents(3, 0))["image"].numpy() + 1) / 2
    pixels = np.square(drawn - targets).mean()
    apart = np.square(features(drawn) - features(targets)).mean()
    # One digit: 0.14 becomes 0.1.
    assert losses.balanced_weight(setup) == pytest.approx(pixels / apart, rel=0.34)


def test_every_term_is_compared_with_and_without():
    setup = setups.setup(network=network(), feature_weight=0.5, likelihood_weight=2e-6)
    found = losses.findings(setup, {})
    assert found.facts["losses"] == {
        "mse": "mse",
        "mse, likelihood": "mse + 2e-06*likelihood",
        "mse, features": "mse + 0.5*features",
        "all": "mse + 0.5*features + 2e-06*likelihood",
    }


def test_distance_and_length_are_those_of_what_was_found():
    setup = setups.setup(network=network(), feature_weight=0.5)
    arms = {arm.name: arm for arm in losses.arms(setup)}
    arrays = arms["mse, features"].make()(setup.pictures, setups.quiet)
    images = arrays["images"] / 255
    apart = np.square(features(images) - features(setup.pictures.images)).mean((1, 2, 3))
    np.testing.assert_allclose(arrays["features"], apart, rtol=0.2, atol=1e-4)  # images are uint8
    assert arrays["norm"].shape == (3,) and (arrays["norm"] > 0).all()
    [row] = losses.findings(setup, {"mse, features": arrays}).table.rows
    assert row[0] == "mse, features"
    assert row[1:] == pytest.approx(
        (
            arrays["rmse"].mean(),
            arrays["rmse"].std(),
            arrays["features"].mean(),
            arrays["features"].std(),
            arrays["norm"].mean(),
        )
    )


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
