"""What a pipeline has in work, as plain arrays and back, so that it can be kept in a file.

Everything that decides what is found is kept bit for bit; what can be made from that (targets of
rows, frontiers) is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.inversion.pipeline import Frozen, Pipeline
from tfinv.inversion.result import Spending, StageResult
from tfinv.inversion.slots import Rows, Slots
from tfinv.inversion.stages import Batch
from tfinv.inversion.tickets import Ticket
from tfinv.packing import Arrays, below, pack_json, under, unpack_json

__all__ = ["pack", "pack_tickets", "unpack", "unpack_tickets"]

_ROWS = ("latents", "labels", "anchor", "keys")


def pack(frozen: Frozen) -> dict[str, np.ndarray]:
    """What was frozen, as arrays by name."""
    arrays: dict[str, np.ndarray] = {}
    tickets: list[Ticket] = []
    places: list[tuple[int, int]] = []  # stage, and slot; or -1 if it waits
    for number, rows in enumerate(frozen.rows):
        for slot, ticket in enumerate(rows.tickets):
            if ticket is not None:
                tickets.append(ticket)
                places.append((number, slot))
        for ticket in frozen.waiting[number]:
            tickets.append(ticket)
            places.append((number, -1))
        # Rows that nobody has decide nothing, and a stage without any need not be kept.
        if any(rows.tickets):
            arrays |= under(f"{number}", _pack_rows(rows))
    arrays |= under("tickets", pack_tickets(tickets))
    arrays["places"] = np.asarray(places, np.int64).reshape(-1, 2)
    arrays["spending"] = np.asarray([(s.computed, s.used) for s in frozen.spending], np.int64)
    return arrays


def unpack(arrays: Arrays, pipeline: Pipeline) -> Frozen:
    """What `pack` made arrays of, for a pipeline of the same stages and size.

    Raises:
      ValueError: if it does not fit the pipeline.
      KeyError: likewise.
    """
    tickets = unpack_tickets(below("tickets", arrays))
    count, size = len(pipeline.slots), pipeline.size
    taken: list[list[Ticket | None]] = [[None] * size for _ in range(count)]
    waiting: list[list[Ticket]] = [[] for _ in range(count)]
    for ticket, (number, slot) in zip(tickets, arrays["places"].tolist(), strict=True):
        if slot < 0:
            waiting[number].append(ticket)
        else:
            taken[number][slot] = ticket
    rows = [
        _unpack_rows(below(f"{number}", arrays), own, slots)
        for number, (own, slots) in enumerate(zip(taken, pipeline.slots, strict=True))
    ]
    spending = [Spending(*pair) for pair in arrays["spending"].tolist()]
    if len(spending) != count:
        raise ValueError(f"it is of {len(spending)} stages, and there are {count}")
    return Frozen(tuple(rows), tuple(map(tuple, waiting)), tuple(spending))


def pack_tickets(tickets: Sequence[Ticket]) -> dict[str, np.ndarray]:
    """Tickets as arrays by name."""
    facts, arrays = [], {}
    results: dict[str, list[StageResult]] = {}
    for ticket in tickets:
        held = {f"found/{k}": found for k, found in enumerate(ticket.found)}
        if ticket.best is not None:
            held["best"] = ticket.best
        facts.append(
            {
                "place": ticket.place,
                "index": ticket.index,
                "attempt": ticket.attempt,
                "about": dict(ticket.about),
                "held": {name: len(results.setdefault(name, [])) for name in held},
            }
        )
        for name, found in held.items():
            results[name].append(found)
    for name, found in results.items():
        arrays |= under(name, _pack_result(StageResult.join(found)))
    if tickets:
        arrays["targets"] = np.stack([ticket.target for ticket in tickets])
        if tickets[0].label is not None:
            arrays["labels"] = np.stack([ticket.label for ticket in tickets])
        if tickets[0].whole is not None:
            arrays["wholes"] = np.stack([ticket.whole for ticket in tickets])
    arrays["facts"] = pack_json(facts)
    return arrays


def unpack_tickets(arrays: Arrays) -> list[Ticket]:
    """Tickets of what `pack_tickets` made."""
    results: dict[str, StageResult] = {}
    tickets = []
    for row, facts in enumerate(unpack_json(arrays["facts"])):
        held = {}
        for name, place in facts["held"].items():
            if name not in results:
                results[name] = _unpack_result(below(name, arrays))
            held[name] = results[name].take([place])
        found = [held[f"found/{k}"] for k in range(len(held) - ("best" in held))]
        tickets.append(
            Ticket(
                facts["place"],
                facts["index"],
                arrays["targets"][row],
                arrays["labels"][row] if "labels" in arrays else None,
                facts["about"],
                facts["attempt"],
                held.get("best"),
                tuple(found),
                arrays["wholes"][row] if "wholes" in arrays else None,
            )
        )
    return tickets


def _pack_rows(rows: Rows) -> dict[str, np.ndarray]:
    arrays = {"spent": rows.spent}
    for name in _ROWS:
        if (value := getattr(rows.batch, name)) is not None:
            arrays[name] = np.asarray(value)
    for name, value in rows.batch.references.items():
        arrays[f"references/{name}"] = np.asarray(value)
    return {**arrays, **{name: value.numpy() for name, value in _named("state", rows.state)}}


def _named(name: str, state: Any) -> list[tuple[str, tf.Tensor]]:
    """Every tensor of a solver's state by its path, such as "state/curvature/steps".

    By name, because a solver of another version may have as many tensors in another order.
    """
    if not isinstance(state, tuple):
        return [(name, state)]
    fields = getattr(state, "_fields", range(len(state)))
    pairs = zip(fields, state, strict=True)
    return [found for field, value in pairs for found in _named(f"{name}/{field}", value)]


def _unpack_rows(arrays: Arrays, tickets: Sequence[Ticket | None], slots: Slots) -> Rows:
    if not any(tickets):
        return Rows.empty(slots.size)
    _check_rows(arrays, slots)
    some = next(ticket.target for ticket in tickets if ticket is not None)
    targets = [some if ticket is None else ticket.target for ticket in tickets]
    held = {name: arrays[name] for name in _ROWS if name in arrays}
    keys = held.pop("keys")
    given: dict[str, Any] = {name: tf.constant(value) for name, value in held.items()}
    references = {k: tf.constant(v) for k, v in below("references", arrays).items()}
    batch = Batch(
        **{"labels": None, **given},
        targets=tf.constant(np.stack(targets)),
        start=given["anchor"],
        references=references,
        keys=keys,
    )
    like = slots.stage.begin(batch)
    named = _named("state", like)
    if unknown := under("state", below("state", arrays)).keys() - dict(named).keys():
        raise ValueError(f"{min(unknown)} is nothing that this solver keeps")
    for name, value in named:
        _check(name, arrays[name], tuple(value.shape), value.dtype.as_numpy_dtype)
    flat = [tf.constant(arrays[name]) for name, _ in named]
    return Rows(tuple(tickets), batch, tf.nest.pack_sequence_as(like, flat), arrays["spent"])


def _check_rows(arrays: Arrays, slots: Slots) -> None:
    """Refuses what is not a row for each slot; TensorFlow would broadcast some of it."""
    size, shape = slots.size, slots.stage.split.code_shape
    _check("anchor", arrays["anchor"], (size, *shape), np.float32)
    _check("keys", arrays["keys"], (size,), np.uint32)
    _check("spent", arrays["spent"], (size,), np.int32)
    for name, value in arrays.items():
        if value.shape[:1] != (size,):
            raise ValueError(f"{name} has shape {list(value.shape)}, and there are {size} slots")


def _check(name: str, value: np.ndarray, shape: tuple[int, ...], dtype: Any) -> None:
    if (value.shape, value.dtype) != (shape, np.dtype(dtype)):
        raise ValueError(
            f"{name} is {value.dtype}{list(value.shape)}, and {np.dtype(dtype)}{list(shape)} fits"
        )


def _pack_result(result: StageResult) -> dict[str, np.ndarray]:
    values = {field.name: getattr(result, field.name) for field in fields(StageResult)}
    texts = pack_json([values.pop("layer"), values.pop("status")])
    return {"texts": texts, **{k: v for k, v in values.items() if v is not None}}


def _unpack_result(arrays: Arrays) -> StageResult:
    given = dict(arrays)
    layer, status = unpack_json(given.pop("texts"))
    return StageResult(layer=layer, status=tuple(status), **given)
