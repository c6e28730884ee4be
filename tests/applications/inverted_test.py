"""What a run has stored is taken up, or refused where it does not belong to the generator."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from generators import tiny

import tfinv
from tfinv.applications.codes import Codes, draw, join_codes
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.inverted import load_inverted
from tfinv.applications.pictures import read_pictures
from tfinv.errors import UserError
from tfinv.images.ranges import to_uint8
from tfinv.results.store import Store


@pytest.fixture(scope="module", name="saved")
def two_generators(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generators")
    return {"own": tiny.dcgan(folder / "own"), "other": tiny.dcgan(folder / "other", seed=1)}


@pytest.fixture(scope="module", name="run")
def finished_run(saved, tmp_path_factory):
    """Five samples inverted at the latent and at the dense layer."""
    folder = tmp_path_factory.mktemp("run") / "out"
    generator = tfinv.load_generator(saved["own"])
    inverter = tfinv.Inverter(generator, solver="adam", max_evaluations=20, batch_size=4)
    pictures = read_pictures(generator, ["sample:5"])
    identity = {"generator": generator.digest, "pictures": 5}
    with Store(folder, config_text="--seed=0\n", identity=identity) as store:
        invert_pictures(inverter, pictures, store)
    return folder


@pytest.fixture(name="generator")
def own_generator(saved):
    return tfinv.load_generator(saved["own"])


@pytest.mark.parametrize("stage", ["latent", "dense"])
def test_codes_draw_the_stored_pictures(run, generator, stage):
    inverted = load_inverted(run, generator, stage)
    assert inverted.split.layer.name.startswith(stage) or inverted.split.layer.dense
    drawn = draw(inverted.split, inverted.points, batch_size=2)
    np.testing.assert_array_equal(to_uint8(drawn), to_uint8(inverted.results.images))


def test_the_last_stage_is_the_default(run, generator):
    assert load_inverted(run, generator).results.stage == "dense"


def test_pictures_are_chosen_by_place_and_by_name_in_any_order(run, generator):
    everything = load_inverted(run, generator).results
    some = load_inverted(run, generator, pictures=[3, "sample-00001"]).results
    assert some.names == ["sample-00003", "sample-00001"]
    np.testing.assert_array_equal(some.codes, everything.codes[[3, 1]])


def test_a_picture_that_is_not_there_is_refused_with_those_that_are_near(run, generator):
    with pytest.raises(UserError, match=r"no picture 'sample-1'; it has 5, such as sample-0000"):
        load_inverted(run, generator, pictures=["sample-1"])
    with pytest.raises(UserError, match="no picture 9"):
        load_inverted(run, generator, pictures=[9])


def test_another_generator_is_refused(run, saved):
    with pytest.raises(UserError, match="was inverted with another generator"):
        load_inverted(run, tfinv.load_generator(saved["other"]))


def test_another_generator_is_noticed_without_its_digest(run, saved, tmp_path):
    for path in run.glob("codes-*.npz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"sample-00000 is drawn otherwise .*by [0-9]+ of 255"):
        load_inverted(tmp_path, tfinv.load_generator(saved["other"]))


def test_a_damaged_identity_is_one_line(run, generator, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"generator": 3}))
    with pytest.raises(UserError, match="is not what tfinv has written"):
        load_inverted(tmp_path, generator)


def test_points_are_taken_and_joined():
    points = Codes(np.arange(6.0).reshape(3, 2), np.ones((3, 4)), np.arange(3))
    both = join_codes([points.take([2]), points.take(slice(0, 2))])
    np.testing.assert_array_equal(both.codes, points.codes[[2, 0, 1]])
    np.testing.assert_array_equal(both.labels, [2, 0, 1])
    assert join_codes([points, points.replace(latents=None)]).latents is None


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
