"""The engine: planted answers, one image never deciding another's, and stages that go on."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from generators import tiny
from results import fakes

import tfinv
from tfinv.errors import UserError
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import LBFGS, Adam
from tfinv.inversion.stages import Stage
from tfinv.inversion.starts import stored

PHOTOS = np.stack([fakes.smooth(np.random.default_rng(k), tiny.SIDE) for k in range(5)])
SHORT = {"max_evaluations": 60, "batch_size": 5}


@functools.cache
def result(**options) -> tfinv.InversionResult:
    return inverter(**options).run(PHOTOS)


@functools.cache
def inverter(**options) -> tfinv.Inverter:
    """Compiled once for all tests that want the same."""
    return tfinv.Inverter(tiny.loaded(), **{**SHORT, **options})


def same(one: tfinv.InversionResult, other: tfinv.InversionResult, rows=slice(None)) -> bool:
    """Bit for bit, in every stage."""
    return all(
        np.array_equal(a.codes[rows], b.codes[rows])
        and np.array_equal(a.evaluations[rows], b.evaluations[rows])
        and list(np.array(a.status)[rows]) == list(np.array(b.status)[rows])
        for a, b in zip(one.stages, other.stages, strict=True)
    )


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_the_generators_own_samples_are_recovered(conditional, solver):
    generator = tiny.loaded(conditional)
    z, labels = generator.sample_latents(4, 7), generator.sample_labels(4, 7)
    images = generator(z, labels).numpy()
    budget = 400 if solver == "adam" else None
    found = tfinv.Inverter(
        generator, labels=labels, solver=solver, max_evaluations=budget, batch_size=4
    ).run(images)
    assert [stage.layer for stage in found.stages] == ["latent", "dense"]
    assert found.rmse.max() < 0.01
    np.testing.assert_allclose(found.stages[0].codes, found.latents)
    # What is returned draws what is said, and is what is said to be.
    drawn = generator.split("dense").g2(found.codes, found.latents, labels).numpy()
    np.testing.assert_allclose(found.images, drawn, atol=1e-5)
    truth = np.sqrt(((found.images - images) ** 2).mean((1, 2, 3)))
    np.testing.assert_allclose(found.rmse, truth, atol=1e-6)
    assert np.array_equal(found.labels, labels) if conditional else found.labels is None


def test_pictures_the_generator_cannot_draw_are_nearer_at_the_dense_layer():
    found = result(max_evaluations=300)
    latent, dense = found.stages
    assert dense.rmse.mean() < 0.5 * latent.rmse.mean()
    assert np.all(dense.rmse < latent.rmse)
    assert dense.codes.shape == (5, 4, 4, 16) and latent.codes.shape == (5, tiny.LATENT)
    assert latent.evaluations.max() <= 300 and dense.evaluations.max() <= 300
    np.testing.assert_array_equal(found.evaluations, latent.evaluations + dense.evaluations)
    assert found.images.min() >= 0 and found.images.max() <= 1


def test_the_same_seed_gives_the_same_codes_bit_for_bit():
    again = tfinv.Inverter(tiny.loaded(), **SHORT).run(PHOTOS)
    assert same(result(), again)
    np.testing.assert_array_equal(result().latents, again.latents)


def test_another_seed_starts_elsewhere():
    one, other = (result(seed=seed, stages=("latent",), solver="adam") for seed in (0, 1))
    assert not np.array_equal(one.latents, other.latents)


@pytest.mark.parametrize(("solver", "size"), [("lbfgs", 2), ("adam", 1), ("adam", 16)])
def test_another_batch_size_gives_the_same_rmse(solver, size):
    whole, parts = result(solver=solver), result(solver=solver, batch_size=size)
    for one, other in zip(whole.stages, parts.stages, strict=True):
        assert other.images.shape == PHOTOS.shape  # the filling of the last batch is gone
        np.testing.assert_allclose(other.rmse, one.rmse, atol=1e-3)


def test_the_order_of_the_images_decides_nothing_but_the_order():
    order = [3, 0, 4, 1, 2]
    shuffled = inverter().run_batch(PHOTOS[order], order)
    np.testing.assert_allclose(shuffled.rmse, result().rmse[order], atol=1e-3)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_target_that_is_no_number_changes_no_other_image(solver, bad):
    images = PHOTOS.copy()
    images[2, 3, 3, 1] = bad
    broken, whole = inverter(solver=solver).run(images), result(solver=solver)
    others = [0, 1, 3, 4]
    assert same(broken, whole, others)
    np.testing.assert_array_equal(broken.latents[others], whole.latents[others])
    np.testing.assert_array_equal(broken.images[others], whole.images[others])
    assert broken.status[2].startswith("failed: ")
    assert not any(status.startswith("failed") for status in whole.status)


def test_pixels_of_another_range_are_refused_and_bytes_are_scaled():
    with pytest.raises(UserError, match=r"from 0 to 200 are not in \[0, 1\]"):
        inverter().run(np.stack([PHOTOS[0], 200 * np.ones_like(PHOTOS[0])]) * [[[0, 0, 1]]])
    as_bytes = np.rint(255 * PHOTOS).astype(np.uint8)
    scaled = inverter().run(as_bytes.astype(np.float32) / 255)
    np.testing.assert_array_equal(inverter().run(as_bytes).codes, scaled.codes)


def test_delta_is_measured_from_what_z_reaches_and_not_from_the_start():
    generator = tiny.loaded()
    split = generator.split("dense")
    z = generator.sample_latents(5, 3)
    far = split.g1(z).numpy() + 1.0
    loss = 1e3 * Loss.of("delta")  # so strong that the picture does not matter
    stage = Stage("dense", loss, Adam(max_evaluations=300))
    found = tfinv.Inverter(generator, stage, start=stored(z, far)).run(PHOTOS).codes
    assert np.abs(found - split.g1(z)).max() < 0.1


def test_a_loss_that_is_no_number_changes_no_other_image():
    generator = tiny.loaded()
    z = generator.sample_latents(5, 3)
    z[1] = np.nan  # a start that draws nothing
    broken = inverter(solver="adam", start=stored(z)).run(PHOTOS)
    z[1] = 0
    whole = inverter(solver="adam", start=stored(z)).run(PHOTOS)
    assert same(broken, whole, [0, 2, 3, 4])
    assert broken.status[1].startswith("failed: ")


@pytest.mark.parametrize("conditional", [False, True])
def test_a_third_stage_goes_on_from_the_second(conditional):
    generator = tiny.loaded(conditional)
    labels = [0, 1, 2, 3, 4] if conditional else None
    options = {"labels": labels, "solver": "adam", **SHORT}
    found = tfinv.Inverter(generator, ("latent", "dense", "open"), **options).run(PHOTOS)
    assert found.codes.shape == (5, 4, 4, 16)
    rmse = [stage.rmse for stage in found.stages]
    assert np.all(rmse[1] <= rmse[0] + 1e-6) and np.all(rmse[2] <= rmse[1] + 1e-6)
    if not conditional:
        assert same(tfinv.InversionResult(found.stages[:2], None), result(solver="adam"))


@pytest.mark.parametrize(("layer", "solver"), [("latent", "adam"), ("dense", "lbfgs")])
def test_a_stored_start_is_at_once_as_good_as_the_run_was(layer, solver):
    before = result()
    codes = {stage.layer: stage.codes for stage in before.stages}
    start = stored(before.latents, codes[layer])
    at_once = inverter(start=start, stages=(layer,), solver=solver, max_evaluations=1).run(PHOTOS)
    rmse = {stage.layer: stage.rmse for stage in before.stages}
    np.testing.assert_allclose(at_once.rmse, rmse[layer], atol=1e-6)
    np.testing.assert_array_equal(at_once.codes, codes[layer])
    np.testing.assert_array_equal(at_once.latents, before.latents)


def test_a_stored_latent_alone_starts_at_its_code():
    z = result().latents
    options = {"start": stored(z), "stages": ("dense",), "max_evaluations": 1, "solver": "adam"}
    found = inverter(**options).run(PHOTOS)
    np.testing.assert_allclose(found.codes, tiny.loaded().split("dense").g1(z), atol=1e-6)
    np.testing.assert_allclose(found.rmse, result().stages[0].rmse, atol=1e-5)


def test_stages_may_differ_in_loss_solver_and_budget():
    stages = [
        Stage("latent", Loss.parse("mse + 1e-2*likelihood"), LBFGS(max_evaluations=20)),
        Stage("dense", Loss.of("mse"), Adam(max_evaluations=30)),
    ]
    found = tfinv.Inverter(tiny.loaded(), stages, batch_size=5).run(PHOTOS)
    assert found.stages[0].evaluations.max() <= 20
    assert set(found.stages[1].evaluations) == {30}
    assert np.linalg.norm(found.latents) < np.linalg.norm(result().latents)


def test_budgets_are_for_all_stages_or_for_each():
    assert [s.solver.max_evaluations for s in inverter().stages] == [60, 60]
    each = inverter(max_evaluations=(7, 9))
    assert [s.solver.max_evaluations for s in each.stages] == [7, 9]
    assert [s.solver.leak for s in inverter(relu_leak=0.5).stages] == [0.5, 0.5]


def test_progress_names_the_stage():
    seen = []
    inverter().run(PHOTOS, lambda stage, state: seen.append((stage.layer, int(state.status[0]))))
    assert list(dict.fromkeys(layer for layer, _ in seen)) == ["latent", "dense"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stages": ()}, ["no stage"]),
        ({"stages": ("dense", "latent")}, ["'latent'", "'dense'", "towards the picture"]),
        ({"stages": ("opne",)}, ["opne", "open"]),
        ({"solver": "sgd"}, ["'sgd'", "adam", "lbfgs"]),
        ({"start": "middle"}, ["'middle'", "prior"]),
        ({"loss": "mse + lpips"}, ["lpips"]),
        ({"loss": "mse + delta", "stages": ("latent",)}, ["'delta'", "none of the stages"]),
        ({"max_evaluations": 0}, ["0 evaluations", "at least 1"]),
        ({"max_evaluations": (1, 2, 3)}, ["3 budgets", "2 stages"]),
        ({"relu_leak": 1.5}, ["1.5", "0 to 1"]),
        ({"batch_size": 0}, ["batch size 0"]),
    ],
)
def test_options_that_do_not_fit(options, words):
    with pytest.raises(UserError) as raised:
        tfinv.Inverter(tiny.loaded(), **options)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize("shape", [(8, 8, 3), (2, 9, 8, 3), (2, 8, 8, 1), (0, 8, 8, 3)])
def test_images_that_do_not_fit(shape):
    with pytest.raises(UserError, match=r"\[count, 8, 8, 3\]"):
        inverter().run(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("labels", "words"),
    [(None, "conditional"), ([1], "1 labels do not fit 5"), ([0, 1, 2, 3, 5], "label 5 is out of")],
)
def test_labels_that_do_not_fit(labels, words):
    with pytest.raises(UserError, match=words):
        tfinv.Inverter(tiny.loaded(conditional=True), labels=labels).run(PHOTOS)


def test_what_can_be_gone_through_once_is_as_good_as_a_list():
    images = tiny.loaded()(tiny.loaded().sample_latents(2, 3)).numpy()
    few = {"max_evaluations": 2, "batch_size": 2}
    inverter = tfinv.Inverter(
        tiny.loaded(), iter(["latent", "dense"]), optimize=iter(["code"]), **few
    )
    found = inverter.run(image for image in images)
    expected = tfinv.Inverter(tiny.loaded(), optimize="code", **few).run(images)
    np.testing.assert_array_equal(found.codes, expected.codes)
    conditional = tiny.loaded(conditional=True)
    assert len(tfinv.Inverter(conditional, labels=iter([0, 1]), **few).run(images).codes) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 2.5}, "batch size 2.5 is no whole number"),
        ({"batch_size": 0}, "batch size 0 is too small"),
        ({"seed": -1}, "seed -1 is too small"),
    ],
)
def test_counts_that_are_none(options, words):
    with pytest.raises(UserError, match=words):
        tfinv.Inverter(tiny.loaded(), **options)


@pytest.mark.parametrize(
    ("indices", "options", "words"),
    [
        ([4, 5], {}, "2 indices do not fit 3 images"),
        (range(4), {}, "4 indices do not fit 3 images"),
        (range(3), {"slots": 0}, "number of slots 0 is too small"),
    ],
)
def test_batches_that_do_not_fit(indices, options, words):
    images = np.zeros((3, 8, 8, 3), np.float32)
    with pytest.raises(UserError, match=words):
        tfinv.Inverter(tiny.loaded()).run_batch(images, indices, **options)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
