"""Runs a study: arm by arm and batch by batch, each of which is computed once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfinv.applications.outcome import Outcome
from tfinv.applications.studies.study import Arm, Arrays, PictureSet, Setup, Study
from tfinv.inversion.engine import OnProgress
from tfinv.results.findings import Findings, write_findings
from tfinv.results.parts import Parts

__all__ = ["StudyEnd", "count_work", "run_study"]


class StudyEnd(NamedTuple):
    """Where a study stands.

    Attributes:
      findings: of the arms that are finished; None if none is.
      failed: a line for each picture without a result, and why.
      partial: whether it was stopped before its end.
    """

    findings: Findings | None
    failed: tuple[str, ...]
    partial: bool


def count_work(study: Study, setup: Setup) -> int:
    """How many inversions of a picture the study is."""
    return sum(len(setup.sets[arm.set]) for arm in study.arms(setup))


def run_study(
    study: Study,
    setup: Setup,
    parts: Parts,
    *,
    on_batch: Callable[[Outcome], None] = lambda outcome: None,
    on_progress: Callable[[str], None] = lambda text: None,
) -> StudyEnd:
    """Computes what is not in the folder yet, then writes what it shows.

    Ctrl-C stops it: the arms that are finished are shown, and the next run of the same study on
    the same folder goes on.

    Args:
      study: one of `STUDIES`.
      setup: what it works on.
      parts: the folder.
      on_batch: called after each batch is safe.
      on_progress: called every few dozen steps with what is being done.

    Raises:
      UserError: if the folder cannot be written, or an arm does not suit the generator.
    """
    done: dict[str, Arrays] = {}
    stopped = False
    try:
        for place, arm in enumerate(study.arms(setup)):
            done[arm.name] = _run_arm(arm, place, setup, parts, on_batch, on_progress)
    except KeyboardInterrupt:
        stopped = True
    findings = study.findings(setup, done) if done else None
    if findings is not None:
        if stopped:
            findings = _as_partial(findings)
        write_findings(parts, findings)
    return StudyEnd(findings, _failed(study, setup, done), stopped)


def _run_arm(
    arm: Arm,
    place: int,
    setup: Setup,
    parts: Parts,
    on_batch: Callable[[Outcome], None],
    on_progress: Callable[[str], None],
) -> Arrays:
    pictures, size = setup.sets[arm.set], setup.options.batch_size
    run: Callable[[PictureSet, OnProgress], Arrays] | None = None
    found = []
    for first in range(0, len(pictures), size):
        batch = pictures.rows(first, first + size)
        part = f"{place:02d}-{_slug(arm.name)}-{first:05d}"
        arrays = parts.find(part, batch.names)
        if arrays is None:
            run = run or arm.make()

            def tell(stage, state) -> None:
                count = int(np.max(state.evaluations))
                on_progress(f"{arm.name}: {stage.layer}, {count} evaluations")

            arrays = run(batch, tell)
            parts.add(part, batch.names, arrays)
        rmse = arrays["rmse"]
        on_batch(Outcome(len(batch), int(np.isnan(rmse).sum()), rmse))
        found.append(arrays)
    return {key: np.concatenate([arrays[key] for arrays in found]) for key in found[0]}


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()


def _as_partial(findings: Findings) -> Findings:
    note = "Partial: the run was stopped; the same command goes on."
    return dataclasses.replace(findings, notes=(note, *findings.notes))


def _failed(study: Study, setup: Setup, done: dict[str, Arrays]) -> tuple[str, ...]:
    lines = [fault for pictures in setup.sets.values() for fault in pictures.faults]
    for arm in study.arms(setup):
        rmse = done.get(arm.name, {}).get("rmse", ())
        names = setup.sets[arm.set].names
        lines += [
            f"{name}: {arm.name}: the loss was not a finite number"
            for name, value in zip(names, rmse, strict=False)
            if np.isnan(value)
        ]
    return tuple(lines)
