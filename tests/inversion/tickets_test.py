"""Tries of an image: how often it is tried, what is kept, and what it costs."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from tfinv.images.metrics import RECOVERED
from tfinv.inversion.result import StageResult
from tfinv.inversion.tickets import Ticket

# What an image reaches, attempt by attempt: its loss is the square of its RMSE. Then the number of
# the best attempt, and of the last that is needed.
REACHES = {
    "at once": ([0.01, 0.001, 0.001, 0.001], 0, 0),
    "at the second restart": ([0.3, 0.2, 0.015, 0.001], 2, 2),
    "never": ([0.3, 0.1, 0.2, 0.15], 1, 3),
    "best at first": ([0.1, 0.2, 0.2, 0.2], 0, 3),
    "at its last restart": ([0.5, 0.5, 0.5, 0.019], 3, 3),
    "failed": ([np.nan, np.nan, np.nan, np.nan], 0, 0),
}
RESTARTS = 3


def found(rmse: float, number: int) -> StageResult:
    """What the stage finds: the attempt's number is in every array, and it costs 10 + number."""
    return StageResult(
        layer="latent",
        codes=np.full((1, 4), number, np.float32),
        latents=np.full((1, 4), number, np.float32),
        images=np.full((1, 2, 2, 3), number, np.float32),
        rmse=np.array([rmse]),
        losses=np.array([rmse**2 if np.isfinite(rmse) else np.inf], np.float32),
        evaluations=np.array([10 + number], np.int32),
        status=(f"try {number}",),
    )


def tried(reaches, restarts: int = RESTARTS, prior: bool = False, **more) -> Ticket:
    ticket = Ticket(0, 0, np.zeros((2, 2, 3), np.float32), None)
    while not ticket.found:
        result = found(reaches[ticket.attempt], ticket.attempt)
        if prior:  # the loss rises from attempt to attempt
            result = dataclasses.replace(result, losses=1 + result.codes[:, 0])
        ticket = ticket.tried(result, restarts, **more)
    return ticket


@pytest.mark.parametrize("name", REACHES)
def test_an_image_keeps_its_best_and_pays_for_all_it_needed(name):
    reaches, kept, last = REACHES[name]
    ticket = tried(reaches)
    [best] = ticket.found
    assert (best.status, ticket.attempt, ticket.best) == ((f"try {kept}",), last, None)
    for array in (best.codes, best.latents, best.images):
        assert np.all(array == kept)
    np.testing.assert_equal(best.rmse[0], reaches[kept])
    assert best.evaluations[0] == sum(10 + k for k in range(last + 1))


def test_a_picture_that_is_recovered_is_kept_whatever_its_prior_costs():
    reaches = REACHES["at the second restart"][0]
    [best] = tried(reaches, prior=True).found
    assert best.rmse[0] == reaches[2] < RECOVERED
    assert best.evaluations[0] == 10 + 11 + 12


def test_no_restarts_is_the_first_attempt():
    for reaches, _, _ in REACHES.values():
        assert tried(reaches, restarts=0).found[0].status == ("try 0",)


def test_weights_that_a_stage_has_found_take_the_place_of_a_label():
    ticket = Ticket(0, 0, np.zeros((2, 2, 3), np.float32), np.int32(1))
    assert ticket.weights_or_label == 1
    ticket = ticket.after(dataclasses.replace(found(0.1, 0), label_weights=np.float32([[0, 1]])))
    np.testing.assert_array_equal(ticket.weights_or_label, [0, 1])


def test_where_only_a_part_was_seen_all_tries_are_made_and_the_least_loss_is_kept():
    [best] = tried([0.01, 0.001, 0.015, 0.012], can_tell=False).found
    assert best.status == ("try 1",) and best.evaluations == [10 + 11 + 12 + 13]
    [best] = tried([0.01, 0.001, 0.015, 0.012], can_tell=False, prior=True).found
    assert best.status == ("try 0",)  # a smaller RMSE of what was seen says nothing of the rest
    [best] = tried([np.nan] * 4, can_tell=False).found
    assert best.evaluations == [10]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
