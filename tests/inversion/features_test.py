"""The term "features": TensorFlow's own distance and gradient, once a batch, and both fall."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
import tensorflow as tf
from features import networks
from generators import tiny
from results import fakes

import tfinv
from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork
from tfinv.inversion.features import feature_distance, parse_loss
from tfinv.inversion.losses import Loss
from tfinv.inversion.trial import Trial

SHAPE = (tiny.SIDE, tiny.SIDE, 3)
PHOTOS = np.stack([fakes.smooth(np.random.default_rng(k), tiny.SIDE) for k in range(5)])
TEXT = "mse + 0.1*features"


@functools.cache
def network(layout: str = "NHWC") -> FeatureNetwork:
    return FeatureNetwork(networks.critic_path(layout), "8x8/Conv1")


@functools.cache
def term(layout: str = "NHWC"):
    return feature_distance(network(layout), SHAPE)


def trial(images, targets, references) -> Trial:
    images, targets = map(tf.convert_to_tensor, (images, targets))
    code = tf.zeros([4, 2])
    return Trial(images, targets, code, code, None, references)


def pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.random.default_rng(seed).random((2, 4, *SHAPE), np.float32))


def of_tensorflow(images, targets) -> tf.Tensor:
    """The distance without a line of tfinv."""
    of = networks.Critic().features
    return tf.reduce_mean((of(images * 2.0 - 1.0) - of(targets * 2.0 - 1.0)) ** 2, [1, 2, 3])


def distances(images, targets=PHOTOS) -> np.ndarray:
    return of_tensorflow(images, targets).numpy()


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_distance_and_gradient_are_those_of_tensorflow(layout, xla):
    images, targets = pictures()
    loss = 0.5 * Loss.of(term(layout))

    def compute(images, targets, references):
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = loss(trial(images, targets, references))
        return value, tape.gradient(value, images)

    if xla:
        compute = tf.function(compute, jit_compile=True, autograph=False)
    found = compute(tf.constant(images), tf.constant(targets), loss.references(targets))
    given = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(given)
        truth = 0.5 * of_tensorflow(given, targets)
    for mine, theirs in zip(found, (truth, tape.gradient(truth, given)), strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(mine, theirs, atol=1e-5 * scale)
    assert found[0].shape == (4,) and found[0].dtype == tf.float32


def test_a_row_is_of_its_own_picture_and_target_alone():
    images, targets = pictures()
    loss = Loss.of(term())
    references = loss.references(targets)
    whole = loss(trial(images, targets, references)).numpy()
    kept = {name: rows[2:3] for name, rows in references.items()}
    alone = loss(trial(images[2:3], targets[2:3], kept)).numpy()
    np.testing.assert_allclose(alone, whole[2:3], rtol=1e-5)
    # Rows can be exchanged: the reference of a row is that of its target, whatever is beside it.
    np.testing.assert_allclose(
        loss.references(targets[::-1])["features"][::-1], references["features"], atol=1e-5
    )
    assert not np.any(loss(trial(targets, targets, references)))


def test_algebra_with_several_networks():
    images, targets = pictures()
    grey = feature_distance(network("NCHW"), SHAPE, name="other")
    loss = Loss.of("mse") + 0.5 * (Loss.of(term()) + 3 * Loss.of(grey))
    assert str(loss) == "mse + 0.5 * features + 1.5 * other"
    assert Loss.parse(str(loss), [term(), grey]) == loss
    value = loss(trial(images, targets, loss.references(targets)))
    mse = ((images - targets) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(value, mse + 2 * distances(images, targets), rtol=1e-4)
    with pytest.raises(UserError, match="two terms of a loss are called 'features'"):
        loss + Loss.of(feature_distance(network("NCHW"), SHAPE))


@functools.cache
def inverted(loss: str = TEXT, layout: str = "NHWC", batch_size: int = 5, count: int = 5):
    features = network(layout) if "features" in loss else None
    options = {"solver": "adam", "max_evaluations": 60, "batch_size": batch_size}
    inverter = tfinv.Inverter(tiny.loaded(), loss=loss, features=features, **options)
    return inverter.run(PHOTOS[:count])


def test_an_inversion_lowers_pixels_and_features():
    found, plain = inverted(), inverted("mse")
    generator = tiny.loaded()
    start = generator(generator.sample_latents(5)).numpy()
    before = np.sqrt(((start - PHOTOS) ** 2).mean((1, 2, 3)))
    assert np.all(found.rmse < before)
    assert np.all(distances(found.images) < 0.5 * distances(start))
    # What the term is for: nearer in features than pixels alone would be, at some cost in pixels.
    assert np.all(distances(found.images) < distances(plain.images))
    assert plain.rmse.mean() < found.rmse.mean()


def test_a_graph_that_has_its_channels_first_does_the_same():
    np.testing.assert_allclose(inverted(layout="NCHW").rmse, inverted().rmse, atol=0.01)


def test_neighbours_and_batch_size_decide_nothing():
    """In a batch of its own, and with a last batch that is filled up, pictures end alike."""
    np.testing.assert_allclose(inverted(batch_size=2).rmse, inverted().rmse, atol=0.01)


class Counting(FeatureNetwork):
    """Counts how often features are computed for real, and not traced."""

    calls = 0

    def __call__(self, images):
        self.calls += not tf.inside_function()
        return super().__call__(images)


def test_features_of_targets_are_computed_once_a_stage():
    counting = Counting(networks.critic_path(), "8x8/Conv1")
    inverter = tfinv.Inverter(
        tiny.loaded(), loss=TEXT, features=counting, max_evaluations=9, batch_size=2, solver="adam"
    )
    checked = counting.calls
    inverter.run(PHOTOS[:4])
    # Four pictures in two stages, 9 evaluations each.
    assert counting.calls - checked == 4 * 2


def test_without_xla_the_result_is_the_same():
    inverter = tfinv.Inverter(
        tiny.loaded(),
        ("latent",),
        loss=TEXT,
        features=network(),
        solver="adam",
        max_evaluations=9,
        batch_size=5,
    )
    compiled = inverter.run(PHOTOS)
    [stage] = inverter._stages
    assert stage._jit
    stage._jit = False
    plain = inverter.run(PHOTOS)
    np.testing.assert_allclose(plain.rmse, compiled.rmse, atol=2e-3)


@pytest.mark.parametrize(
    ("loss", "given", "words"),
    [
        (TEXT, False, ["compares features, but of no network", "--feature_network"]),
        ("mse", True, ["a feature network is given", "'mse'", "0.1*features"]),
        ("mse + lpips", False, ["'lpips' is not known", "mse, likelihood"]),
        (Loss.of("mse"), True, ["loss in words", "feature_distance"]),
    ],
)
def test_a_term_and_its_network_go_together(loss, given, words):
    with pytest.raises(UserError) as raised:
        tfinv.Inverter(tiny.loaded(), loss=loss, features=network() if given else None)
    assert all(word in str(raised.value) for word in words), raised.value


def test_a_loss_brings_its_own_networks():
    loss = Loss.of("mse") + 0.1 * Loss.of(term())
    assert parse_loss(loss, None, SHAPE) is loss
    inverter = tfinv.Inverter(tiny.loaded(), loss=loss)
    assert all(str(stage.loss) == "mse + 0.1 * features" for stage in inverter.stages)


def test_a_network_that_does_not_fit_is_refused_before_anything_runs():
    coupled = FeatureNetwork(networks.critic_path(), "scores")
    with pytest.raises(UserError, match="depend on the others of its batch"):
        tfinv.Inverter(tiny.loaded(), loss=TEXT, features=coupled)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
