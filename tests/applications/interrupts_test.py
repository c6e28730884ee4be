"""Interrupts: raised at once, or kept where somebody holds them off, and never lost there."""

from __future__ import annotations

import sys

import pytest

from tfinv.applications.interrupts import deliver, held_off


def test_nobody_holds_it_off():
    with pytest.raises(KeyboardInterrupt):
        deliver(KeyboardInterrupt())


def test_it_waits_until_it_is_asked_for():
    steps = []
    with pytest.raises(KeyboardInterrupt), held_off() as check:
        check()
        deliver(KeyboardInterrupt())
        steps.append("after it")
        check()
        steps.append("never")
    assert steps == ["after it"]
    with held_off() as check:  # nothing is left of it
        check()


def test_it_waits_until_the_end_of_the_block():
    steps = []
    with pytest.raises(KeyboardInterrupt), held_off():
        deliver(KeyboardInterrupt())
        steps.append("the end")
    assert steps == ["the end"]
    with pytest.raises(KeyboardInterrupt):
        deliver(KeyboardInterrupt())


def test_a_fault_goes_before_it():
    with pytest.raises(ZeroDivisionError), held_off():
        deliver(KeyboardInterrupt())
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt):
        deliver(KeyboardInterrupt())


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
