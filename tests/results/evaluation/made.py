"""Cells of an evaluation that never ran, from given numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfinv.results.evaluation.cells import Cell
from tfinv.results.evaluation.tables import Evaluated
from tfinv.results.evaluation.verdict import compare, compare_classes, judge


def cell(name: str, layer: str, rmse: Sequence[float], labels=None, failed=0, missing=0) -> Cell:
    rmse = np.abs(np.asarray(rmse, np.float64))
    psnr = -20 * np.log10(np.maximum(rmse, 1e-9))
    values = {"rmse": rmse, "psnr": psnr, "ssim": 1 - rmse, "evaluations": 0 * rmse}
    images = len(rmse) + failed
    labels = [None] * len(rmse) if labels is None else list(labels)
    return Cell(name, layer, images + missing, images, failed, values, labels, seconds=2.0)


def evaluated(cells: Sequence[Cell], drawn=("samples",), pair=None, **more) -> Evaluated:
    by_key: Mapping[tuple[str, str], Cell] = {(one.set, one.layer): one for one in cells}
    layers = tuple(dict.fromkeys(one.layer for one in cells))
    options = {"class_names": {}, "config": "--seed=0\n", **more}
    return Evaluated(
        generator="folder/generator",
        sets=tuple(dict.fromkeys(one.set for one in cells)),
        layers=layers,
        cells=by_key,
        verdict=judge(by_key, drawn),
        pair=pair,
        comparisons=compare(by_key, pair, layers) if pair else [],
        class_comparisons=compare_classes(by_key, pair, layers) if pair else [],
        **options,
    )
