"""The numbers of a cell, against NumPy's."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from results import fakes
from results.evaluation import made

from tfinv.results.evaluation.cells import cell_of


def test_mean_spread_and_error_are_those_of_the_wanted_pictures():
    rows = [row for row in fakes.batch(0, 9) if row.stage == "dense"]
    there = [row for row in rows if row.index in (1, 4, 5, 8)]
    cell = cell_of(reversed(rows), "photos", "dense", {1, 4, 5, 8, 20}, 3.0)
    for name in ("rmse", "psnr", "ssim"):
        values = [getattr(row, name) for row in there]
        np.testing.assert_array_equal(cell.values[name], values)
        assert cell.mean(name) == pytest.approx(np.mean(values))
        assert cell.sd(name) == pytest.approx(np.std(values))
        assert cell.error(name) == pytest.approx(np.std(values, ddof=1) / np.sqrt(4))
    assert (cell.images, cell.wanted, cell.failed, cell.count) == (4, 5, 0, 4)
    assert cell.partial and cell.seconds == 3.0


def test_failed_pictures_are_counted_and_in_no_mean():
    rows = [*fakes.batch(0, 2), *fakes.failed(2)]
    rows = [row for row in rows if row.stage == "latent"]
    cell = cell_of(rows, "photos", "latent", {0, 1, 2}, 0.0)
    assert (cell.images, cell.failed, cell.count, cell.partial) == (3, 1, 2, False)
    assert np.isfinite(cell.mean("rmse"))


def test_what_is_recovered_is_below_two_hundredths():
    assert made.cell("a", "latent", [0.0199, 0.02, 0.0, 0.3]).recovered == 0.5


def test_a_cell_of_nothing_has_no_numbers():
    cell = made.cell("a", "latent", [], failed=2)
    assert all(math.isnan(x) for x in (cell.mean("rmse"), cell.sd("rmse"), cell.recovered))
    assert math.isnan(made.cell("a", "latent", [0.1]).error("rmse"))
    assert cell.by_class() == {}


def test_classes_part_a_cell():
    cell = made.cell("a", "latent", [0.1, 0.2, 0.3, 0.4], labels=[7, None, 7, 0])
    parts = cell.by_class()
    assert list(parts) == [0, 7]
    np.testing.assert_array_equal(parts[7].values["rmse"], [0.1, 0.3])
    assert parts[7].count == 2 and parts[0].mean("ssim") == pytest.approx(0.6)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
