"""What a run leaves draws the run's pictures again: codes, latents and weights, stage by stage."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from applications import photos
from generators import hierarchical

import tfinv
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.pictures import Picture
from tfinv.applications.stored import stored_start
from tfinv.images import metrics
from tfinv.images.ranges import to_uint8
from tfinv.results.load import load_results
from tfinv.results.store import Store

STAGES = ("latent", "dense", "conv2d_transpose")


def pictures() -> list[Picture]:
    made = [photos.pixels(k).astype(np.float32) / 255 for k in range(3)]
    sides = [np.kron(pixels, np.ones((2, 2, 1), np.float32)) for pixels in made]
    side = hierarchical.SIDE
    return [Picture(k, f"{k}.png", k, "", p[:side, :side]) for k, p in enumerate(sides)]


def invert(folder, stages=STAGES, **options) -> None:
    options = {"solver": "adam", "max_evaluations": 40, "batch_size": 2, **options}
    inverter = tfinv.Inverter(hierarchical.loaded(), stages, **options)
    with Store(folder, config_text="--seed=0\n") as store:
        invert_pictures(inverter, pictures(), store)


@pytest.fixture(scope="module", name="run")
def finished_run(tmp_path_factory):
    """A run that has optimised all there is."""
    folder = tmp_path_factory.mktemp("run") / "all"
    invert(folder, optimize=("code", "latent", "labels"))
    return folder


@functools.cache
def split(layer: str):
    return hierarchical.loaded().split(layer)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stored_row_draws_its_picture(run, stage):
    found = load_results(run, stage)
    assert found.label_weights.shape == (3, hierarchical.CLASSES)
    assert found.label_weights.dtype == np.float32
    assert list(found.labels) == found.classes == [0, 1, 2]
    drawn = split(stage).g2(found.codes, found.latents, found.label_weights).numpy()
    np.testing.assert_array_equal(to_uint8(np.clip(drawn, 0, 1)), to_uint8(found.images))
    targets = np.stack([picture.pixels for picture in pictures()])
    np.testing.assert_allclose(metrics.rmse(drawn, targets), found.rmse, atol=1e-6)


def test_each_stage_has_its_own_latents_and_weights(run):
    latent, dense, late = (load_results(run, stage) for stage in STAGES)
    np.testing.assert_array_equal(latent.codes, latent.latents)
    for before, after in ((latent, dense), (dense, late)):
        assert np.any(before.latents != after.latents)
        assert np.any(before.label_weights != after.label_weights)


@pytest.mark.parametrize("stage", ["dense", "conv2d_transpose"])
def test_a_stored_start_goes_on_from_the_stage_s_own_values(run, stage, tmp_path):
    start = stored_start(run, stage).start
    options = {"start": start, "optimize": ("code",), "max_evaluations": 1}
    invert(tmp_path / "next", (stage,), **options)
    before, after = load_results(run, stage), load_results(tmp_path / "next", stage)
    for name in ("codes", "latents", "label_weights", "images"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    np.testing.assert_allclose(after.rmse, before.rmse, atol=1e-6)


def test_a_stored_start_at_a_layer_without_codes_has_the_last_latents(run):
    last = load_results(run)
    start = stored_start(run, "Relu").start
    cut = split("Relu")
    np.testing.assert_array_equal(start.latents(cut, [0, 2], 0), last.latents[[0, 2]])
    np.testing.assert_array_equal(start.label_weights(cut, [1], 0), last.label_weights[[1]])
    assert start.codes(cut, [0], 0) is None


def test_without_weights_there_are_none(tmp_path):
    invert(tmp_path / "run", ("dense",), max_evaluations=2)
    found = load_results(tmp_path / "run")
    assert found.label_weights is None and list(found.labels) == [0, 1, 2]
    assert (
        stored_start(tmp_path / "run", "dense").start.label_weights(split("dense"), [0], 0) is None
    )


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
