"""Inverting through a degradation: what was not seen decides nothing, and comes back."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import tiny
from results import fakes

import tfinv
from tfinv.errors import UserError
from tfinv.inversion.degradations import find_degradation
from tfinv.inversion.features import feature_distance
from tfinv.inversion.losses import Loss
from tfinv.inversion.snapshot import pack_tickets, unpack_tickets
from tfinv.inversion.solvers import LBFGS
from tfinv.inversion.stages import Stage
from tfinv.inversion.starts import stored
from tfinv.inversion.tickets import Ticket
from tfinv.inversion.trial import Trial

PHOTOS = np.stack([fakes.smooth(np.random.default_rng(k), tiny.SIDE) for k in range(4)])
CHAINS = ("center:0.25", "greyscale+random:0.5", "projections:60")


@functools.cache
def inverter(degradation: str, **options) -> tfinv.Inverter:
    """Compiled once for all tests that want the same."""
    options = {"stages": "latent", "max_evaluations": 60, "batch_size": 4, **options}
    return tfinv.Inverter(tiny.loaded(), degradation=degradation, **options)


def same(one: tfinv.InversionResult, other: tfinv.InversionResult) -> bool:
    """Bit for bit, in every stage."""
    pairs = zip(one.stages, other.stages, strict=True)
    return all(np.array_equal(a.codes, b.codes) and a.status == b.status for a, b in pairs)


@pytest.mark.parametrize("text", CHAINS)
def test_what_the_generator_drew_is_restored(text):
    z = tiny.loaded().sample_latents(4, 7)
    truth = tiny.loaded()(z).numpy()
    near = z + 0.05 * np.random.default_rng(0).standard_normal(z.shape).astype(np.float32)
    one = inverter(text, start=stored(near), max_evaluations=150)
    observations = one.degradation.observe(truth)
    found = one.run(observations)
    np.testing.assert_allclose(found.codes, z, atol=0.02)
    np.testing.assert_allclose(found.images, truth, atol=0.01)
    assert found.images.shape == truth.shape  # whole pictures, whatever was seen of them
    np.testing.assert_allclose(
        found.rmse, one.degradation.rmse(found.images, observations), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("stages", ["latent", ("latent", "dense")])
def test_unknown_pixels_decide_nothing(stages):
    one = inverter("center:0.25", stages=stages)
    observations = one.degradation.observe(PHOTOS)
    found = one.run(observations)
    hole = ~one.degradation.known([0])[0]
    for value in (0.7, np.nan):
        changed = observations.copy()
        changed[:, hole, :3] = value
        assert same(one.run(changed), found)
    changed = observations.copy()
    changed[0, 0, 0, 0] = 1 - changed[0, 0, 0, 0]  # that one is known
    assert not same(one.run(changed), found)
    assert np.isfinite(found.rmse).all()


def test_the_whole_picture_of_a_ticket_decides_nothing_and_is_kept():
    one = inverter("downsample:2")
    observations = one.degradation.observe(PHOTOS)

    def tickets(wholes):
        return [Ticket(k, k, observations[k], None, whole=wholes[k]) for k in range(4)]

    def codes(wholes):
        done = sorted(one.pipeline(tickets(wholes)).run(), key=lambda ticket: ticket.index)
        for ticket, whole in zip(done, wholes, strict=True):
            np.testing.assert_array_equal(ticket.whole, whole)
        return np.stack([ticket.found[0].codes[0] for ticket in done])

    np.testing.assert_array_equal(codes(PHOTOS), codes(1 - PHOTOS))
    kept = unpack_tickets(pack_tickets(tickets(PHOTOS)))
    np.testing.assert_array_equal([ticket.whole for ticket in kept], PHOTOS)
    np.testing.assert_array_equal([ticket.target for ticket in kept], observations)


def test_all_restarts_are_made_where_what_was_seen_is_fitted_at_once():
    one = inverter("projections:4", restarts=2, max_evaluations=20)  # 4 numbers, 8 unknowns
    found = one.run(one.degradation.observe(PHOTOS))
    assert found.rmse.max() < 0.02 and found.evaluations.min() > 20


def test_a_later_stage_goes_on_from_what_the_one_before_made_of_the_unseen():
    assert tiny.loaded().split("dense").hinge is not None  # else it would open all units
    one = inverter("center:0.25", stages=("latent", "dense"), max_evaluations=(20, 1))
    before, after = one.run(one.degradation.observe(PHOTOS)).stages
    np.testing.assert_allclose(after.images, before.images, atol=1e-3)


def test_the_loss_is_the_mean_over_what_is_known():
    masked = find_degradation("random:0.4", (8, 8, 3))
    observations = masked.observe(PHOTOS)
    seen, known = map(tf.constant, masked.take_apart(observations))
    drawn = PHOTOS[::-1]
    code = tf.zeros([4, 2])
    trial = Trial(tf.constant(drawn) * known, seen, code, code, known=known)
    truth = [
        np.mean((a - b)[m] ** 2)
        for a, b, m in zip(drawn, PHOTOS, masked.known(range(4)), strict=True)
    ]
    np.testing.assert_allclose(Loss.of("mse")(trial), truth, rtol=1e-5)


def test_other_terms_see_pictures_as_degraded_too():
    class Network:
        """The mean of each row of pixels."""

        def check(self, shape):
            assert shape == (4, 4, 3)

        def __call__(self, images):
            return tf.reduce_mean(images, 2)

    loss = Loss.of("mse") + 2.0 * Loss.of(feature_distance(Network(), (4, 4, 3)))
    one = inverter("downsample:2", stages=(Stage("latent", loss, LBFGS(max_evaluations=3)),))
    found = one.run(one.degradation.observe(PHOTOS)).stages[0]
    small = one.degradation.observe(found.images)
    away = small - one.degradation.observe(PHOTOS)
    truth = (away**2).mean((1, 2, 3)) + 2 * (away.mean(2) ** 2).mean((1, 2))
    np.testing.assert_allclose(found.losses, truth, rtol=1e-3)


def test_labels_are_looked_for_through_the_degradation():
    from tfinv.inversion.labels import LabelSearch, random_classes

    generator = tiny.loaded(True)
    labels = np.array([3, 0], np.int32)
    truth = generator(generator.sample_latents(2, 3), labels).numpy()
    one = tfinv.Inverter(generator, "latent", degradation="random:0.3", batch_size=2)
    search = LabelSearch(one, random_classes(generator, tiny.CLASSES), evaluations=60)
    found = search.find(one.degradation.observe(truth), [0, 1])
    assert found.labels.tolist() == labels.tolist()


def test_values_that_are_no_observations_are_one_line():
    masked, small = inverter("center:0.25"), inverter("downsample:2")
    observations = masked.degradation.observe(PHOTOS)
    with pytest.raises(UserError, match=r"last channel .* 1 where a pixel is known"):
        masked.run(np.rint(observations * 255).astype(np.uint8))
    with pytest.raises(UserError, match=r"degradation\.join"):
        masked.run(observations * 0.5)
    with pytest.raises(UserError, match=r"not in \[0, 1\]"):
        small.run(255 * small.degradation.observe(PHOTOS))


def test_wrong_shapes_are_one_line():
    one = inverter("downsample:2")
    with pytest.raises(UserError, match=r"what downsample:2 leaves of a picture: \[count, 4, 4, 3"):
        one.run(PHOTOS)
    other = find_degradation("downsample:2", (16, 16, 3))
    with pytest.raises(UserError, match=r"for pictures of 16x16x3, and .* draws 8x8x3"):
        tfinv.Inverter(tiny.loaded(), degradation=other)
    with pytest.raises(UserError, match="'sharpen' is not known"):
        tfinv.Inverter(tiny.loaded(), degradation="sharpen")
    other = Stage(
        "latent", Loss.of("mse"), LBFGS(), degradation=find_degradation("blur:1", (8, 8, 3))
    )
    with pytest.raises(UserError, match="give it to the Inverter"):
        tfinv.Inverter(tiny.loaded(), [other], degradation="downsample:2")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
