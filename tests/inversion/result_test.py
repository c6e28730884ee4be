"""Results of batches join in order; the shortcuts speak of the last stage."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfinv.inversion.result import InversionResult, Spending, StageResult

SHAPES = {"latent": (4,), "dense": (2, 2, 3)}


def stage(layer: str, rows: range) -> StageResult:
    def each(*shape: int) -> np.ndarray:
        return np.stack([np.full(shape, k, np.float32) for k in rows])

    return StageResult(
        layer=layer,
        codes=each(*SHAPES[layer]),
        latents=each(4) + (layer == "dense"),
        label_weights=each(3) if layer == "dense" else None,
        images=each(5, 5, 3),
        rmse=np.asarray(rows, np.float64) / 10,
        losses=np.asarray(rows, np.float32) / 100,
        evaluations=np.asarray(rows, np.int32) * (1 if layer == "latent" else 100),
        status=tuple(f"{layer} {k}" for k in rows),
    )


def result(rows: range) -> InversionResult:
    return InversionResult(
        stages=(stage("latent", rows), stage("dense", rows)),
        labels=np.asarray(rows, np.int32),
    )


def test_joined_parts_are_one_result():
    for layer in SHAPES:
        one, other = (
            StageResult.join([stage(layer, range(2)), stage(layer, range(2, 5))]),
            stage(layer, range(5)),
        )
        assert (one.layer, one.status) == (other.layer, other.status)
        for field in ("codes", "latents", "images", "rmse", "losses", "evaluations"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
        np.testing.assert_equal(one.label_weights, other.label_weights)


def test_shortcuts():
    whole = result(range(3))
    assert whole.codes is whole.stages[-1].codes and whole.images is whole.stages[-1].images
    np.testing.assert_allclose(whole.rmse, [0, 0.1, 0.2])
    np.testing.assert_array_equal(whole.latents[:, 0], [1, 2, 3])
    assert whole.label_weights is whole.stages[-1].label_weights
    assert whole.stages[0].label_weights is None
    assert whole.status == ("dense 0", "dense 1", "dense 2")
    np.testing.assert_array_equal(whole.evaluations, [0, 101, 202])  # all stages cost something


def test_what_was_computed_in_vain():
    both = Spending(100, 95) + Spending(10, 10)
    assert (both.computed, both.used, both.wasted) == (110, 105, 5)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
