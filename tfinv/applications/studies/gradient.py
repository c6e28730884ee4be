"""The true gradient, another label, and the modified gradient of ReLUs (thesis, table 6.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfinv.applications.studies import plots
from tfinv.applications.studies.study import Arm, Arrays, PictureSet, Setup, Study, invert
from tfinv.inversion.engine import OnProgress
from tfinv.results.findings import Findings, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["STUDY", "other_labels"]

BASE, RANDOM, MODIFIED = "base", "random label", "modified gradient"
_LABEL_STREAM = 6  # apart from the streams of starts, labels and noise
_SHOWN = 8


def other_labels(pictures: PictureSet, classes: int, seed: int) -> np.ndarray:
    """For each picture a class that is not its own, all equally likely; int32 [N]."""
    shifts = [
        np.random.default_rng([seed, int(index), _LABEL_STREAM]).integers(1, classes)
        for index in pictures.indices
    ]
    return ((pictures.labels + np.asarray(shifts)) % classes).astype(np.int32)


def arms(setup: Setup) -> list[Arm]:
    """All of them, or without the label where the generator takes none."""
    names = [BASE, MODIFIED] if _no_label(setup) else [BASE, RANDOM, MODIFIED]
    return [Arm(name, setup.pictures.name, _maker(setup, name)) for name in names]


def _no_label(setup: Setup) -> str:
    """Why there is no random label; "" if there is."""
    generator = setup.generator
    if not generator.conditional:
        return "the generator takes no labels"
    if generator.classes is None:
        return "how many classes the generator has cannot be told from its graph"
    return "" if generator.classes > 1 else "the generator has one class"


def _maker(setup: Setup, name: str) -> Callable:
    def make() -> Callable[[PictureSet, OnProgress], Arrays]:
        leak = None if name == MODIFIED else 0.0
        inverter = setup.inverter(["dense"], start="generated", relu_leak=leak)

        def run(batch: PictureSet, on_progress: OnProgress) -> Arrays:
            if name == RANDOM:
                labels = other_labels(batch, setup.generator.classes, setup.options.seed)
                batch = dataclasses.replace(batch, labels=labels)
            return invert(inverter, batch, on_progress)[1]

        return run

    return make


def findings(setup: Setup, done: Mapping[str, Arrays]) -> Findings:
    """Table 6.1, and how many times better the modified gradient is."""
    rows = [
        (name, plots.mean(a["rmse"]), plots.deviation(a["rmse"]), plots.mean(a["evaluations"]))
        for name, a in done.items()
    ]
    notes = []
    if reason := _no_label(setup):
        notes.append(f"The random label is left out: {reason}.")
    ratio = None
    if {BASE, MODIFIED} <= done.keys():
        ratio = plots.mean(done[BASE]["rmse"]) / plots.mean(done[MODIFIED]["rmse"])
        notes.append(f"The modified gradient ends {ratio:.2f} times as near as the true one.")
    return Findings(
        title=f"RMSE at the dense layer, {setup.said}",
        table=Table(("gradient", "RMSE", "SD", "evaluations"), rows),
        size=(7.2, 2.4),
        draw=lambda figure: _draw(figure, setup, done),
        facts={"base_over_modified": ratio},
        notes=tuple(notes),
    )


def _draw(figure: Figure, setup: Setup, done: Mapping[str, Arrays]) -> None:
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.6))
    values = [arrays["rmse"] for arrays in done.values()]
    plots.bars(left.subplots(), list(done), values, "RMSE, pictures in [0, 1]")
    rows = [("target", setup.pictures.images[:_SHOWN], None)]
    rows += [(name, a["images"][:_SHOWN], a["rmse"][:_SHOWN]) for name, a in done.items()]
    plots.picture_rows(right, rows)


STUDY = Study(
    name="gradient",
    purpose="true gradient, another label and modified gradient at the dense layer",
    arms=arms,
    findings=findings,
    solver="adam",
    max_evaluations=1000,
    count=32,
)
