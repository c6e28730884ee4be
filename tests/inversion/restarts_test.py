"""Restarts: who is tried again, what is kept, what it costs, and that nobody else decides it."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from tfinv.images.metrics import RECOVERED
from tfinv.inversion.restarts import restarted
from tfinv.inversion.result import StageResult

# What each image reaches, attempt by attempt: its loss is the square of its RMSE.
REACHES = {
    "at once": [0.01, 0.001, 0.001, 0.001],
    "at the second restart": [0.3, 0.2, 0.015, 0.001],
    "never": [0.3, 0.1, 0.2, 0.15],
    "best at first": [0.1, 0.2, 0.2, 0.2],
    "at its last restart": [0.5, 0.5, 0.5, 0.019],
    "failed": [np.nan, np.nan, np.nan, np.nan],
}
NAMES = list(REACHES)
RESTARTS = 3


def found(images, attempts) -> StageResult:
    """What the stage finds: the attempt's number is in every array, and it costs 10 + number."""
    rmse = np.array([REACHES[name][k] for name, k in zip(images, attempts, strict=True)])
    number = np.asarray(attempts, np.float32)
    return StageResult(
        layer="latent",
        codes=np.repeat(number[:, None], 4, 1),
        latents=np.repeat(number[:, None], 4, 1),
        images=np.tile(number[:, None, None, None], (1, 2, 2, 3)),
        rmse=rmse,
        losses=np.where(np.isfinite(rmse), rmse**2, np.inf).astype(np.float32),
        evaluations=10 + number.astype(np.int32),
        status=tuple(f"{name} {k}" for name, k in zip(images, attempts, strict=True)),
    )


def run(images, places: int, restarts: int = RESTARTS) -> tuple[StageResult, list[int]]:
    """The result, and how many places each call of the stage took."""
    calls = []

    def attempt(rows, attempts):
        assert len(rows) == len(attempts) <= places
        calls.append(len(rows))
        return found([images[row] for row in rows], attempts)

    return restarted(found(images, [0] * len(images)), restarts, places, attempt), calls


def test_each_image_keeps_its_best_and_pays_for_all_it_needed():
    best, _ = run(NAMES, places=6)
    expected = {  # number of the best attempt, and of the last that was needed
        "at once": (0, 0),
        "at the second restart": (2, 2),
        "never": (1, 3),
        "best at first": (0, 3),
        "at its last restart": (3, 3),
        "failed": (0, 0),
    }
    for row, name in enumerate(NAMES):
        kept, last = expected[name]
        assert best.status[row] == f"{name} {kept}"
        for array in (best.codes, best.latents, best.images):
            assert np.all(array[row] == kept), name
        np.testing.assert_equal(best.rmse[row], REACHES[name][kept])
        assert best.evaluations[row] == sum(10 + k for k in range(last + 1)), name


def test_a_picture_that_is_recovered_is_kept_whatever_its_prior_costs():
    def with_prior(numbers):
        made = found(["at the second restart"] * len(numbers), numbers)
        return dataclasses.replace(made, losses=1 + np.asarray(numbers, np.float32))

    best = restarted(with_prior([0]), 3, 1, lambda rows, numbers: with_prior(numbers))
    assert best.rmse[0] == REACHES["at the second restart"][2] < RECOVERED
    assert best.evaluations[0] == 10 + 11 + 12


@pytest.mark.parametrize("places", [6, 7, 11, 100])
def test_how_many_run_together_decides_nothing(places):
    best, calls = run(NAMES, places)
    for row, name in enumerate(NAMES):
        alone, _ = run([name], places=1)
        assert best.take([row]).status == alone.status
        for field in ("codes", "rmse", "losses", "evaluations"):
            np.testing.assert_array_equal(getattr(best, field)[row], getattr(alone, field)[0])
    if places == 100:  # room for all tries at once: four images have three each
        assert calls == [12]


def test_who_is_recovered_is_not_touched():
    first = found(["at once"] * 3, [0] * 3)
    best = restarted(first, RESTARTS, 3, lambda rows, attempts: pytest.fail("tried again"))
    np.testing.assert_array_equal(best.evaluations, first.evaluations)
    assert best.status == first.status and best.rmse.max() < RECOVERED


def test_no_restarts_is_the_first_attempt():
    best, calls = run(NAMES, places=6, restarts=0)
    assert calls == [] and best.status == found(NAMES, [0] * 6).status


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
