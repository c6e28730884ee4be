"""One stage: its compiled loop minimises exactly the loss that it was given."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import tiny
from results import fakes

from tfinv.errors import UserError
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import LBFGS, Adam
from tfinv.inversion.solvers.base import Status
from tfinv.inversion.stages import Batch, Stage

ROWS = 3


def compiled(layer: str, loss: str, solver=None) -> CompiledStage:
    stage = Stage(layer, Loss.parse(loss), solver or LBFGS(max_evaluations=60))
    return CompiledStage(stage, tiny.loaded().split(layer))


def batch(layer: str) -> Batch:
    generator = tiny.loaded()
    z = generator.sample_latents(ROWS, 5)
    photos = [fakes.smooth(np.random.default_rng(k), tiny.SIDE) for k in range(ROWS)]
    code = generator.split(layer).g1(z)
    return Batch(tf.constant(np.stack(photos)), tf.constant(z), None, code, anchor=code)


def in_numpy(stage: CompiledStage, work: Batch, code: np.ndarray) -> dict[str, np.ndarray]:
    code = code.reshape(ROWS, *stage.split.code_shape)
    images = stage.split.g2(code).numpy().astype(np.float64)
    flat = code.reshape(ROWS, -1).astype(np.float64)
    anchor = work.start.numpy().reshape(ROWS, -1)
    return {
        "mse": ((images - work.targets.numpy()) ** 2).mean((1, 2, 3)),
        "likelihood": (flat**2).sum(1) / 2,
        "delta": np.abs(flat - anchor).sum(1),
    }


@pytest.mark.parametrize(
    ("layer", "weights"),
    [("latent", {"mse": 1.0, "likelihood": 1e-3}), ("dense", {"mse": 1.0, "delta": 1e-4})],
)
def test_the_best_loss_is_the_loss_of_the_best_code_and_lower_than_at_the_start(layer, weights):
    stage = compiled(layer, "mse + 1e-3*likelihood + 1e-4*delta")
    work = batch(layer)
    state = stage.run(work)

    def loss(code: np.ndarray) -> np.ndarray:
        terms = in_numpy(stage, work, code)
        return sum(weight * terms[name] for name, weight in weights.items())

    np.testing.assert_allclose(state.best_loss, loss(state.best_code.numpy()), rtol=1e-3)
    assert np.all(state.best_loss < 0.8 * loss(work.start.numpy()))
    assert np.all(state.status != int(Status.RUNNING))


def test_with_the_prior_alone_the_latent_goes_to_the_middle():
    state = compiled("latent", "likelihood", Adam(max_evaluations=400)).run(batch("latent"))
    np.testing.assert_allclose(state.best_code, 0, atol=1e-3)


def test_a_strong_delta_keeps_the_code_and_a_weak_one_does_not():
    work = batch("dense")
    start = work.start.numpy().reshape(ROWS, -1)
    kept, free = (
        compiled("dense", f"mse + {weight}*delta", Adam(max_evaluations=60)).run(work).best_code
        for weight in ("1e3", "1e-5")
    )
    assert np.abs(kept - start).sum() < 1e-3 * np.abs(free - start).sum()


def test_progress_is_reported_until_the_end():
    solver, seen = Adam(max_evaluations=60), []
    state = compiled("dense", "mse", solver).run(batch("dense"), seen.append)
    evaluations = [int(s.evaluations[0]) for s in seen]
    assert evaluations == sorted(set(evaluations)) and evaluations[-1] == 60
    assert len(evaluations) > 1
    np.testing.assert_array_equal(seen[-1].best_code, state.best_code)


@pytest.mark.parametrize(("layer", "loss"), [("dense", "likelihood"), ("latent", "2*delta")])
def test_a_loss_without_a_term_for_the_layer(layer, loss):
    with pytest.raises(UserError, match="no term for the layer") as raised:
        compiled(layer, loss)
    assert layer in str(raised.value) and "add mse" in str(raised.value)


def test_shapes_of_inner_layers_are_constants_of_the_loop():
    """A kernel that cannot see a size falls back to a form that is several times as slow."""
    stage, work = compiled("dense", "mse", Adam(max_evaluations=2)), batch("dense")
    seen, draw = [], stage.split.draw
    stage.split.draw = lambda h, frontier, *rest, **free: (
        seen.append(frontier) or draw(h, frontier, *rest, **free)
    )
    try:
        stage.run(work)
    finally:
        del stage.split.draw
    shapes = [value for value in seen[0] if value.dtype.is_integer]
    assert all(tf.get_static_value(value) is not None for value in shapes)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
