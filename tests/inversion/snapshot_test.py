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
