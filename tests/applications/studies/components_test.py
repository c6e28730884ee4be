"""Spectra against NumPy's covariance, and the distance from z's subspace against the weights."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from applications.studies import setups
from generators import tiny
from matplotlib.figure import Figure

from tfinv.applications.studies import components

WEIGHT = 1.0


def setup():
    sets = {"samples": setups.pictures(), "noise": setups.pictures(kind="noise")}
    return setups.setup(sets=sets, projection_weights=(WEIGHT,))


@functools.cache
def done() -> dict:
    made = setup()
    return {arm.name: arm.make()(made.sets[arm.set], setups.quiet) for arm in components.arms(made)}


def test_spectrum_is_that_of_the_covariance():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((50, 2, 3)) * np.array([3.0, 1.0, 0.1])
    expected = np.linalg.eigvalsh(np.cov(codes.reshape(50, 6).T, bias=True))[::-1]
    np.testing.assert_allclose(components.spectrum(codes), expected, rtol=1e-10)
    codes[7, 0, 0] = np.nan
    there = np.delete(codes, 7, 0).reshape(49, 6)
    expected = np.linalg.eigvalsh(np.cov(there.T, bias=True))[::-1]
    np.testing.assert_allclose(components.spectrum(codes), expected, rtol=1e-10)


def test_noise_is_inverted_without_the_term_only():
    assert list(done()) == ["samples", "noise", "samples, 1*projection"]


def test_distance_is_that_from_the_columns_of_the_weights():
    made = tiny.Dcgan()
    w, b = made.w.numpy().T.astype(np.float64), made.b.numpy()
    for arrays in done().values():
        away = (arrays["codes"] - b).T
        rest = away - w @ np.linalg.lstsq(w, away, rcond=None)[0]
        expected = np.linalg.norm(rest, axis=0)
        np.testing.assert_allclose(arrays["distance"], expected, rtol=1e-3, atol=1e-4)


def test_the_term_holds_codes_near():
    free, held = done()["samples"], done()["samples, 1*projection"]
    assert held["distance"].mean() < 0.5 * free["distance"].mean()


def test_findings_compare_with_what_z_reaches():
    found = components.findings(setup(), done())
    rows = {row[0]: row for row in found.table.rows}
    assert list(rows) == ["generated", *done()]
    assert rows["generated"][2] == 0.0 and rows["generated"][3] is None
    assert rows["samples"][2] == pytest.approx(done()["samples"]["distance"].mean())
    assert found.facts["dimensions_that_z_reaches"] == tiny.LATENT
    assert "--count" in found.notes[-1]  # three pictures have no more than two components


def test_a_partial_run_has_a_figure_too():
    figure = Figure()
    components.findings(setup(), {"samples": done()["samples"]}).draw(figure)
    assert [len(axes.lines) for axes in figure.axes] == [3, 2]  # a line each for what z reaches


def test_ninety_nine_percent():
    made = components.findings(setup(), {})
    codes = tiny.loaded().split("dense").g1(tiny.loaded().sample_latents(setups.COUNT, 0)).numpy()
    assert made.table.rows[0][1] == np.linalg.matrix_rank(
        codes.reshape(3, -1) - codes.mean(0).ravel()
    )


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
