"""Open units along an optimisation, against the weights of the generator themselves."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from applications.studies import setups
from generators import tiny

from tfinv.applications.studies import open_relus
from tfinv.errors import UserError
from tfinv.inversion.starts import find_start

OPTIONS = {"latent_evaluations": 10, "max_evaluations": 60}


@functools.cache
def done() -> dict:
    """The arms of the study that the tests below look at."""
    setup = setups.setup(**OPTIONS)
    wanted = ("latent", "generated start", "positive start", "after the latent")
    arms = {arm.name: arm for arm in open_relus.arms(setup) if arm.name in wanted}
    return {name: arm.make()(setups.pictures(), setups.quiet) for name, arm in arms.items()}


def test_every_start_meets_both_gradients_once():
    names = [arm.name for arm in open_relus.arms(setups.setup(**OPTIONS))]
    assert names[0] == "latent" and len(names) == len(set(names)) == 7
    assert sum("modified gradient" in name for name in names) == 3


def test_the_relu_behind_a_cut_is_the_next_one():
    generator = tiny.loaded()
    relu = open_relus.relu_behind(generator, generator.split("latent"))
    assert relu.layer.op == "Relu" and relu.code_shape == (4, 4, 16)
    assert open_relus.relu_behind(generator, generator.split("dense")).layer == relu.layer
    with pytest.raises(UserError, match="no ReLU behind"):
        open_relus.relu_behind(generator, relu)


def test_curves_begin_where_the_starts_are():
    made, split = tiny.Dcgan(), tiny.loaded().split("dense")
    indices = setups.pictures().indices
    z = find_start("generated").latents(split, indices, 0)
    h = z @ made.w.numpy() + made.b.numpy()
    generated = done()["generated start"]
    np.testing.assert_allclose(generated["open"][:, 0], (h > 0).mean(1), atol=1e-6)
    drawn = (made.plain(z)["image"].numpy() + 1) / 2
    rmse = np.sqrt(np.square(drawn - setups.pictures().images).mean((1, 2, 3)))
    np.testing.assert_allclose(generated["path"][:, 0], rmse, rtol=1e-4)
    np.testing.assert_array_equal(done()["positive start"]["open"][:, 0], 1.0)


def test_curves_end_where_the_pictures_do():
    for arrays in done().values():
        assert arrays["open"].shape == arrays["path"].shape == (setups.COUNT, 4)
        # The curve has where the optimisation is, which is no better than the best it has seen.
        assert (arrays["path"][:, -1] >= arrays["rmse"] - 1e-4).all()
        assert (arrays["path"][:, -1] < arrays["path"][:, 0]).all()


def test_an_arm_after_the_latent_spends_no_more():
    assert (done()["after the latent"]["evaluations"] <= 60).all()
    with pytest.raises(UserError, match="lower --latent_evaluations"):
        open_relus.arms(setups.setup(latent_evaluations=60, max_evaluations=60))


def test_curves_are_held_between_points_and_after_an_early_end():
    np.testing.assert_array_equal(open_relus.grid(60), [0, 25, 50, 60])
    np.testing.assert_array_equal(open_relus.grid(50), [0, 25, 50])


def test_findings_have_a_row_and_a_line_for_each_arm():
    found = open_relus.findings(setups.setup(**OPTIONS), done())
    assert [row[0] for row in found.table.rows] == list(done())
    assert len(found.curves.rows) == 4 * len(done())
    made, z = tiny.Dcgan(), tiny.loaded().sample_latents(256, 0)
    usual = 100 * ((z @ made.w.numpy() + made.b.numpy()) > 0).mean()
    assert found.facts["open_of_generated_pictures_percent"] == pytest.approx(usual, abs=0.01)


def test_a_picture_that_failed_is_in_no_mean():
    arrays = done()["latent"]
    torn = {key: array.copy() for key, array in arrays.items()}
    torn["rmse"][0] = torn["path"][0] = np.nan
    torn["open"][0] = 0.0
    [row] = open_relus.findings(setups.setup(**OPTIONS), {"latent": torn}).table.rows
    rest = arrays["open"][1:].mean(0)
    assert row[1:5] == pytest.approx(
        (100 * rest[0], 100 * rest.min(), 100 * rest[-1], arrays["rmse"][1:].mean())
    )


def test_labels_that_are_read_behind_the_cut_decide_what_is_open():
    setup = setups.setup(True, **OPTIONS)
    arm = next(arm for arm in open_relus.arms(setup) if arm.name == "generated start")
    arrays = arm.make()(setup.pictures, setups.quiet)
    made, split = tiny.Dcgan(), setup.generator.split("dense")
    z = find_start("generated").latents(split, setup.pictures.indices, 0)
    h = (z @ made.w.numpy() + made.b.numpy()).reshape(-1, 4, 4, 16)
    gains = made.gains.numpy()[setup.pictures.labels][:, None, None]
    opened = (h * gains > 0).reshape(setups.COUNT, -1).mean(1)
    np.testing.assert_allclose(arrays["open"][:, 0], opened, atol=1e-6)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
