"""The loop of a stage, called by several devices at once: traced once, and XLA judged once."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import tensorflow as tf
from generators import tiny

from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import Adam
from tfinv.inversion.stages import Stage

ROWS = (None, None, range(3))  # what tells how many rows there are


def stage() -> CompiledStage:
    plan = Stage("latent", Loss.parse("mse"), Adam(max_evaluations=3))
    return CompiledStage(plan, tiny.loaded().split("latent"))


def both(call):
    with ThreadPoolExecutor(2) as threads:
        return [future.result() for future in [threads.submit(call) for _ in range(2)]]


def test_two_devices_share_one_trace(monkeypatch):
    one, traced, met = stage(), [], threading.Barrier(2, timeout=0.5)

    def trace(*arguments):
        traced.append(arguments)
        with contextlib.suppress(threading.BrokenBarrierError):
            met.wait()  # if another can come here, it does
        return object()

    monkeypatch.setattr(one, "_trace", trace)
    first, second = both(lambda: one._loop({}, ROWS, True))
    assert first is second and len(traced) == 1


def test_two_devices_find_out_together_that_xla_cannot(monkeypatch):
    one, met = stage(), threading.Barrier(2)

    def loop(shapes, args, jit):
        def fail(*given):
            met.wait()
            raise tf.errors.InvalidArgumentError(None, None, "not compiled by XLA")

        return fail if jit else lambda *given: "slowly"

    monkeypatch.setattr(one, "_loop", loop)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert both(lambda: one._call({}, ROWS)) == ["slowly"] * 2
    assert ["XLA cannot compile" in str(warning.message) for warning in said] == [True]
    assert one._call({}, ROWS) == "slowly"


def test_a_fault_of_a_loop_that_xla_has_compiled_is_a_fault(monkeypatch):
    one, faults = stage(), []

    def run(*given):
        if faults:
            raise faults[0]
        return "done"

    monkeypatch.setattr(one, "_loop", lambda shapes, args, jit: run)
    assert one._call({}, ROWS) == "done"
    faults.append(tf.errors.InvalidArgumentError(None, None, "XLA says that a shape is wrong"))
    with pytest.raises(tf.errors.InvalidArgumentError):
        one._call({}, ROWS)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
