"""The batch size: measured only where it pays, larger only where that is faster."""

from __future__ import annotations

import sys

import pytest
from generators import tiny

import tfinv
from tfinv.inversion import batch_size as subject
from tfinv.inversion.batch_size import choose_batch_size


def inverter(conditional: bool = False) -> tfinv.Inverter:
    return tfinv.Inverter(tiny.loaded(conditional), solver="adam", max_evaluations=3)


@pytest.mark.parametrize(("count", "size"), [(1, 1), (5, 5), (16, 16), (100, 16)])
def test_few_pictures_are_not_worth_a_measurement(monkeypatch, count, size):
    monkeypatch.setattr(subject, "_seconds_a_step", lambda *arguments: pytest.fail("measured"))
    assert choose_batch_size(inverter(), count) == size


@pytest.mark.parametrize(
    ("seconds", "count", "size"),
    [
        (lambda size: 1e-3 + 1e-4 * size, 10_000, 128),  # a quarter less for each from 128 to 512
        (lambda size: 1e-3 + 1e-6 * size, 10_000, 512),  # hardly more for many than for few
        (lambda size: 1e-3 + 1e-6 * size, 300, 32),  # too few pictures for 128 slots
        (lambda size: 1e-2 * size, 10_000, 2),  # no gain at all
        (lambda size: 0.4 + 0.1 * size, 10_000, 2),  # so slow that the device is busy
        (lambda size: 0.2 + 0.05 * size, 10_000, 8),
    ],
)
def test_larger_only_while_it_is_faster(monkeypatch, seconds, count, size):
    monkeypatch.setattr(subject, "_seconds_a_step", lambda inverter, rows: seconds(rows))
    assert choose_batch_size(inverter(), count) == size


@pytest.mark.parametrize("conditional", [False, True])
def test_it_is_measured_on_the_stage_that_is_run(conditional):
    one = inverter(conditional)
    assert 0 < subject._seconds_a_step(one, 2) < 5
    [(key, _)] = one.last_stage._loops.items()
    assert key[1] == 2  # the loop of that size is there now


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
