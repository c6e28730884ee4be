"""The batch size: measured only where it pays, larger only where that is faster."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf
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


@pytest.mark.parametrize(("fits", "size"), [(2, 2), (32, 32), (600, 512)])
def test_a_size_for_which_there_is_no_memory_is_not_taken(monkeypatch, fits, size):
    def seconds(inverter, rows):
        if rows > fits:
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        return 1e-3

    monkeypatch.setattr(subject, "_seconds_a_step", seconds)
    assert choose_batch_size(inverter(), 10_000) == size


def test_no_memory_for_the_smallest_size_is_a_fault(monkeypatch):
    def seconds(inverter, rows):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    monkeypatch.setattr(subject, "_seconds_a_step", seconds)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        choose_batch_size(inverter(), 10_000)


def test_it_is_measured_where_it_will_be_run(monkeypatch):
    entered, device = [], tf.device
    monkeypatch.setattr(tf, "device", lambda name: entered.append(name) or device(name))
    monkeypatch.setattr(subject, "_seconds_a_step", lambda inverter, rows: float(rows))
    assert choose_batch_size(inverter(), 128, "/CPU:0") == 2
    assert set(entered) == {"/CPU:0"}


@pytest.mark.parametrize("conditional", [False, True])
def test_it_is_measured_on_the_stage_that_is_run(monkeypatch, conditional):
    """On a clock of its own, on which every step takes as long."""
    one, steps, now = inverter(conditional), [], [0.0]
    advance = one.last_stage.advance

    def ticking(state, batch, frontier, leave, most):
        steps.append(most)
        now[0] += 0.01 * most
        assert len(batch.anchor) == 2
        return advance(state, batch, frontier, leave, most)

    monkeypatch.setattr(one.last_stage, "advance", ticking)
    monkeypatch.setattr(subject, "time", SimpleNamespace(monotonic=lambda: now[0]))
    assert subject._seconds_a_step(one, 2) == pytest.approx(0.01)
    assert steps[:2] == [1, 1] and steps[2] > 1
    [(key, _)] = one.last_stage._loops.items()
    assert key[1] == 2  # the loop of that size is there now


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
