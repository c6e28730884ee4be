"""What a user asks of an inversion, made into stages, or refused where it does not fit together."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.inversion.constraints import Constraint
from tfinv.inversion.degradations import Degradation
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.losses import Loss
from tfinv.inversion.solvers import SOLVERS
from tfinv.inversion.solvers.leak import leak_schedule as check_leak
from tfinv.inversion.stages import Stage
from tfinv.inversion.unknowns import check_freedom, free_names

__all__ = ["CLOSED_UNITS", "make_stages"]

REST, FREE = CLOSED_UNITS = ("rest", "free")


def make_stages(
    generator: Generator,
    stages: str | Stage | Sequence[str | Stage],
    *,
    loss: Loss,
    solver: str,
    max_evaluations: int | Sequence[int] | None,
    relu_leak: float | None,
    leak_schedule: str | None,
    closed_units: str | None = None,
    optimize: Sequence[str] | None,
    constraint: Constraint | None = None,
    degradation: Degradation | None = None,
) -> list[CompiledStage]:
    """Cuts the generator at every layer asked for; for the arguments see `Inverter`.

    Raises:
      UserError: if a name is unknown or the options do not fit together.
    """
    stages = [stages] if isinstance(stages, (str, Stage)) else list(stages)
    if optimize is not None:
        optimize = (optimize,) if isinstance(optimize, str) else tuple(optimize)
    if not stages:
        raise UserError("no stage is given: name at least one layer, such as dense")
    budgets = _budgets(max_evaluations, len(stages))
    solvers = [
        _solver(solver, budget, relu_leak, leak_schedule, closed_units) for budget in budgets
    ]
    plans = [
        _degraded(stage, degradation)
        if isinstance(stage, Stage)
        else Stage(stage, loss, chosen, optimize, constraint, degradation)
        for stage, chosen in zip(stages, solvers, strict=True)
    ]
    made = [
        CompiledStage(plan, generator.split(plan.layer, free_names(plan.optimize)))
        for plan in plans
    ]
    _check_optimize(stages, made, generator.path)
    _check_order(made)
    _check_terms(loss, made)
    _check_constraint(constraint, stages, made)
    return made


def _degraded(stage: Stage, degradation: Degradation | None) -> Stage:
    """A stage that compares what all of them do: a ticket has one target."""
    if stage.degradation not in (None, degradation):
        raise UserError(
            f"stage {stage.layer!r} has a degradation of its own: give it to the Inverter"
        )
    return replace(stage, degradation=degradation)


def _solver(
    name: str,
    budget: int | None,
    leak: float | None,
    schedule: str | None,
    closed_units: str | None,
) -> Any:
    if name not in SOLVERS:
        raise UserError(f"solver {name!r} is not known: it is one of {', '.join(SOLVERS)}")
    schedule, leak = check_leak(schedule, leak)
    options = {"max_evaluations": budget, "leak": leak, "leak_schedule": schedule}
    given = {key: value for key, value in options.items() if value is not None}
    if closed_units not in (None, *CLOSED_UNITS):
        raise UserError(f"closed units {closed_units!r}: they can {' or be '.join(CLOSED_UNITS)}")
    if not SOLVERS[name].rests and closed_units == REST:
        raise UserError(f"the solver {name} leaves closed units free: drop closed_units={REST}")
    if SOLVERS[name].rests and closed_units is not None:
        given["rests"] = closed_units == REST
    return SOLVERS[name](**given)


def _budgets(budget: int | Sequence[int] | None, stages: int) -> list[int | None]:
    single = budget is None or isinstance(budget, numbers.Integral)
    budgets = [budget] if single else list(budget)
    if len(budgets) == 1:
        budgets *= stages
    if len(budgets) != stages:
        raise UserError(f"{len(budgets)} budgets do not fit {stages} stages: give one, or one each")
    if any(b is not None and b < 1 for b in budgets):
        raise UserError(f"a budget of {min(budgets)} evaluations is too small: it is at least 1")
    return budgets


def _check_optimize(
    given: Sequence[str | Stage], stages: Sequence[CompiledStage], path: str
) -> None:
    """Every wish must come true: of a stage's own there, of those by name in one of them."""
    by_name = [made for stage, made in zip(given, stages, strict=True) if isinstance(stage, str)]
    own = [[made] for stage, made in zip(given, stages, strict=True) if isinstance(stage, Stage)]
    for group in filter(None, [by_name, *own]):
        check_freedom(group[0].stage.optimize, [made.split for made in group], path)


def _check_order(stages: Sequence[CompiledStage]) -> None:
    for before, after in itertools.pairwise(stages):
        if before.split.layer == after.split.layer:
            raise UserError(f"stage {after.stage.layer!r} is given twice: drop one")
        if not before.split.reaches(after.split):
            raise UserError(
                f"stage {after.stage.layer!r} cannot follow {before.stage.layer!r}: stages go from "
                "the latent towards the picture"
            )


def _check_terms(loss: Loss, stages: Sequence[CompiledStage]) -> None:
    used = {term for stage in stages for term in stage.objective.loss.terms}
    idle = [term.name for term in loss.terms if term not in used]
    if idle and any(stage.stage.loss == loss for stage in stages):
        raise UserError(f"loss term {idle[0]!r} applies to none of the stages: drop it")


def _check_constraint(
    constraint: Constraint | None,
    given: Sequence[str | Stage],
    stages: Sequence[CompiledStage],
) -> None:
    """A constraint must hold z in a stage of its own there, and in one of those by name."""
    for stage, made in zip(given, stages, strict=True):
        own = isinstance(stage, Stage) and stage.constraint is not None
        if own and made.objective.constraint is None:
            raise UserError(_idle(stage.constraint))
    by_name = [m for s, m in zip(given, stages, strict=True) if isinstance(s, str)]
    if constraint is not None and all(made.objective.constraint is None for made in by_name):
        raise UserError(_idle(constraint))


def _idle(constraint: Constraint) -> str:
    return f"constraint {constraint} is on z, which none of its stages optimises: drop it"
