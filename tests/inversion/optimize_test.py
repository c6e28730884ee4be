"""What is optimised beside the code: planted latents and labels are found, no other moves."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import hierarchical, tiny

import tfinv
from tfinv.errors import UserError
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import LBFGS, SOLVERS, Adam
from tfinv.inversion.stages import Batch, Stage
from tfinv.inversion.starts import stored
from tfinv.inversion.unknowns import take_apart

COUNT = 4
FIRST = slice(0, hierarchical.CHUNK)
ALL = ("code", "latent", "labels")
BUDGET = {"lbfgs": 300, "adam": 1000}


@functools.cache
def planted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures with their latents and labels."""
    generator = hierarchical.loaded()
    z, labels = generator.sample_latents(COUNT, 7), generator.sample_labels(COUNT, 7)
    return generator(z, labels).numpy(), z, labels


def elsewhere() -> np.ndarray:
    """The planted latents with other chunks behind the first."""
    z, other = planted()[1], hierarchical.loaded().sample_latents(COUNT, 9)
    return np.concatenate([z[:, FIRST], other[:, FIRST.stop :]], 1)


def inverter(stages="dense", labels=None, **options) -> tfinv.Inverter:
    labels = planted()[2] if labels is None else labels
    options = {"start": stored(elsewhere()), "batch_size": COUNT, **options}
    return tfinv.Inverter(hierarchical.loaded(), stages, labels=labels, **options)


def invert(stages="dense", **options) -> tfinv.InversionResult:
    return inverter(stages, **options).run(planted()[0])


@functools.cache
def found(optimize=None, solver: str = "lbfgs") -> tfinv.InversionResult:
    return invert(optimize=optimize, solver=solver, max_evaluations=BUDGET[solver])


@pytest.mark.parametrize("solver", SOLVERS)
def test_another_latent_is_found_with_the_code_and_by_the_code_alone_it_is_not(solver):
    held, free = found(("code",), solver), found(("code", "latent"), solver)
    assert held.rmse.min() > 0.05
    assert free.rmse.max() < (0.02 if solver == "adam" else 0.005)
    np.testing.assert_array_equal(held.latents, elsewhere())
    # The chunk that makes the code has no part in what is behind it.
    np.testing.assert_array_equal(free.latents[:, FIRST], elsewhere()[:, FIRST])
    assert np.abs(free.latents - elsewhere())[:, FIRST.stop :].max(1).min() > 0.1


def test_the_latent_is_free_by_default_where_it_is_read():
    default = found()
    np.testing.assert_array_equal(default.codes, found(("code", "latent")).codes)
    np.testing.assert_array_equal(default.latents, found(("code", "latent")).latents)
    for generator, expected in ((hierarchical, ("code", "latent")), (tiny, ("code",))):
        assert tfinv.Inverter(generator.loaded()).optimize == expected
    late = tfinv.Inverter(hierarchical.loaded(), ("dense", "Conv2D"))
    assert late.optimize == ("code", "latent")
    assert tfinv.Inverter(hierarchical.loaded(), "Conv2D").optimize == ("code",)


@pytest.mark.parametrize("solver", SOLVERS)
def test_other_labels_are_found_with_the_code(solver):
    images, z, labels = planted()
    wrong = (labels + 1) % hierarchical.CLASSES
    options = {"labels": wrong, "start": stored(z), "solver": solver}
    options["max_evaluations"] = BUDGET[solver]
    held = invert(optimize=("code",), **options)
    free = invert(optimize=("code", "labels"), **options)
    assert held.rmse.min() > 0.03 and free.rmse.max() < 0.01
    assert held.label_weights is None
    assert free.label_weights.shape == (COUNT, hierarchical.CLASSES)
    np.testing.assert_array_equal(free.labels, wrong)
    np.testing.assert_array_equal(free.latents, z)
    drawn = hierarchical.loaded().split("dense").g2(free.codes, free.latents, free.label_weights)
    np.testing.assert_allclose(drawn, images, atol=0.05)


def test_labels_are_found_at_the_latent_too():
    _, z, labels = planted()
    wrong = (labels + 1) % hierarchical.CLASSES
    options = {"stages": "latent", "labels": wrong, "start": stored(z + 0.01)}
    held, free = invert(**options), invert(optimize=("code", "labels"), **options)
    assert free.rmse.max() < 0.005 < held.rmse.max()
    assert free.label_weights.shape == (COUNT, hierarchical.CLASSES)
    drawn = hierarchical.loaded()(free.latents, free.label_weights)
    np.testing.assert_allclose(drawn, free.images, atol=1e-6)


def test_every_stage_keeps_what_draws_its_picture():
    generator, (images, _, labels) = hierarchical.loaded(), planted()
    images = np.clip(images[:, ::-1] + 0.1, 0, 1)  # nothing that the generator draws
    options = {"optimize": ALL, "max_evaluations": 60, "start": "prior", "solver": "adam"}
    result = inverter(("latent", "dense", "conv2d_transpose"), **options).run(images)
    latent, dense, late = result.stages
    np.testing.assert_array_equal(latent.codes, latent.latents)
    assert np.any(dense.latents != latent.latents) and np.any(late.latents != dense.latents)
    assert np.any(late.label_weights != dense.label_weights)
    for stage in result.stages:
        split = generator.split(stage.layer)
        drawn = split.g2(stage.codes, stage.latents, stage.label_weights).numpy()
        np.testing.assert_allclose(np.clip(drawn, 0, 1), stage.images, atol=1e-6)
    np.testing.assert_array_equal(result.latents, late.latents)
    np.testing.assert_array_equal(result.labels, labels)
    # Each goes on from where the one before ended, latent and labels included.
    assert np.all(dense.rmse <= latent.rmse + 1e-6) and np.all(late.rmse <= dense.rmse + 1e-6)


def test_a_prior_on_the_latent_leaves_the_chunk_of_the_code_alone():
    near = invert(loss="mse + 1*likelihood", solver="adam", max_evaluations=300).latents
    np.testing.assert_array_equal(near[:, FIRST], elsewhere()[:, FIRST])
    assert np.abs(near[:, FIRST.stop :]).max() < 0.1
    with pytest.raises(UserError, match="no term for the layer 'dense'"):
        inverter(loss="likelihood", optimize=("code",))


def test_each_term_of_a_loss_sees_its_own_part():
    images, _, labels = planted()
    z = elsewhere()
    split = hierarchical.loaded().split("dense", ("latent", "labels"))
    stage = Stage("dense", Loss.parse("mse + 1e-4*likelihood + 1e-5*delta"), LBFGS(100))
    code = split.g1(z, labels)
    state = CompiledStage(stage, split).run(Batch(images, tf.constant(z), labels, code, code))
    parts = take_apart(split, state.best_code)
    found = tf.reshape(parts["code"], code.shape)
    drawn = split.g2(found, parts["latent"], parts["labels"]).numpy()
    delta = np.abs(found - code).reshape(COUNT, -1).sum(1)
    likelihood = (parts["latent"].numpy() ** 2).sum(1) / 2
    truth = ((drawn - images) ** 2).mean((1, 2, 3)) + 1e-4 * likelihood + 1e-5 * delta
    assert delta.min() > 0.1
    np.testing.assert_allclose(state.best_loss, truth, rtol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_neighbours_and_batches_decide_nothing(solver):
    options = {"optimize": ALL, "solver": solver, "max_evaluations": 60}
    compiled, images = inverter(**options), planted()[0].copy()
    whole, again = compiled.run(images), compiled.run(images)
    for name in ("codes", "latents", "label_weights", "images"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    images[1, 3, 3, 0] = np.nan
    broken = compiled.run(images)
    assert broken.status[1].startswith("failed")
    others = [0, 2, 3]
    for name in ("codes", "latents", "label_weights", "images"):
        np.testing.assert_array_equal(getattr(broken, name)[others], getattr(whole, name)[others])
    parted = invert(batch_size=3, **options)
    np.testing.assert_allclose(parted.rmse, whole.rmse, atol=2e-3)


def test_a_stored_start_brings_its_latents_and_weights():
    before = invert(optimize=ALL, max_evaluations=60, solver="adam")
    start = stored(before.latents, before.codes, before.label_weights)
    for optimize in (ALL, ("code",)):
        at_once = invert(start=start, optimize=optimize, max_evaluations=1, solver="adam")
        np.testing.assert_array_equal(at_once.label_weights, before.label_weights)
        np.testing.assert_allclose(at_once.images, before.images, atol=1e-6)
    with pytest.raises(UserError, match="do not fit this stage"):
        invert(start=stored(before.latents, None, before.label_weights[:, :2]))


def test_stages_may_have_wishes_of_their_own():
    mse, adam = Loss.of("mse"), Adam(max_evaluations=30)
    stages = [
        Stage("latent", mse, adam),
        Stage("dense", mse, adam, ("code",)),
        Stage("conv2d_transpose", mse, LBFGS(max_evaluations=30), ("code", "latent")),
    ]
    result = invert(stages)
    latent, dense, late = (stage.latents for stage in result.stages)
    np.testing.assert_array_equal(latent, dense)
    assert np.any(late != dense)


@pytest.mark.parametrize(
    ("generator", "stages", "optimize", "words"),
    [
        (tiny, ("latent", "dense"), ("code", "latent"), ["no latent behind", "drop latent"]),
        (tiny, ("dense",), ("code", "labels"), ["no labels behind", "drop labels"]),
        (hierarchical, ("Conv2D",), ("code", "latent"), ["no latent behind Conv2D:0", "earlier"]),
        (hierarchical, ("latent",), ("code", "latent"), ["the code is z itself", "drop latent"]),
        (hierarchical, ("dense",), ("latent",), ["code is always", "optimize=code,latent"]),
        (hierarchical, ("dense",), (), ["code is always optimised", "optimize=code"]),
        (hierarchical, ("dense",), ("code", "z"), ["'z' cannot", "code, latent, labels"]),
    ],
)
def test_wishes_that_cannot_come_true(generator, stages, optimize, words):
    mse, solver = Loss.of("mse"), LBFGS()
    for given in (stages, [Stage(stages[-1], mse, solver, optimize)]):
        with pytest.raises(UserError) as raised:
            tfinv.Inverter(generator.loaded(), given, optimize=optimize)
        assert all(word in str(raised.value) for word in words), str(raised.value)


def test_labels_that_are_numbers_cannot_be_optimised():
    with pytest.raises(UserError, match="labels as whole numbers, which have no gradient"):
        tfinv.Inverter(tiny.loaded(conditional=True), optimize=("code", "labels"))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
