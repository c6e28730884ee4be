"""Easy and hard images together, whose results are known."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import tensorflow as tf
from generators import tiny
from results import fakes

import tfinv
from tfinv.inversion.losses import Loss
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
