"""What each term of the loss is worth at the latent (thesis, section 6.2.4 and figure 6.6)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfinv.applications.studies import plots
from tfinv.applications.studies.study import Arm, Arrays, PictureSet, Setup, Study, invert
from tfinv.inversion.engine import OnProgress
from tfinv.results.findings import Findings, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["STUDY", "balanced_weight"]

_SHOWN = 8
_TRIED = 16


def arms(setup: Setup) -> list[Arm]:
    """Pixels, and with either or both of the prior and the features."""
    name = setup.pictures.name
    return [Arm(arm, name, _maker(setup, loss)) for arm, loss in _losses(setup).items()]


def _losses(setup: Setup) -> dict[str, str]:
    prior = f" + {setup.options.likelihood_weight!r}*likelihood"
    losses = {"mse": "mse", "mse, likelihood": "mse" + prior}
    if setup.network is not None:
        features = f" + {_weight(setup)!r}*features"
        losses["mse, features"] = "mse" + features
        losses["all"] = "mse" + features + prior
    return losses


def _weight(setup: Setup) -> float:
    given = setup.options.feature_weight
    return balanced_weight(setup) if given is None else given


@functools.lru_cache(maxsize=1)
def balanced_weight(setup: Setup) -> float:
    """The weight at which pixels and features count alike between strangers, to one digit.

    Strangers are pictures that the generator draws and the study's own, up to sixteen pairs.
    """
    generator, targets = setup.generator, setup.pictures.images[:_TRIED]
    seed = setup.options.seed
    drawn = generator(
        generator.sample_latents(len(targets), seed), generator.sample_labels(len(targets), seed)
    )
    pixels = float(tf.reduce_mean(tf.square(drawn - targets)))
    return float(f"{pixels / max(float(np.mean(_distance(setup, drawn, targets))), 1e-30):.0e}")


def _distance(setup: Setup, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean squared distance of features, float [N]: the term "features" itself."""
    one, other = setup.network(images).numpy(), setup.network(targets).numpy()
    return np.mean(np.square(one - other).reshape(len(one), -1), 1)


def _maker(setup: Setup, loss: str) -> Callable:
    def make() -> Callable[[PictureSet, OnProgress], Arrays]:
        network = setup.network if "features" in loss else None
        inverter = setup.inverter(["latent"], loss=loss, features=network)

        def run(batch: PictureSet, on_progress: OnProgress) -> Arrays:
            result, arrays = invert(inverter, batch, on_progress)
            arrays["norm"] = np.linalg.norm(result.latents, axis=1)
            if setup.network is not None:
                distance = _distance(setup, result.images, batch.images)
                arrays["features"] = np.where(np.isnan(arrays["rmse"]), np.nan, distance)
            return arrays

        return run

    return make


def findings(setup: Setup, done: Mapping[str, Arrays]) -> Findings:
    """Figure 6.6 with numbers."""
    with_features = setup.network is not None
    columns = ["loss", "RMSE", "SD", *(["feature distance", "SD "] if with_features else [])]
    rows = []
    for name, arrays in done.items():
        keys = ["rmse", *(["features"] if with_features else [])]
        values = [f(arrays[key]) for key in keys for f in (plots.mean, plots.deviation)]
        rows.append((name, *values, plots.mean(arrays["norm"])))
    size = setup.generator.latent_size
    notes = [f"A z from the prior is about {size**0.5:.1f} long."]
    if not with_features:
        notes.append("The losses with features are left out: no --feature_network is given.")
    return Findings(
        title=f"RMSE at the latent by loss, {setup.said}",
        table=Table((*columns, "length of z"), rows),
        size=(7.2, 4.6),
        draw=lambda figure: _draw(figure, setup, done),
        facts={"losses": _losses(setup)},
        notes=tuple(notes),
    )


def _draw(figure: Figure, setup: Setup, done: Mapping[str, Arrays]) -> None:
    upper, lower = figure.subfigures(2, 1)
    rows = [("target", setup.pictures.images[:_SHOWN], None)]
    rows += [(name, a["images"][:_SHOWN], a["rmse"][:_SHOWN]) for name, a in done.items()]
    plots.picture_rows(upper, rows)
    labels = {"rmse": "RMSE, pictures in [0, 1]"}
    if setup.network is not None:
        labels["features"] = "mean squared feature distance"
    labels["norm"] = "length of z"
    for axes, (key, label) in zip(lower.subplots(1, len(labels)), labels.items(), strict=True):
        plots.bars(axes, list(done), [arrays[key] for arrays in done.values()], label)
        axes.tick_params("x", labelsize=6)


STUDY = Study(
    name="losses",
    purpose="error in pixels and in features by loss, at the latent",
    arms=arms,
    findings=findings,
    solver="lbfgs",
    max_evaluations=300,
    count=32,
    takes=frozenset({"likelihood_weight", "feature_weight"}),
)
