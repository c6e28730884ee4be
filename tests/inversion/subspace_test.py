"""The subspace that z reaches, against the weights that it was planted with."""

from __future__ import annotations

import functools
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from generators import hierarchical, tiny

import tfinv
from tfinv.errors import UserError
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import Adam
from tfinv.inversion.stages import Batch, Stage
from tfinv.inversion.subspace import column_basis, projection
from tfinv.inversion.trial import Trial

ROWS = 3


@functools.cache
def planted() -> np.ndarray:
    """An orthonormal basis of the columns of the tiny generator's dense weights."""
    return np.linalg.qr(tiny.Dcgan().w.numpy().astype(float).T)[0]


def away(code: np.ndarray) -> np.ndarray:
    """h - proj(h) by the formula, with the bias that the generator was planted with."""
    from_bias = code.reshape(len(code), -1).astype(float) - tiny.Dcgan().b.numpy()
    return from_bias - from_bias @ planted() @ planted().T


def trial(code: tf.Tensor, anchor: tf.Tensor) -> Trial:
    flat = [tf.reshape(part, [len(part), -1]) for part in (code, anchor)]
    return Trial(tf.zeros([1]), tf.zeros([1]), *flat)


def test_the_basis_spans_the_columns_and_is_orthonormal():
    basis = column_basis(tiny.loaded().split("dense"))
    assert basis.shape == (256, tiny.LATENT) and basis.dtype == np.float32
    np.testing.assert_allclose(basis.T @ basis, np.eye(tiny.LATENT), atol=1e-5)
    np.testing.assert_allclose(basis @ basis.T, planted() @ planted().T, atol=1e-5)


def test_the_value_is_the_squared_distance_from_the_projection_and_the_gradient_points_there():
    split = tiny.loaded().split("dense")
    term, z = projection(split), tiny.loaded().sample_latents(ROWS, 1)
    anchor = split.g1(z)
    code = anchor + np.random.default_rng(6).standard_normal(anchor.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(code)
        value = term(trial(code, anchor))
    np.testing.assert_allclose(value, (away(code.numpy()) ** 2).sum(1), rtol=1e-4)
    pull = tape.gradient(value, code).numpy().reshape(ROWS, -1)
    np.testing.assert_allclose(pull, 2 * away(code.numpy()), atol=1e-4)
    # Any code that z reaches may stand for the bias, and none is away from the others.
    other = split.g1(tiny.loaded().sample_latents(ROWS, 2))
    np.testing.assert_allclose(term(trial(code, other)), value, rtol=1e-4)
    np.testing.assert_allclose(term(trial(anchor, other)), 0, atol=1e-6)


def test_of_a_hierarchical_latent_only_the_chunk_that_the_layer_reads_counts():
    generator = hierarchical.loaded()
    basis = column_basis(generator.split("dense"))
    weights = hierarchical.Hierarchical().dense.numpy().T.astype(float)
    assert basis.shape == (len(weights), hierarchical.CHUNK)
    np.testing.assert_allclose(basis @ np.linalg.lstsq(basis, weights)[0], weights, atol=1e-4)


def test_a_heavy_weight_keeps_the_code_where_z_reaches_and_a_light_one_does_not():
    generator, split = tiny.loaded(), tiny.loaded().split("dense")
    z = generator.sample_latents(ROWS, 5)
    images = generator(z).numpy()[::-1, ::-1]  # upside down: no z draws them
    code, outside, losses = split.g1(z), [], []
    for weight in (1e-5, 1.0):
        stage = Stage("dense", Loss.parse(f"mse + {weight}*projection"), Adam(100))
        state = CompiledStage(stage, split).run(
            Batch(images, tf.constant(z), None, code, anchor=code)
        )
        found = state.best_code.numpy()
        outside.append((away(found) ** 2).sum(1))
        losses.append(((split.g2(found.reshape(code.shape)) - images) ** 2).numpy().mean((1, 2, 3)))
        truth = losses[-1] + weight * outside[-1]
        np.testing.assert_allclose(state.best_loss, truth, rtol=1e-3, atol=1e-6)
    assert (outside[1] < 1e-2 * outside[0]).all() and (losses[0] < 0.5 * losses[1]).all()


def test_labels_that_shift_the_subspace_are_allowed_and_labels_that_turn_it_are_not():
    rng = np.random.default_rng(4)
    weights, rows = rng.normal(size=(8, 30)), rng.normal(size=(3, 30))

    def split(g1):
        layer = types.SimpleNamespace(name="planted")
        return types.SimpleNamespace(
            layer=layer,
            latent_size=8,
            classes=3,
            conditional=True,
            g1=lambda *a: tf.constant(g1(*a)),
        )

    basis = column_basis(split(lambda z, labels: z @ weights + rows[labels]))
    np.testing.assert_allclose(basis @ basis.T, np.linalg.pinv(weights) @ weights, atol=1e-5)
    with pytest.raises(UserError, match="no flat subspace"):
        column_basis(split(lambda z, labels: z @ weights * rows[labels]))


def test_a_layer_that_is_not_flat_is_refused_by_name():
    with pytest.raises(UserError, match="no flat subspace") as raised:
        tfinv.Inverter(tiny.loaded(), "open", loss="mse + projection")
    message = str(raised.value)
    assert "open" in message and "use the layer dense" in message and "\n" not in message


def test_a_layer_that_z_fills_is_refused(tmp_path):
    class Narrow(tf.Module):
        """Four numbers in the place of the eight of z."""

        def __init__(self):
            super().__init__()
            rng = np.random.default_rng(0)
            self.w = tf.Variable(rng.normal(size=(8, 4)), dtype=tf.float32)
            self.up = tf.Variable(rng.normal(size=(4, 48)), dtype=tf.float32)

        @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, "z")])
        def draw(self, z):
            hidden = tf.nn.relu(tf.matmul(z, self.w))
            return {"image": tf.tanh(tf.reshape(tf.matmul(hidden, self.up), [-1, 4, 4, 3]))}

    made = Narrow()
    tf.saved_model.save(made, str(tmp_path), signatures={"serving_default": made.draw})
    generator = tfinv.load_generator(str(tmp_path))
    with pytest.raises(UserError, match="z reaches every code"):
        column_basis(generator.split("dense"))


def test_the_term_is_left_out_at_the_latent_and_made_at_the_layer():
    stages = tfinv.Inverter(tiny.loaded(), loss="mse + 1e-4*projection").stages
    assert [stage.layer for stage in stages] == ["latent", "dense"]
    with pytest.raises(UserError, match="applies to none of the stages"):
        tfinv.Inverter(tiny.loaded(), "latent", loss="mse + projection")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
