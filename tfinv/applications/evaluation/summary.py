"""What an evaluation has come to so far: its cells as numbers, a verdict, comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfinv.results.evaluation.cells import Cell, cell_of
from tfinv.results.evaluation.tables import Evaluated
from tfinv.results.evaluation.verdict import compare, compare_classes, judge
from tfinv.results.finish import earlier
from tfinv.results.store import Store

if TYPE_CHECKING:
    from tfinv.applications.evaluation.run import Evaluation

__all__ = ["Key", "cells_of", "sum_up"]

Key = tuple[str, str]
"""Set and layer of a cell."""


def sum_up(
    evaluation: Evaluation,
    stores: Mapping[Key, Store],
    pair: tuple[str, str] | None = None,
    config: str = "",
) -> Evaluated:
    """All numbers of an evaluation, as far as it is done.

    Args:
      evaluation: what was to be done.
      stores: from `Evaluation.open`.
      pair: names of two sets that are compared.
      config: the flags, a line each.
    """
    cells = cells_of(evaluation, stores)
    layers, names = evaluation.layers, evaluation.generator.class_names
    return Evaluated(
        generator=evaluation.generator.path,
        sets=tuple(one.name for one in evaluation.sets),
        layers=tuple(layers),
        cells=cells,
        verdict=judge(cells, evaluation.drawn),
        pair=pair,
        comparisons=compare(cells, pair, layers) if pair else [],
        class_comparisons=compare_classes(cells, pair, layers) if pair else [],
        class_names={k: names[k] for k in range(len(names or ()))},
        config=config,
    )


def cells_of(evaluation: Evaluation, stores: Mapping[Key, Store]) -> dict[Key, Cell]:
    """The numbers of every cell, of the pictures that are wanted now."""
    return {
        (name, layer): cell_of(
            store.rows(), name, layer, evaluation.wanted[name], earlier(store).seconds
        )
        for (name, layer), store in stores.items()
    }
