"""How many ReLUs are open along an optimisation, by start and leak (thesis, figures 4.3 to 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from tfinv.applications.studies import plots
from tfinv.applications.studies.study import Arm, Arrays, PictureSet, Setup, Study, invert
from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.split import Split
from tfinv.images import metrics
from tfinv.inversion.engine import Inverter, OnProgress
from tfinv.inversion.unknowns import CODE, free_names, take_apart
from tfinv.results.findings import Findings, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["STUDY", "Watch", "relu_behind"]

_RECTIFIERS = ("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Maximum")
_EVERY = 25  # evaluations between two points of a curve
_REFERENCE = 256


class _Kind(NamedTuple):
    stages: tuple[str, ...]
    start: str
    leaks: bool


_KINDS = {
    "latent": _Kind(("latent",), "prior", False),
    "generated start": _Kind(("dense",), "generated", False),
    "generated start, modified gradient": _Kind(("dense",), "generated", True),
    "positive start": _Kind(("dense",), "positive", False),
    "positive start, modified gradient": _Kind(("dense",), "positive", True),
    "after the latent": _Kind(("latent", "dense"), "prior", False),
    "after the latent, modified gradient": _Kind(("latent", "dense"), "prior", True),
}


def relu_behind(generator: Generator, split: Split) -> Split:
    """The cut at the output of the first ReLU that reads what a code decides.

    Raises:
      UserError: if there is none.
    """
    for layer in generator.layers():
        if layer.op in _RECTIFIERS and layer.name != split.layer.name:
            relu = generator.split(layer.name)
            if split.reaches(relu):
                return relu
    raise UserError(f"{generator.path} has no ReLU behind {split.layer.name}: nothing can close")


class Watch:
    """Follows one batch through an inversion: which share of the units is open, and the RMSE.

    Args:
      generator: whose ReLUs.
      inverter: what is watched; the watch is told of its progress.
      budgets: evaluations of each stage.
      relu: the cut at the output of the ReLUs; every stage reaches it.
    """

    def __init__(
        self, generator: Generator, inverter: Inverter, budgets: Sequence[int], relu: Split
    ):
        self._begins, self._splits = {}, {}
        for k, stage in enumerate(inverter.stages):
            self._begins[stage.layer] = sum(budgets[:k])
            self._splits[stage.layer] = generator.split(stage.layer, free_names(stage.optimize))
        self._relu = relu
        self._end = sum(budgets)
        self.begin(None)

    def begin(self, batch: PictureSet | None) -> None:
        """Forgets what was seen, for the next batch."""
        self._batch = batch
        self._seen: list[tuple[int, np.ndarray, np.ndarray]] = []

    def see(self, stage, state) -> None:
        """Takes a point of the curves down."""
        split, batch = self._splits[stage.layer], self._batch
        parts = take_apart(split, tf.convert_to_tensor(state.code)[: len(batch)])
        code = tf.reshape(parts[CODE], [-1, *split.code_shape])
        # What is not optimised is not read behind the cut either, but for the labels.
        z = parts.get("latent", tf.zeros([len(batch), split.latent_size]))
        opened = split.follow(code, self._relu, z, batch.labels)
        beside = code if split.is_latent else z
        images = np.clip(self._relu.g2(opened, beside, batch.labels).numpy(), 0.0, 1.0)
        share = np.mean(opened.numpy().reshape(len(batch), -1) > 0, 1)
        at = self._begins[stage.layer] + int(np.max(state.evaluations))
        self._seen.append((at, share, metrics.rmse(images, batch.images)))

    def curves(self) -> dict[str, np.ndarray]:
        """The curves at every 25 evaluations, held where an image has ended.

        Returns:
          "open", share of open units in [0, 1], and "path", RMSE, float64 [B, points] each.
        """
        at = np.asarray([seen[0] for seen in self._seen])
        last = np.searchsorted(at, grid(self._end), "right") - 1
        return {
            "open": np.stack([self._seen[k][1] for k in last], 1),
            "path": np.stack([self._seen[k][2] for k in last], 1),
        }


def grid(evaluations: int) -> np.ndarray:
    """Where the points of the curves are."""
    return np.minimum(np.arange(0, evaluations + _EVERY, _EVERY), evaluations)


def arms(setup: Setup) -> list[Arm]:
    """The latent, and every start at the dense layer with the true gradient and the modified."""
    if setup.options.latent_evaluations >= setup.options.max_evaluations:
        raise UserError(
            f"{setup.options.latent_evaluations} evaluations at the latent leave none of the "
            f"{setup.options.max_evaluations} for the dense layer: lower --latent_evaluations"
        )
    name = setup.pictures.name
    return [Arm(kind, name, _maker(setup, kind)) for kind in _KINDS]


def _maker(setup: Setup, kind: str) -> Callable:
    def make() -> Callable[[PictureSet, OnProgress], Arrays]:
        plan, options = _KINDS[kind], setup.options
        budgets = [options.max_evaluations]
        if len(plan.stages) > 1:
            first = options.latent_evaluations
            budgets = [first, options.max_evaluations - first]
        inverter = setup.inverter(
            plan.stages,
            start=plan.start,
            max_evaluations=budgets,
            relu_leak=None if plan.leaks else 0.0,
        )
        watch = Watch(setup.generator, inverter, budgets, _relu(setup))

        def run(batch: PictureSet, on_progress: OnProgress) -> Arrays:
            def see(stage, state) -> None:
                watch.see(stage, state)
                on_progress(stage, state)

            watch.begin(batch)
            _, arrays = invert(inverter, batch, see)
            return {**arrays, **watch.curves()}

        return run

    return make


def _relu(setup: Setup) -> Split:
    """Of all arms the same, so that their shares can be compared."""
    return relu_behind(setup.generator, setup.generator.split("dense"))


def findings(setup: Setup, done: Mapping[str, Arrays]) -> Findings:
    """Figures 4.3 to 4.5 in one: open units on the left, error on the right."""
    points = grid(setup.options.max_evaluations)
    usual = _usual(setup)
    rows, lines = [], []
    for name, arrays in done.items():
        share, path = _means(arrays)
        rmse = arrays["rmse"]
        rows.append(
            (
                name,
                *(100 * float(v) for v in (share[0], share.min(), share[-1])),
                plots.mean(rmse),
                plots.deviation(rmse),
            )
        )
        for k, at in enumerate(points):
            lines.append((name, int(at), 100 * float(share[k]), float(path[k])))
    columns = ("arm", "open at the start, %", "least, %", "at the end, %", "RMSE", "SD")
    relu = _relu(setup).layer.name
    return Findings(
        title=f"Open units in {relu} and RMSE, {setup.said}",
        table=Table(columns, rows),
        curves=Table(("arm", "evaluations", "open units, %", "RMSE"), lines),
        size=(7.2, 3.6),
        draw=lambda figure: _draw(figure, points, done, usual),
        facts={"relu": relu, "open_of_generated_pictures_percent": 100 * usual},
        notes=(f"Of pictures that the generator draws, {100 * usual:.1f}% of the units are open.",),
    )


def _means(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Both curves over the pictures that did not fail, float64 [points] each."""
    there = np.isfinite(arrays["rmse"])
    if not there.any():
        nothing = np.full(arrays["open"].shape[1], np.nan)
        return nothing, nothing
    return arrays["open"][there].mean(0), arrays["path"][there].mean(0)


def _usual(setup: Setup) -> float:
    """The share of open units of pictures that the generator draws."""
    generator, seed = setup.generator, setup.options.seed
    relu = _relu(setup)
    labels = generator.sample_labels(_REFERENCE, seed)
    opened = relu.g1(generator.sample_latents(_REFERENCE, seed), labels)
    return float(np.mean(opened.numpy() > 0))


def _draw(figure: Figure, points: np.ndarray, done: Mapping[str, Arrays], usual: float) -> None:
    from matplotlib.ticker import LogLocator

    left, right = figure.subplots(1, 2)
    colours = {_KINDS[name].start + _KINDS[name].stages[-1]: None for name in _KINDS}
    colours = {key: plots.colour(k) for k, key in enumerate(colours)}
    for name, arrays in done.items():
        kind = _KINDS[name]
        style = {
            "color": colours[kind.start + kind.stages[-1]],
            "linestyle": "-" if kind.leaks else (0, (4, 1.5)),
        }
        if kind.stages == ("latent",):
            style["linestyle"] = ":"
        share, path = _means(arrays)
        left.plot(points, 100 * share, label=name, **style)
        right.plot(points, path, **style)
    left.axhline(100 * usual, color="0.4", linewidth=0.7, label="generated pictures")
    left.set_ylabel("open units in the first ReLU layer, %")
    right.set_ylabel("RMSE, pictures in [0, 1]")
    right.set_yscale("log")
    right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    right.yaxis.set_major_formatter("{x:g}")
    right.yaxis.set_minor_formatter("")
    for axes in (left, right):
        axes.set_xlabel("evaluations of each picture")
        axes.set_xlim(0, points[-1])
    figure.legend(loc="outside lower center", ncols=3)


STUDY = Study(
    name="open_relus",
    purpose="share of open ReLUs and error along the optimisation, by start and leak",
    arms=arms,
    findings=findings,
    solver="adam",
    max_evaluations=600,
    count=32,
    takes=frozenset({"latent_evaluations"}),
)
