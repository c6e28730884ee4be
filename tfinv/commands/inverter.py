"""The inverter that the flags of a command describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from tfinv.commands import feature_flags, inversion_flags, label_flags

if TYPE_CHECKING:
    from tfinv.generators.generator import Generator
    from tfinv.inversion.degradations import Degradation
    from tfinv.inversion.engine import Inverter
    from tfinv.inversion.starts import Start

__all__ = ["flagged_inverter"]


def flagged_inverter(
    generator: Generator,
    stages: Sequence[str],
    start: Sequence[str | Start],
    total: int,
    *,
    degradation: Degradation | None = None,
) -> Inverter:
    """Makes it; its command adopts the flags of features, inversions and labels.

    Args:
      generator: to be inverted.
      stages: layers.
      start: where the first stage starts, or each.
      total: how many pictures there are; no batch is larger.
      degradation: see `Inverter`.

    Raises:
      UserError: if the flags do not fit together.
    """
    from tfinv.inversion.engine import Inverter

    values = flags.FLAGS
    return Inverter(
        generator,
        stages,
        loss=values.loss,
        features=feature_flags.load_flagged_network(),
        start=start,
        restarts=values.restarts,
        solver=values.solver,
        max_evaluations=inversion_flags.budgets(),
        relu_leak=values.relu_leak,
        leak_schedule=values.leak_schedule,
        closed_units=values.closed_units,
        batch_size=min(values.batch_size or total, total),
        seed=values.seed,
        optimize=label_flags.what_to_optimize(generator, stages),
        constraint=values.constraint,
        degradation=degradation,
    )
