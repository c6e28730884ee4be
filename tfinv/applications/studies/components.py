"""Principal components of codes, and what holding them near z's costs (thesis, section 5.6.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfinv.applications.studies import plots
from tfinv.applications.studies.study import Arm, Arrays, PictureSet, Setup, Study, invert
from tfinv.inversion.engine import OnProgress
from tfinv.inversion.subspace import column_basis
from tfinv.results.findings import Findings, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["STUDY", "spectrum"]

NOISE = "noise"
_MOST = 0.99  # of the variance, whose number of components the table has
_SMALLEST = 1e-7  # of the total variance: below is what float32 rounds


def spectrum(codes: np.ndarray) -> np.ndarray:
    """Variance along each principal component.

    Args:
      codes: float [N, ...]; rows that are not finite are left out.

    Returns:
      float64 [min(N, D)], falling, in squared units of the code.
    """
    rows = codes.reshape(len(codes), -1).astype(np.float64)
    rows = rows[np.isfinite(rows).all(1)]
    if not len(rows):
        return np.zeros(0)
    rows = rows - rows.mean(0)
    return np.square(np.linalg.svd(rows, compute_uv=False)) / len(rows)


def arms(setup: Setup) -> list[Arm]:
    """Every set without the term, and all but noise with each weight of it."""
    column_basis(setup.generator.split("dense"))  # says at once where there is none
    made = [Arm(name, name, _maker(setup, 0.0)) for name in setup.sets]
    return made + [
        Arm(_name(name, weight), name, _maker(setup, weight))
        for name in setup.sets
        if name != NOISE
        for weight in setup.options.projection_weights
    ]


def _name(name: str, weight: float) -> str:
    return f"{name}, {weight:g}*projection" if weight else name


def _maker(setup: Setup, weight: float) -> Callable:
    def make() -> Callable[[PictureSet, OnProgress], Arrays]:
        loss = f"mse + {weight!r}*projection" if weight else "mse"
        # Where units rest decides the components of codes, and with the term they cannot rest.
        free = {"start": "generated", "closed_units": "free"}
        inverter = setup.inverter(["dense"], loss=loss, **free)
        split = setup.generator.split("dense")
        basis = column_basis(split)

        def run(batch: PictureSet, on_progress: OnProgress) -> Arrays:
            result, arrays = invert(inverter, batch, on_progress)
            codes = np.where(np.isnan(arrays["rmse"])[:, None], np.nan, _flat(result.codes))
            origin = split.g1(np.zeros([len(batch), split.latent_size], np.float32), batch.labels)
            away = codes - _flat(origin.numpy())
            outside = np.linalg.norm(away - (away @ basis) @ basis.T, axis=1)
            return {**arrays, "codes": codes.astype(np.float32), "distance": outside}

        return run

    return make


def _flat(codes: np.ndarray) -> np.ndarray:
    return codes.reshape(len(codes), -1)


def findings(setup: Setup, done: Mapping[str, Arrays]) -> Findings:
    """Figures 5.7 (sets), 5.8 and 5.9 (weights of the term, set by set)."""
    spectra = {"generated": spectrum(_generated(setup))}
    spectra |= {name: spectrum(arrays["codes"]) for name, arrays in done.items()}
    rows = [("generated", _needed(spectra["generated"]), 0.0, None, None)]
    for name, arrays in done.items():
        rows.append(
            (
                name,
                _needed(spectra[name]),
                plots.mean(arrays["distance"]),
                plots.mean(arrays["rmse"]),
                plots.deviation(arrays["rmse"]),
            )
        )
    rank = column_basis(setup.generator.split("dense")).shape[1]
    counts = {name: len(pictures) for name, pictures in setup.sets.items()}
    notes = [f"z reaches a subspace of {rank} dimensions."]
    if min(counts.values()) <= rank + 1:
        notes.append(
            f"{min(counts.values())} pictures have at most {min(counts.values()) - 1} components: "
            f"to see more than {rank}, give --count more than {rank + 1}."
        )
    columns = ("codes", "components for 99% of the variance", "mean distance from z's subspace")
    options = setup.options
    return Findings(
        title=f"Principal components of codes at the dense layer, {_said(counts)}, "
        f"{options.solver}, {options.max_evaluations} evaluations",
        table=Table((*columns, "RMSE", "SD"), rows),
        curves=Table(
            ("codes", "component", "variance"),
            [(name, k + 1, float(v)) for name, line in spectra.items() for k, v in enumerate(line)],
        ),
        size=(2.5 * (1 + sum(name != NOISE for name in setup.sets)) + 0.2, 3.6),
        draw=lambda figure: _draw(figure, setup, spectra, done, rank),
        facts={"dimensions_that_z_reaches": rank, "pictures": counts},
        notes=tuple(notes),
    )


def _said(counts: Mapping[str, int]) -> str:
    """How many pictures, once if all sets have as many."""
    if len(set(counts.values())) == 1:
        return f"{next(iter(counts.values()))} pictures a set"
    return ", ".join(f"{count} of {name}" for name, count in counts.items())


def _generated(setup: Setup) -> np.ndarray:
    """Codes of as many z from the prior as there are pictures in the largest set."""
    generator, seed = setup.generator, setup.options.seed
    count = max(map(len, setup.sets.values()))
    labels = generator.sample_labels(count, seed)
    return generator.split("dense").g1(generator.sample_latents(count, seed), labels).numpy()


def _needed(variances: np.ndarray) -> int:
    """How many components hold 99% of the variance; none of what does not vary."""
    if not variances.sum():
        return 0
    held = np.cumsum(variances) / max(float(variances.sum()), 1e-30)
    return int(np.searchsorted(held, _MOST)) + 1


def _draw(
    figure: Figure,
    setup: Setup,
    spectra: Mapping[str, np.ndarray],
    done: Mapping[str, Arrays],
    rank: int,
) -> None:
    swept = [name for name in setup.sets if name != NOISE]
    panels = figure.subplots(1, 1 + len(swept), sharey=True, squeeze=False)[0]
    _lines(panels[0], {k: spectra[k] for k in ("generated", *setup.sets) if k in spectra}, rank)
    panels[0].set_title("inverted without the term")
    panels[0].set_ylabel("share of the variance")
    for axes, name in zip(panels[1:], swept, strict=True):
        weights = (0.0, *setup.options.projection_weights)
        arms = {w: _name(name, w) for w in weights if _name(name, w) in done}
        lines = {f"{w:g}: RMSE {plots.mean(done[a]['rmse']):.3f}": a for w, a in arms.items()}
        _lines(axes, {label: spectra[arm] for label, arm in lines.items()}, rank)
        axes.set_title(f"{name}, by weight of projection")


def _lines(axes: Axes, spectra: Mapping[str, np.ndarray], rank: int) -> None:
    for k, (label, variances) in enumerate(spectra.items()):
        share = variances / max(float(variances.sum()), 1e-30)
        share = share[share > _SMALLEST]
        axes.plot(np.arange(1, len(share) + 1), share, color=plots.colour(k), label=label)
    axes.axvline(rank, color="0.6", linewidth=0.7, linestyle=":")
    axes.set_yscale("log")
    axes.set_xlabel("principal component")
    if spectra:  # of a partial run, there may be none yet
        axes.legend(fontsize=6.5)


STUDY = Study(
    name="components",
    purpose="principal components of codes, and the error as they are held near those of z",
    arms=arms,
    findings=findings,
    solver="lbfgs",
    max_evaluations=100,
    count=160,
    own_sets=True,
    takes=frozenset({"projection_weights"}),
)
