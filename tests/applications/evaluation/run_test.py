"""A whole evaluation with the tiny generator: nothing twice, nothing lost, the right numbers."""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import pytest
from applications import photos
from generators import tiny

from tfinv.applications.evaluation.run import Evaluation
from tfinv.applications.evaluation.sets import parse_sets
from tfinv.applications.evaluation.summary import sum_up
from tfinv.errors import UserError
from tfinv.results.folder import make_folder
from tfinv.results.load import iterate_results, load_results
from tfinv.results.progress import Progress
from tfinv.results.shards import read_rows

QUICK = {"solver": "adam", "max_evaluations": [10], "batch_size": 3}


class Cut(Exception):
    pass


def run(folder, evaluation, stop_after=None, overwrite=False):
    """Runs an evaluation; returns its numbers and how many pictures each update told of."""
    told = []

    class Counted(Progress):
        def update(self, batch):
            super().update(batch)
            told.append(batch.images)
            if len(told) == stop_after:
                raise Cut

    make_folder(folder)
    with contextlib.ExitStack() as stack:
        stores = evaluation.open(
            folder, lambda one, layers: f"--x={layers}\n", stack, overwrite=overwrite
        )
        with Counted(evaluation.images, stream=sys.stderr) as progress:
            evaluation.run(stores, progress)
        return sum_up(evaluation, stores), told


def codes(folder) -> dict:
    return {(r.index, r.name): r.code for r in iterate_results(folder)}


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("photos")
    photos.write(folder, {**photos.good(4), "torn.png": b"no picture"})
    return f"mine={folder}"


@pytest.fixture(scope="module")
def make(images):
    made = {}

    def make(count=5, layers=("latent", "dense")) -> Evaluation:
        key = count, layers
        if key not in made:  # compiled once
            sets = parse_sets([images, "samples=sample:4"])
            made[key] = Evaluation(tiny.loaded(), sets, layers, count=count, **QUICK)
        return made[key]

    return make


def test_cut_short_it_goes_on_and_does_nothing_twice(make, tmp_path):
    whole, told = run(tmp_path / "whole", make())
    assert sum(told) == 2 * (5 + 4) and not whole.partial and whole.failed == 1
    with pytest.raises(Cut):
        run(tmp_path / "cut", make(), stop_after=3)
    shards = (tmp_path / "cut").glob("*/*/codes-*.npz")
    done = {(path.parent, row.index) for path in shards for row in read_rows(path)}
    assert sum(told[:3]) <= len(done) < sum(told)
    again, rest = run(tmp_path / "cut", make())
    assert sum(rest) == sum(told) - len(done)
    for key, cell in whole.cells.items():
        np.testing.assert_array_equal(cell.values["rmse"], again.cells[key].values["rmse"])
    assert run(tmp_path / "cut", make())[1] == []
    # The dense code starts at the latent's, so it draws no worse a picture than that.
    for name in ("mine", "samples"):
        latent, dense = (whole.cells[name, layer].values["rmse"] for layer in whole.layers)
        assert (dense <= latent + 1e-6).all()
    assert whole.cells["mine", "dense"].failed == 1 and whole.cells["mine", "dense"].count == 4
    assert [row.name for row in iterate_results(tmp_path / "cut/mine/dense") if row.failed] == [
        "torn.png"
    ]


def test_a_larger_count_does_only_what_is_new(make, tmp_path):
    _, told = run(tmp_path, make(count=3))
    assert sum(told) == 2 * (3 + 3)
    before = codes(tmp_path / "samples" / "dense")
    many, told = run(tmp_path, make(count=5))
    assert sum(told) == 2 * (2 + 1) and many.cells["mine", "latent"].images == 5
    after = codes(tmp_path / "samples" / "dense")
    assert all(np.array_equal(after[key], code) for key, code in before.items())
    # A smaller count again speaks of the same pictures as before.
    assert run(tmp_path, make(count=3))[0].cells["mine", "dense"].images == 3


def test_each_start_of_later_layers(tmp_path):
    sets, mean, latents = parse_sets(["s=sample:2"]), {}, []
    for start in ("previous", "latent", "generated"):
        layers = ("latent", "dense", "open") if start == "previous" else ("latent", "open")
        evaluation = Evaluation(tiny.loaded(), sets, layers, later_start=start, **QUICK)
        evaluated, _ = run(tmp_path / start, evaluation)
        mean[start] = [evaluated.cells["s", layer].mean("rmse") for layer in layers]
        latents.append(load_results(tmp_path / start / "s" / "open").latents)
    assert mean["previous"][0] == mean["latent"][0] == mean["generated"][0]
    assert mean["previous"][0] > mean["previous"][1] > mean["previous"][2]
    assert mean["previous"][2] < mean["latent"][1] < mean["generated"][1]
    np.testing.assert_array_equal(latents[0], latents[1])
    assert not np.array_equal(latents[0], latents[2])


def test_restarts_are_the_first_layers(tmp_path):
    sets = parse_sets(["s=sample:2"])
    evaluation = Evaluation(tiny.loaded(), sets, ["latent", "open"], restarts=2, **QUICK)
    evaluated, _ = run(tmp_path, evaluation)
    spent = [evaluated.cells["s", layer].mean("evaluations") for layer in evaluated.layers]
    assert spent == [30, 10]


def test_another_layer_and_another_set_are_added_to_what_is_there(make, tmp_path):
    sets = parse_sets(["s=sample:2"])
    run(tmp_path, Evaluation(tiny.loaded(), sets, ["latent"], **QUICK))
    more = Evaluation(
        tiny.loaded(), [*sets, *parse_sets(["n=noise:1"])], ["latent", "open"], **QUICK
    )
    evaluated, told = run(tmp_path, more)
    assert sum(told) == 2 + 1 + 1 and evaluated.cells["n", "open"].images == 1


def test_cells_of_another_run_are_refused_before_anything_is_computed(make, tmp_path):
    run(tmp_path, make(count=3))
    other = make(count=3, layers=("dense",))
    with pytest.raises(UserError, match="holds a different run"):
        run(tmp_path, other)
    assert run(tmp_path, other, overwrite=True)[1] == [3, 3]


def test_a_set_of_which_nothing_can_be_read(make, tmp_path):
    (tmp_path / "torn.png").write_bytes(b"no picture")
    sets = parse_sets([f"torn={tmp_path / 'torn.png'}"])
    evaluated, _ = run(tmp_path / "out", Evaluation(tiny.loaded(), sets, **QUICK))
    assert evaluated.failed == 1 and evaluated.verdict.trusted is None
    assert np.isnan(evaluated.cells["torn", "dense"].mean("rmse"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": ["open", "dense"]}, "cannot follow"),
        ({"layers": ["nonsense"]}, "nonsense"),
        ({"layers": ["dense"], "later_start": "best"}, "not one of open"),
        ({"max_evaluations": [1, 2, 3]}, "3 budgets do not fit 2"),
        ({"layers": ["latent"], "loss": "mse + 1e-6*delta"}, "delta"),
        ({"optimize": ["code", "latent"]}, "latent"),
    ],
)
def test_what_does_not_fit_together(options, words):
    with pytest.raises(UserError, match=words):
        Evaluation(tiny.loaded(), parse_sets(["s=sample:2"]), **{**QUICK, **options})


def test_wishes_that_only_some_layers_fulfil_are_wishes_there():
    loss = "mse + 1e-3*likelihood + 1e-6*delta"
    evaluation = Evaluation(tiny.loaded(), parse_sets(["s=sample:2"]), loss=loss, **QUICK)
    terms = {
        layer: [term.name for term in inverter._stages[0].objective.loss.terms]
        for layer, inverter in evaluation._inverters.items()
    }
    assert terms == {"latent": ["mse", "likelihood"], "dense": ["mse", "delta"]}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
