"""Slots and stages: nothing computed in vain, and nobody deciding another's result."""

from __future__ import annotations

import sys

import pytest
from inversion.mixed import COUNT, by_index, equal, inverter, is_hard, planted, tickets, whole


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


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
