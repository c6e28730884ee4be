"""Slots: nothing computed in vain, nobody deciding another's result, and work that can be kept."""

from __future__ import annotations

import dataclasses
import functools
import sys

import numpy as np
import pytest
import tensorflow as tf
from generators import tiny
from results import fakes

import tfinv
from tfinv.inversion.losses import Loss
from tfinv.inversion.snapshot import pack, pack_tickets, unpack, unpack_tickets
from tfinv.inversion.solvers import Adam
from tfinv.inversion.solvers.base import Status, unconstrained
from tfinv.inversion.stages import Stage
from tfinv.inversion.starts import stored
from tfinv.inversion.tickets import Ticket

COUNT = 44


@dataclasses.dataclass(frozen=True)
class Content(Adam):
    """Adam that ends after ten evaluations where the picture is drawn already."""

    def step(self, state, evaluate, constrain=unconstrained):
        after = super().step(state, evaluate, constrain)
        content = (after.best_loss < 1e-6) & (after.evaluations >= 10)
        ended = content & (after.status == int(Status.RUNNING))
        return after._replace(status=tf.where(ended, int(Status.CONVERGED), after.status))


@functools.cache
def planted() -> tuple[np.ndarray, np.ndarray]:
    """Pictures and where each starts: the generator's own at their answer, and photographs."""
    generator = tiny.loaded()
    starts = generator.sample_latents(COUNT, 3)
    images = generator(starts).numpy()
    for k in filter(is_hard, range(COUNT)):
        images[k] = fakes.smooth(np.random.default_rng(k), tiny.SIDE)
    return images, starts


def is_hard(index: int) -> bool:
    return index % 11 in (0, 5, 7)


@functools.cache
def inverter(stages=("latent",), size: int = 4, **options) -> tfinv.Inverter:
    if not options:
        options["start"] = stored(planted()[1])
        mse = Loss.of("mse")
        stages = [Stage(layer, mse, Content(max_evaluations=150)) for layer in stages]
    return tfinv.Inverter(tiny.loaded(), stages, batch_size=size, **options)


def tickets(rows=range(COUNT), first: int = 0):
    images = planted()[0]
    for row in rows:
        if row >= first:
            yield Ticket(row, row, images[row], None, {"name": f"{row}.png"})


def by_index(done) -> dict[int, Ticket]:
    done = list(done)
    found = {ticket.index: ticket for ticket in done}
    assert len(found) == len(done)
    return found


@functools.cache
def whole(stages=("latent",)) -> dict[int, Ticket]:
    return by_index(inverter(stages).pipeline(tickets()).run())


def equal(one: Ticket, other: Ticket) -> bool:
    """Bit for bit."""
    return all(
        np.array_equal(a.codes, b.codes)
        and np.array_equal(a.images, b.images)
        and (a.rmse, a.evaluations, a.status) == (b.rmse, b.evaluations, b.status)
        for a, b in zip(one.found, other.found, strict=True)
    )


@pytest.mark.parametrize("stages", [("latent",), ("latent", "dense")])
def test_easy_and_hard_images_together_waste_a_tenth_at_most(stages):
    images, _ = planted()
    result = inverter(stages).run(images)
    spending, evaluations = result.spending, result.stages[0].evaluations
    assert {*evaluations[::11], *evaluations[1::11]} == {150, 10}
    assert spending.used == result.evaluations.sum()
    assert spending.wasted <= 0.1 * spending.computed


def test_a_batch_at_a_time_would_waste_most():
    """What the slots are for: the same images, four by four, each group waiting for its slowest."""
    found = inverter().run(planted()[0]).evaluations.reshape(-1, 4)
    assert found.sum() < 0.5 * 4 * found.max(1).sum()


def test_an_image_that_is_done_does_not_wait_for_others():
    done = [ticket.index for ticket in inverter().pipeline(tickets()).run()]
    assert sorted(done) == list(range(COUNT))
    first_hard = next(place for place, index in enumerate(done) if is_hard(index))
    assert first_hard > 2 * 3


def test_neither_neighbours_nor_slots_decide_a_result():
    """On a CPU not one bit, because every row goes through the same instructions."""
    rows = [40, 3, 8, 9, 0, 17, 4, 2]
    for index, ticket in by_index(inverter().pipeline(tickets(rows)).run()).items():
        assert equal(ticket, whole()[index]), index


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


@functools.cache
def whole_spending(stages):
    pipeline = inverter(stages).pipeline(tickets())
    list(pipeline.run())
    return pipeline.spending


def test_memory_holds_no_more_images_than_there_are_slots_and_queues():
    taken = []

    def counted():
        for ticket in tickets():
            taken.append(ticket.index)
            yield ticket

    pipeline, finished = inverter(("latent", "dense")).pipeline(counted()), 0
    while (done := pipeline.step()) is not None:
        finished += len(done)
        assert len(taken) - finished <= 4 * 4


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
