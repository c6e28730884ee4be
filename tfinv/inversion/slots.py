"""The slots of one stage: the rows that its compiled loop works on, an image in each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.generators.split import Split
from tfinv.inversion.begin import Standing, begin
from tfinv.inversion.loop import STEPS_A_CALL, CompiledStage
from tfinv.inversion.result import Spending, StageResult
from tfinv.inversion.solvers.base import Status
from tfinv.inversion.stages import Batch
from tfinv.inversion.starts import Start, nth_seed
from tfinv.inversion.tickets import Ticket
from tfinv.inversion.unknowns import CODE, take_apart

__all__ = ["References", "Rows", "Slots", "are_weights"]

References = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]


@dataclass(frozen=True)
class Rows:
    """What is in the slots of a stage; nothing of it is ever changed in place.

    Attributes:
      tickets: whose row each is; None if it is free.
      batch: see `Batch`; its start is not kept. None, as the state, before the first image.
      state: the solver's.
      spent: int32 [B], evaluations before the first step.
    """

    tickets: tuple[Ticket | None, ...]
    batch: Batch | None
    state: Any
    spent: np.ndarray

    @staticmethod
    def empty(size: int) -> Rows:
        """So many free ones."""
        return Rows((None,) * size, None, None, np.zeros(size, np.int32))


class Slots:
    """Works on as many images at once as there are slots; whose image is done is free for another.

    The loop is compiled for this one number of rows. What is done for an image when it comes and
    when it goes (its start, its picture) is done for `step` images at a time, so that these have
    one shape too, whoever comes and goes.

    Args:
      stage: what is done here.
      start: where its images start.
      size: how many slots.
      seed: of starts.
      references: what the losses keep of targets; see `Loss.references`.
      before: the cut of the stage before, None if this is the first.
    """

    def __init__(
        self,
        stage: CompiledStage,
        start: Start,
        size: int,
        seed: int,
        references: References,
        before: Split | None = None,
    ):
        self.stage, self.size, self.step = stage, size, max(1, size // 8)
        self._start, self._seed = start, seed
        self._references, self._before = references, before
        self._frontier: tuple[tf.Tensor, ...] = ()
        self._most = STEPS_A_CALL
        self.rows = Rows.empty(size)
        self.spending = Spending()

    @property
    def occupied(self) -> int:
        """How many slots have an image."""
        return sum(ticket is not None for ticket in self.rows.tickets)

    @property
    def state(self) -> Any:
        """The solver's."""
        return self.rows.state

    def restore(self, rows: Rows) -> None:
        """Goes on with rows that were taken out of slots of the same stage, as many."""
        self.rows = rows
        if rows.batch is not None:
            self._frontier = self.stage.frontier(rows.batch)

    def fill(self, tickets: Sequence[Ticket]) -> None:
        """Gives images, no more than there are free slots, the first of these."""
        if not tickets:
            return
        old = self.rows
        free = [slot for slot, ticket in enumerate(old.tickets) if ticket is None]
        came = dict(zip(free, range(len(tickets)), strict=False))
        batch, state, spent = self._begun(tickets)
        where = np.asarray([slot in came for slot in range(self.size)])
        source = np.asarray([came.get(slot, 0) for slot in range(self.size)])
        merge = _Merge(where, source, old.batch is None)
        state = tf.nest.map_structure(merge, state if old.state is None else old.state, state)
        there = old.batch or batch
        merged = {
            name: merge(getattr(there, name), getattr(batch, name))
            for name in ("targets", "latents", "labels", "anchor", "keys")
        }
        references = {k: merge(there.references[k], new) for k, new in batch.references.items()}
        placed = [
            tickets[came[slot]] if slot in came else ticket
            for slot, ticket in enumerate(old.tickets)
        ]
        # Rows that nobody has are copies of others, and must not run.
        taken = np.asarray([ticket is not None for ticket in placed])
        status = tf.where(taken, state.status, int(Status.BUDGET))
        self.rows = Rows(
            tuple(placed),
            Batch(**merged, start=merged["anchor"], references=references),
            state._replace(status=status),
            np.where(where, spent, old.spent).astype(np.int32),
        )
        self._frontier = self.stage.frontier(self.rows.batch)

    @property
    def ended(self) -> int:
        """How many slots have no image, or one that is done."""
        if self.state is None:
            return self.size
        return int((self.state.status.numpy() != int(Status.RUNNING)).sum())

    def advance(self, leave: int, seconds: float | None = None) -> None:
        """Goes on for a few dozen steps.

        Args:
          leave: ends as soon as `ended` is that.
          seconds: takes fewer steps at a time if they take longer than that.
        """
        rows, began = self.rows, time.monotonic()
        before = int(rows.state.evaluations.numpy().sum())
        state, steps = self.stage.advance(rows.state, rows.batch, self._frontier, leave, self._most)
        used = int(state.evaluations.numpy().sum()) - before
        self.spending += Spending(steps * self.size, used)
        self.rows = replace(rows, state=state)
        if seconds is not None:
            fit = seconds * max(steps, 1) / (time.monotonic() - began + 1e-9)
            self._most = int(min(max(fit, 1), STEPS_A_CALL))

    def release(self) -> list[tuple[Ticket, StageResult]]:
        """Takes out the images that are done, with one row each, and frees their slots."""
        rows, status = self.rows, self.state.status.numpy()
        done = [
            slot
            for slot, ticket in enumerate(rows.tickets)
            if ticket is not None and status[slot] != int(Status.RUNNING)
        ]
        found = self._found(done)
        kept = [None if slot in done else ticket for slot, ticket in enumerate(rows.tickets)]
        self.rows = replace(rows, tickets=tuple(kept))
        return [(rows.tickets[slot], found.take([row])) for row, slot in enumerate(done)]

    def _begun(self, tickets: Sequence[Ticket]) -> tuple[Batch, Any, int]:
        """Rows for new images, a step at a time; also what each of their starts has cost."""
        parts = []
        for chunk in _chunks(tickets, self.step):
            batch, spent = begin(self.stage, self._start, self._standing(chunk))
            parts.append((batch, self.stage.begin(batch)))
        batches, states = zip(*parts, strict=True)
        batch = Batch(
            **{
                name: _concat(*(getattr(batch, name) for batch in batches))
                for name in ("targets", "latents", "labels", "start", "anchor", "keys")
            },
            references={
                name: _concat(*(batch.references[name] for batch in batches))
                for name in batches[0].references
            },
        )
        return batch, tf.nest.map_structure(_concat, *states), spent

    def _standing(self, tickets: Sequence[Ticket]) -> Standing:
        targets = tf.constant(np.stack([ticket.target for ticket in tickets]))
        labels = [ticket.weights_or_label for ticket in tickets]
        standing = Standing(
            targets,
            self._references(targets),
            [ticket.index for ticket in tickets],
            [nth_seed(self._seed, ticket.attempt) for ticket in tickets],
            None if labels[0] is None else tf.constant(np.stack(labels)),
        )
        if self._before is None:
            return standing
        return standing.after(self._before, StageResult.join([t.found[-1] for t in tickets]))

    def _found(self, slots: Sequence[int]) -> StageResult | None:
        """What the stage has found in these slots, a row each."""
        parts = [self._result(chunk) for chunk in _chunks(slots, self.step)]
        return StageResult.join(parts).take(range(len(slots))) if parts else None

    def _result(self, slots: Sequence[int]) -> StageResult:
        split, batch, state = self.stage.split, self.rows.batch, self.rows.state
        parts = take_apart(split, tf.gather(state.best_code, slots))
        code = tf.reshape(parts[CODE], [-1, *split.code_shape])
        latents = code if split.is_latent else parts.get("latent", tf.gather(batch.latents, slots))
        held = None if batch.labels is None else tf.gather(batch.labels, slots)
        labels = parts.get("labels", held)
        images = np.clip(split.g2(code, latents, labels).numpy(), 0.0, 1.0)
        evaluations = state.evaluations.numpy() + self.rows.spent
        return StageResult(
            layer=self.stage.stage.layer,
            codes=code.numpy(),
            latents=latents.numpy(),
            images=images,
            rmse=self.stage.objective.rmse(images, tf.gather(batch.targets, slots).numpy()),
            losses=state.best_loss.numpy()[slots],
            evaluations=evaluations[slots],
            status=tuple(Status(int(value)).text for value in state.status.numpy()[slots]),
            label_weights=np.asarray(labels) if are_weights(labels) else None,
        )


class _Merge:
    """Puts new rows into the places of old ones."""

    def __init__(self, where: np.ndarray, source: np.ndarray, fresh: bool):
        self._where, self._source, self._fresh = where, source, fresh

    def __call__(self, old: Any, new: Any) -> Any:
        if new is None:
            return None
        if isinstance(new, np.ndarray):
            moved = new[self._source]
            return moved if self._fresh else np.where(_column(self._where, moved), moved, old)
        moved = tf.gather(new, self._source)
        return moved if self._fresh else tf.where(_column(self._where, moved), moved, old)


def _column(flags: np.ndarray, like: Any) -> np.ndarray:
    return flags.reshape([-1] + [1] * (len(like.shape) - 1))


def _chunks(items: Sequence[Any], size: int) -> list[list[Any]]:
    """The items, `size` at a time; the last chunk is filled up with its last item."""
    chunks = [list(items[first : first + size]) for first in range(0, len(items), size)]
    return [chunk + chunk[-1:] * (size - len(chunk)) for chunk in chunks]


def _concat(*parts: Any) -> Any:
    if parts[0] is None:
        return None
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else tf.concat(parts, 0)


def are_weights(labels: Any) -> bool:
    """Whether these are weights of classes, and no labels."""
    return labels is not None and tf.as_dtype(labels.dtype).is_floating
