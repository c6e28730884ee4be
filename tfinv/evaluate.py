r"""Measures how well each layer of a generator can write down sets of pictures.

    python -m tfinv.evaluate --flagfile=configs/table_5_1.cfg --count=32
    python -m tfinv.evaluate --generator=module --sets='samples=sample:500;mine=photos/' \
        --output_dir=out

Pictures are inverted at the latent vector, at the first dense layer, and further behind; for each
set and layer the mean and standard deviation of RMSE, PSNR and SSIM are told, by class where
pictures have labels. The verdict comes first: only if the generator's own samples are found again
at the latent do the other numbers speak about the generator, and not about the inversion. Training
pictures that come out better than test pictures show a generator that has memorised.

The output folder gets evaluation.md (tables to paste), evaluation.csv, evaluation.json,
evaluation.png, by_class.csv, comparison.csv, report.html, config.cfg, a contact sheet of each set
in SET/, and in SET/LAYER/ all that `python -m tfinv.invert` leaves. Given again, the command goes
on where it ended; with more layers, sets or a larger --count it does what is new. Exit status: 0
if all pictures are done, 1 if some failed, 2 if nothing could start.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from absl import flags

from tfinv.commands import feature_flags, generator_flags, inversion_flags, picture_flags
from tfinv.commands.config import config_text
from tfinv.commands.main import SOME_FAILED, import_tensorflow, run_main
from tfinv.errors import UserError

_SETS = flags.DEFINE_multi_string(
    "sets",
    None,
    "Sets of pictures, NAME=IMAGES, several separated by ';' or in several --sets; IMAGES as for "
    "--images of tfinv.invert: files, globs, folders, .tfrecord files, sample:N for N pictures of "
    "the generator itself, noise:N for N of white noise. Give samples, or there is no verdict.",
)
_LAYERS = flags.DEFINE_list(
    "layers",
    None,
    "Where to invert, from the latent towards the picture, as `python -m tfinv.inspect` lists "
    "them. By default the latent, the first dense layer and the outputs of the two blocks behind.",
)
_LATER_START = flags.DEFINE_enum(
    "later_start",
    "open",
    ["open", "previous", "latent", "generated"],
    "Where the layers behind the first one start. previous: at the code found at the layer before, "
    "so that none draws a picture worse than the one before it; open: likewise, but with all units "
    "open right behind the latent, where a ReLU alone reads them; latent: at the code that the "
    "latent found has; generated: at that of a random latent, as the thesis does.",
)
_COMPARE = flags.DEFINE_list(
    "compare",
    None,
    "Two sets whose mean RMSE is compared; train,test if there are such sets.",
)


def main(argv: Sequence[str]) -> int:
    """Evaluates, writes the folder, returns the exit status."""
    budgets = inversion_flags.budgets()
    inversion_flags.check_resume()
    import_tensorflow(inversion_flags.logical_cpus())
    from tfinv.applications.evaluation.run import Evaluation
    from tfinv.applications.evaluation.sets import parse_sets
    from tfinv.inversion.devices import find_devices

    sets = parse_sets(_SETS.value)
    pair = _pair([one.name for one in sets])
    generator = generator_flags.load_flagged_generator()
    values = flags.FLAGS
    evaluation = Evaluation(
        generator,
        sets,
        _LAYERS.value,
        count=picture_flags.COUNT.value,
        max_evaluations=budgets,
        later_start=_LATER_START.value,
        label=_label(generator),
        seed=values.seed,
        batch_size=values.batch_size,
        solver=values.solver,
        loss=values.loss,
        features=feature_flags.load_flagged_network(),
        relu_leak=values.relu_leak,
        leak_schedule=values.leak_schedule,
        closed_units=values.closed_units,
        optimize=values.optimize,
        constraint=values.constraint,
        restarts=values.restarts,
        run_options={"devices": find_devices(values.devices), "save_every": values.save_every},
    )
    # Defaults go into config.cfg too, so that no later version changes the run.
    values.layers = evaluation.layers
    values.max_evaluations = list(map(str, evaluation.budgets))
    values.relu_leak, values.leak_schedule = evaluation.solver.leak, evaluation.solver.leak_schedule
    values.closed_units = "rest" if evaluation.solver.rests else "free"
    values.optimize = list(evaluation.optimize)
    values.compare = list(pair or ()) or None
    return _run(evaluation, pair, argv[0])


def _run(evaluation, pair: tuple[str, str] | None, module: str) -> int:
    """Does what is not done, and writes tables and pictures whatever happens."""
    from tfinv.applications.evaluation.summary import sum_up
    from tfinv.results.evaluation.folder import evaluation_folder, keep_flags
    from tfinv.results.evaluation.page import write_evaluation
    from tfinv.results.progress import Progress

    config = config_text(module, leave_out=inversion_flags.ELSEWHERE)
    error = None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(evaluation_folder(flags.FLAGS.output_dir, config))
        stores = evaluation.open(
            folder,
            lambda one, layers: _cell_config(module, evaluation, one, layers),
            stack,
            overwrite=flags.FLAGS.overwrite,
        )
        keep_flags(folder, config)  # now that no cell refuses them
        done = evaluation.count_done(stores)
        with Progress(evaluation.images, done=done) as progress:
            try:
                evaluation.run(stores, progress, lambda verdict: progress.say(verdict.sentence))
            except (KeyboardInterrupt, UserError) as fault:  # what is done is worth its tables
                error = fault
        evaluated = sum_up(evaluation, stores, pair, config)
        if any(cell.images for cell in evaluated.cells.values()):
            write_evaluation(folder, evaluated, stores)
            print(_summary(evaluated, folder))
        if isinstance(error, UserError) and evaluation.count_done(stores) > done:
            print(f"error: {error}", file=sys.stderr)
            return SOME_FAILED
        if error is not None:
            raise error
    return SOME_FAILED if evaluated.failed else 0


def _cell_config(module: str, evaluation, one, layers: Sequence[str]) -> str:
    """The flags that decide a cell: those of its set, its layer, and what that starts from."""
    values = flags.FLAGS
    budgets = dict(zip(evaluation.layers, evaluation.budgets, strict=True))
    kept = values.sets, values.layers, values.max_evaluations, values.optimize
    try:
        values.sets, values.layers = [one.text], list(layers)
        values.max_evaluations = [str(budgets[layer]) for layer in layers]
        # What other layers optimise decides nothing here, and layers may be added.
        free = {name for layer in layers for name in evaluation.optimize_at[layer]}
        values.optimize = [name for name in evaluation.optimize if name in free]
        idle = (*inversion_flags.ELSEWHERE, "count", "compare")
        return config_text(module, leave_out=idle)
    finally:
        values.sets, values.layers, values.max_evaluations, values.optimize = kept


def _summary(evaluated, folder) -> str:
    """The verdict, then a line for each set, then where to look."""
    from tfinv.results.evaluation.tables import rows_of

    lines = [evaluated.verdict.sentence]
    for name, *texts in rows_of(evaluated, "rmse"):
        cells = zip(evaluated.layers, texts, strict=True)
        lines.append(f"{name}: RMSE " + ", ".join(f"{layer} {text}" for layer, text in cells))
    if evaluated.failed:
        pictures = "picture" if evaluated.failed == 1 else "pictures"
        lines.append(f"{evaluated.failed} {pictures} failed; SET/LAYER/images.csv says why.")
    if evaluated.partial:
        lines.append("Not complete: the same command goes on.")
    return "\n".join([*lines, str(folder / "report.html")])


def _label(generator) -> int | None:
    if flags.FLAGS.label in ("unknown", "interpolated"):
        raise UserError(
            f"--label={flags.FLAGS.label} is for tfinv.invert: an evaluation compares layers at "
            "labels that are known"
        )
    return inversion_flags.check_label(generator)


def _pair(names: Sequence[str]) -> tuple[str, str] | None:
    if _COMPARE.value is None:
        return ("train", "test") if {"train", "test"} <= set(names) else None
    if len(_COMPARE.value) != 2 or len(set(_COMPARE.value)) != 2:
        raise UserError(f"--compare={','.join(_COMPARE.value)}: name two sets, such as train,test")
    if unknown := [name for name in _COMPARE.value if name not in names]:
        raise UserError(f"--compare names {unknown[0]!r}, but the sets are {', '.join(names)}")
    return tuple(_COMPARE.value)


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(feature_flags)
    flags.adopt_module_key_flags(inversion_flags)
    flags.declare_key_flag(picture_flags.COUNT.name)
    flags.FLAGS.set_default("batch_size", 32)
    flags.FLAGS.set_default("count", 1000)
    flags.mark_flags_as_required(["generator", "sets", "output_dir"])
    sys.exit(run_main(main))
