"""Snapshots: work that goes on from what was kept goes on as if it had never stopped."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from inversion.mixed import by_index, equal, inverter, planted, tickets, whole

from tfinv.inversion.snapshot import pack, pack_tickets, unpack, unpack_tickets
from tfinv.inversion.tickets import Ticket


@functools.cache
def whole_spending(stages):
    pipeline = inverter(stages).pipeline(tickets())
    list(pipeline.run())
    return pipeline.spending


@pytest.mark.parametrize("stages", [("latent",), ("latent", "dense")])
@pytest.mark.parametrize("steps", [0, 1, 7, 20])
def test_work_goes_on_from_what_was_kept_as_if_it_had_never_stopped(stages, steps):
    one = inverter(stages).pipeline(tickets())
    done = [ticket for _ in range(steps) for ticket in one.step()]
    frozen = one.freeze()
    kept = {name: value.copy() for name, value in pack(frozen).items()}
    assert one.step() is not None  # what goes on changes nothing of it
    seen = [ticket.index for ticket in done]
    held = frozen.tickets
    first = max([*seen, *(ticket.index for ticket in held), -1]) + 1
    other = inverter(stages).pipeline(tickets(first=first))
    other.restore(unpack(kept, other))
    found = by_index([*done, *other.run()])
    assert found.keys() == whole(stages).keys()
    assert all(equal(found[index], ticket) for index, ticket in whole(stages).items())
    assert other.spending == whole_spending(stages)
    assert all(ticket.about == {"name": f"{index}.png"} for index, ticket in found.items())


def test_restarts_are_kept_too():
    options = {"start": "prior", "restarts": 2, "max_evaluations": 12}
    recovering = inverter(("latent", "dense"), 3, **options)
    found = by_index(recovering.pipeline(tickets(range(9))).run())
    one = recovering.pipeline(tickets(range(9)))
    done = [ticket for _ in range(6) for ticket in one.step()]
    frozen = one.freeze()
    held = frozen.tickets
    assert any(ticket.attempt for ticket in held)
    other = recovering.pipeline(tickets(range(9), 1 + max(t.index for t in [*held, *done])))
    other.restore(unpack(pack(frozen), other))
    again = by_index([*done, *other.run()])
    assert again.keys() == found.keys()
    assert all(equal(again[index], found[index]) for index in found)


@functools.cache
def kept():
    pipeline = inverter(("latent",), 3, start="prior", solver="lbfgs").pipeline(tickets())
    pipeline.step()
    return pipeline, pack(pipeline.freeze())


def test_what_a_solver_keeps_has_names():
    _, arrays = kept()
    assert arrays["0/state/loss"].shape == (3,)
    assert arrays["0/state/curvature/steps"].shape[0] == 3
    assert arrays["0/state/curvature/count"].dtype == np.int32


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("0/state/loss", lambda value: value.astype(np.float64)),
        ("0/state/loss", lambda value: value[:1]),  # one number, which could be for all rows
        ("0/state/loss", lambda value: value[0]),
        ("0/state/code", lambda value: value.reshape(-1)),
        ("0/state/fresh", lambda value: value.astype(np.int32)),
        ("0/state/curvature/count", lambda value: value.astype(np.int64)),
        ("0/anchor", lambda value: value[:1]),
        ("0/latents", lambda value: value[:1]),
        ("0/keys", lambda value: value.astype(np.int64)),
        ("0/spent", lambda value: value[:1]),
    ],
)
def test_what_does_not_fit_exactly_is_refused(name, change):
    pipeline, arrays = kept()
    unpack(arrays, pipeline)
    with pytest.raises(ValueError, match=name.removeprefix("0/")):
        unpack({**arrays, name: change(arrays[name])}, pipeline)


def test_what_another_solver_keeps_is_refused():
    pipeline, arrays = kept()
    with pytest.raises(ValueError, match="state/momentum is nothing"):
        unpack({**arrays, "0/state/momentum": arrays["0/state/loss"]}, pipeline)
    less = {name: value for name, value in arrays.items() if name != "0/state/slope"}
    with pytest.raises(KeyError):
        unpack(less, pipeline)


def test_tickets_come_back_as_they_were():
    given = [Ticket(k, 10 + k, planted()[0][k], np.int32(k), {"name": "é", "n": k}) for k in (1, 2)]
    for one, other in zip(given, unpack_tickets(pack_tickets(given)), strict=True):
        assert (one.place, one.index, one.label, one.about) == (
            other.place,
            other.index,
            other.label,
            other.about,
        )
        np.testing.assert_array_equal(one.target, other.target)
    assert unpack_tickets(pack_tickets([])) == []


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
