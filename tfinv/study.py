"""Repeats one of the thesis's experiments on any generator, and writes its figure and its table.

    python -m tfinv.study --flagfile=configs/study_gradient.cfg
    python -m tfinv.study --study=open_relus --generator=path/to/module --output_dir=out

A study inverts the same pictures several times; its arms differ in one thing.

open_relus: the share of open units in the first ReLU layer behind the cut, and the error, along the
    optimisation: at the latent, and at the dense layer from several starts with the true gradient
    and with the modified one (figures 4.3 to 4.5).
components: the principal components of codes at the dense layer, of samples, noise and --images;
    and how both shrink and the error grows as codes are held near those of z (figures 5.7 to 5.9).
losses: the error at the latent, in pixels and in features, by loss (figure 6.6).
gradient: the true gradient, a random label and the modified gradient (table 6.1).

The output folder gets figure.png, table.md, table.csv, curves.csv (where the figure has curves),
study.json, the parts that are done, and config.cfg. A run that was stopped goes on when the same
command is given again. Exit status: 0 if all pictures are done, 1 if some failed, 2 if nothing
could start. docs/STUDIES.md shows what each study says of the generator that ships.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfinv.commands import feature_flags, generator_flags, inversion_flags, picture_flags
from tfinv.commands.config import config_text
from tfinv.commands.main import SOME_FAILED, import_tensorflow, run_main
from tfinv.errors import UserError

_STUDY = flags.DEFINE_enum(
    "study", None, ["open_relus", "components", "losses", "gradient"], "Which one; see above."
)
_LATENT_EVALUATIONS = flags.DEFINE_integer(
    "latent_evaluations",
    150,
    "open_relus: how many of the evaluations an arm that begins at the latent spends there.",
    lower_bound=1,
)
_PROJECTION_WEIGHTS = flags.DEFINE_list(
    "projection_weights",
    ["1e-6", "1e-5", "1e-4"],
    "components: weights of the term projection, |h - proj(h)|^2, beside mse, rising.",
)
_LIKELIHOOD_WEIGHT = flags.DEFINE_float(
    "likelihood_weight", 1e-5, "losses: weight of the term likelihood, |z|^2/2, beside mse."
)
_FEATURE_WEIGHT = flags.DEFINE_float(
    "feature_weight",
    None,
    "losses: weight of the term features beside mse; by default that at which both count alike "
    "between pictures that have nothing to do with each other.",
)

# Of the flags of an inversion; the others would contradict what the arms are.
_SHARED = ("label", "solver", "max_evaluations", "batch_size", "seed", "output_dir", "overwrite")
_OWN = ("latent_evaluations", "projection_weights", "likelihood_weight", "feature_weight")


def main(argv: Sequence[str]) -> int:
    """Runs the study, writes the folder, returns the exit status."""
    _refuse_strangers()
    weights = _projection_weights()
    import_tensorflow()
    from tfinv.applications.studies.registry import STUDIES
    from tfinv.applications.studies.study import Options, Setup
    from tfinv.inversion.solvers import SOLVERS
    from tfinv.results.findings import FILES
    from tfinv.results.parts import Parts

    values, study = flags.FLAGS, STUDIES[_STUDY.value]
    _refuse_others(study)
    # Defaults go into config.cfg too, so that no later version changes the run.
    if not values["solver"].present:
        values.solver = study.solver
    if values.solver not in SOLVERS:
        raise UserError(f"solver {values.solver!r} is not known: it is one of {', '.join(SOLVERS)}")
    if values.count is None:
        values.count = study.count
    if values.count < 2:
        raise UserError("--count=1: a study takes at least 2 pictures of each set")
    budget = _budget(study.max_evaluations)
    values.max_evaluations = [str(budget)]
    generator = generator_flags.load_flagged_generator()
    options = Options(
        solver=values.solver,
        max_evaluations=budget,
        batch_size=values.batch_size,
        seed=values.seed,
        latent_evaluations=_LATENT_EVALUATIONS.value,
        projection_weights=weights,
        likelihood_weight=_LIKELIHOOD_WEIGHT.value,
        feature_weight=_FEATURE_WEIGHT.value,
    )
    network = feature_flags.load_flagged_network()
    setup = Setup(generator, _sets(study, generator), options, network)
    strangers = [name for name in _OWN if name not in study.takes]
    config = config_text(argv[0], leave_out=("output_dir", "overwrite", *strangers))
    with Parts(
        values.output_dir, config_text=config, files=FILES, overwrite=values.overwrite
    ) as parts:
        return _run(study, setup, parts)


def _run(study, setup, parts) -> int:
    from tfinv.applications.studies.run import count_work, run_study
    from tfinv.results.findings import markdown
    from tfinv.results.progress import Progress

    with Progress(count_work(study, setup)) as progress:
        end = run_study(study, setup, parts, on_batch=progress.update, on_progress=progress.doing)
    for line in end.failed:
        print(f"failed: {line}", file=sys.stderr)
    if end.findings is not None:
        print(markdown(end.findings))
        print(parts.folder / "figure.png")
    if end.partial:
        raise KeyboardInterrupt
    return SOME_FAILED if end.failed else 0


def _sets(study, generator) -> dict:
    """The pictures of the study, set by set."""
    from tfinv.applications.pictures import count_pictures
    from tfinv.applications.studies.study import gather

    count = picture_flags.COUNT.value
    drawn = ["samples"] if study.own_sets or picture_flags.IMAGES.value is None else []
    specs = {name: [f"{name.removesuffix('s')}:{count}"] for name in drawn}
    if picture_flags.IMAGES.value is not None:
        specs["pictures"] = picture_flags.IMAGES.value
        total = count_pictures(specs["pictures"])
        if total > count:
            note = f"note: the first {count} of {total} pictures; --count={total} takes all"
            print(note, file=sys.stderr)
    if study.own_sets:
        specs["noise"] = [f"noise:{count}"]
    label = inversion_flags.check_label(generator)
    seed = flags.FLAGS.seed
    return {
        name: gather(generator, spec, count, name=name, label=label, seed=seed)
        for name, spec in specs.items()
    }


def _refuse_strangers() -> None:
    """Flags of an inversion that a study sets itself."""
    given = flags.FLAGS.flags_by_module_dict()[inversion_flags.__name__]
    idle = [flag.name for flag in given if flag.present and flag.name not in _SHARED]
    if idle:
        raise UserError(f"--{idle[0]} is what the arms of a study decide: drop it")


def _refuse_others(study) -> None:
    """Flags of another study."""
    idle = [name for name in _OWN if flags.FLAGS[name].present and name not in study.takes]
    if idle:
        raise UserError(f"--{idle[0]} says nothing to --study={study.name}: drop it")
    if flags.FLAGS.feature_network is not None and "feature_weight" not in study.takes:
        raise UserError(f"--feature_network says nothing to --study={study.name}: drop it")
    if _FEATURE_WEIGHT.value is not None and flags.FLAGS.feature_network is None:
        raise UserError("--feature_weight is that of no network: add --feature_network")
    for name in ("likelihood_weight", "feature_weight"):
        if flags.FLAGS[name].value is not None and not flags.FLAGS[name].value > 0:
            raise UserError(f"--{name}={flags.FLAGS[name].value:g} is no positive number")


def _projection_weights() -> tuple[float, ...]:
    text = ",".join(_PROJECTION_WEIGHTS.value)
    try:
        weights = tuple(float(weight) for weight in _PROJECTION_WEIGHTS.value)
    except ValueError:
        raise UserError(f"--projection_weights={text} is no list of numbers") from None
    rising = all(a < b for a, b in zip((0.0, *weights), (*weights, float("inf")), strict=True))
    if not rising:
        raise UserError(f"--projection_weights={text}: they are positive, and rise")
    return weights


def _budget(usual: int) -> int:
    budgets = inversion_flags.budgets() or [usual]
    if len(budgets) > 1 or budgets[0] < 1:
        text = ",".join(map(str, budgets))
        raise UserError(f"--max_evaluations={text}: a study takes one number, at least 1")
    return budgets[0]


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(feature_flags)
    flags.adopt_module_key_flags(picture_flags)
    for name in _SHARED:
        flags.declare_key_flag(name)
    flags.FLAGS.set_default("batch_size", 16)
    flags.mark_flags_as_required(["study", "generator", "output_dir"])
    sys.exit(run_main(main))
