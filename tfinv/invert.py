"""Inverts pictures: finds the codes inside a trained generator that draw them.

    python -m tfinv.invert --flagfile=configs/quickstart.cfg
    python -m tfinv.invert --generator=path/to/module --images=photos/,sample:8 --output_dir=out

By default in two stages: first the latent vector, then, from there, the output of the first dense
layer, which can write down real photographs almost exactly. `python -m tfinv.inspect` shows the
other layers of a generator; --layer takes one of them, --stages a row of them.

The output folder gets images.csv, summary.json, contact_sheet.png, report.html, TensorBoard
events, the codes in shards, and config.cfg, with which the run can be repeated. Exit status: 0 if
all pictures are done, 1 if some failed (images.csv says which and why), 2 if nothing could start.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from absl import flags

from tfinv.commands import feature_flags, generator_flags
from tfinv.commands.config import config_text
from tfinv.commands.main import SOME_FAILED, import_tensorflow, run_main
from tfinv.errors import UserError

_IMAGES = flags.DEFINE_list(
    "images",
    None,
    "What to invert, separated by commas: files, globs, folders, .tfrecord files, "
    "package:NAME/PATH for files inside an installed package, sample:N for N pictures drawn by "
    "the generator itself.",
)
_LABEL = flags.DEFINE_string(
    "label", None, "Class of pictures that bring no label of their own: its number or its name."
)
_LAYER = flags.DEFINE_string("layer", None, "One stage at this layer, in the place of --stages.")
_STAGES = flags.DEFINE_list("stages", ["latent", "dense"], "Layers to invert at, in order.")
_LOSS = flags.DEFINE_string(
    "loss",
    "mse",
    "What to minimise, a sum such as 'mse + 1e-5*likelihood + 1e-6*delta'. mse: pixels in [0, 1]; "
    "likelihood: |z|^2/2, where z is optimised; delta: |h - g1(z*)|_1, behind the latent; "
    "features: mean squared distance of what --feature_network makes of the pictures.",
)
_OPTIMIZE = flags.DEFINE_list(
    "optimize",
    None,
    "What to optimise. code: the code alone, the rest is held; code,latent: also what is read of z "
    "behind the layer, as in BigGAN, whose blocks each take a chunk of z; code,labels: also "
    "weights of the classes, in the place of a label, where labels are one-hot. By default the "
    "code, and the latent where it is read, as the thesis does.",
)
_START = flags.DEFINE_string(
    "start",
    "prior",
    "Where the first stage starts. prior: z from N(0, 1); small: z within +-0.001; stored: the "
    "codes of an earlier run (--start_from).",
)
_START_FROM = flags.DEFINE_string("start_from", None, "Output folder of the run for start=stored.")
_SOLVER = flags.DEFINE_string(
    "solver", "lbfgs", "adam: the thesis's; lbfgs: needs far fewer evaluations."
)
_MAX_EVALUATIONS = flags.DEFINE_list(
    "max_evaluations",
    None,
    "Forward and backward passes an image may take, for every stage or, separated by commas, for "
    "each; by default 300 for lbfgs, 30000 for adam.",
)
_RELU_LEAK = flags.DEFINE_float(
    "relu_leak",
    None,
    "Share of a negative gradient that a closed ReLU lets through at first, 0 to 1; it falls as "
    "the solver goes on. By default 0.03 for lbfgs, 0.1 for adam.",
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "Pictures at a time.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of starts and samples.", lower_bound=0)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for the results.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Remove what an earlier run left there.")


def main(argv: Sequence[str]) -> int:
    """Inverts, writes the folder, returns the exit status."""
    started = time.monotonic()
    stages, budgets = _stages(), _budgets()
    is_stored = _start_is_stored()
    import_tensorflow()
    from tfinv.applications.inversion import stored_start
    from tfinv.applications.pictures import count_pictures
    from tfinv.inversion.engine import Inverter
    from tfinv.results.store import Store

    total = count_pictures(_IMAGES.value)
    generator = generator_flags.load_flagged_generator()
    _label(generator)  # what is wrong with it is said before anything is computed
    start, names = _START.value, None
    if is_stored:
        start, names = stored_start(_START_FROM.value, stages[0])
    inverter = Inverter(
        generator,
        stages,
        loss=_LOSS.value,
        features=feature_flags.load_flagged_network(),
        start=start,
        solver=_SOLVER.value,
        max_evaluations=budgets,
        relu_leak=_RELU_LEAK.value,
        batch_size=min(_BATCH_SIZE.value, total),
        seed=_SEED.value,
        optimize=_OPTIMIZE.value,
    )
    # The solver's own defaults go into config.cfg too, so that no later version changes the run.
    flags.FLAGS.max_evaluations = [str(s.solver.max_evaluations) for s in inverter.stages]
    flags.FLAGS.relu_leak = inverter.stages[0].solver.leak
    flags.FLAGS.optimize = list(inverter.optimize)
    # --layer stands for --stages, and a command refuses both.
    idle = ("output_dir", "overwrite", *(("stages",) if _LAYER.value is not None else ()))
    config = config_text(argv[0], leave_out=idle)
    with Store(_OUTPUT_DIR.value, config_text=config, overwrite=_OVERWRITE.value) as store:
        return _run(inverter, store, total, names, started)


def _run(inverter, store, total: int, names, started: float) -> int:
    """Inverts what the store does not hold, and writes tables and pictures whatever happens."""
    from tfinv.applications.inversion import invert_pictures
    from tfinv.applications.pictures import read_pictures
    from tfinv.results.finish import earlier_seconds, finish
    from tfinv.results.progress import Progress
    from tfinv.results.tally import RunInfo

    done, error = store.finished_indices(), None
    if done and max(done) >= total:
        raise UserError(
            f"{store.folder}: holds more images than the {total} that --images gives now; choose "
            "another --output_dir or add --overwrite"
        )
    pictures = read_pictures(
        inverter.generator,
        _IMAGES.value,
        label=_label(inverter.generator),
        seed=_SEED.value,
        is_done=store.is_finished,
    )
    with Progress(total, done=len(done)) as progress:
        try:
            invert_pictures(
                inverter,
                pictures,
                store,
                stored_names=names,
                on_batch=progress.update,
                on_progress=lambda stage, state: progress.doing(
                    f"{stage.layer}, {state.evaluations.numpy().max()} evaluations"
                ),
            )
        except (KeyboardInterrupt, UserError) as fault:  # what is done is worth its tables
            error = fault
    finished = len(store.finished_indices())
    seconds = time.monotonic() - started if finished > len(done) else 0.0
    info = RunInfo(
        generator=flags.FLAGS.generator,
        stages=tuple(stage.layer for stage in inverter.stages),
        solver=_SOLVER.value,
        seconds=seconds + earlier_seconds(store),
        partial=finished < total,
    )
    try:
        tally = finish(store, info)
    except UserError as fault:
        raise error or fault from None
    print(_verdict(tally, store, total))
    if isinstance(error, UserError) and finished > len(done):
        print(f"error: {error}", file=sys.stderr)
        return SOME_FAILED
    if error is not None:
        raise error
    return SOME_FAILED if tally.failed else 0


def _verdict(tally, store, total: int) -> str:
    """One line: how many, how good, where."""
    rmse = ", ".join(
        f"{name} {stage.rmse.mean():.4f}" for name, stage in tally.stages.items() if stage.count
    )
    partial = f" of {total}, the same command goes on" if tally.images < total else ""
    failed = f", {tally.failed} failed (see images.csv)" if tally.failed else ""
    report = store.folder / "report.html"
    return f"{tally.images} images{partial}{failed}; RMSE {rmse or 'none'}; {report}"


def _stages() -> list[str]:
    if _LAYER.value is None:
        return _STAGES.value
    if flags.FLAGS["stages"].present:
        raise UserError("--layer and --stages exclude each other: drop one")
    return [_LAYER.value]


def _start_is_stored() -> bool:
    is_stored = _START.value == "stored"
    if is_stored != (_START_FROM.value is not None):
        raise UserError("--start=stored and --start_from=FOLDER go together: give both or none")
    return is_stored


def _label(generator) -> int | None:
    if _LABEL.value is None:
        return None
    if not generator.conditional:
        raise UserError(f"{flags.FLAGS.generator} takes no labels: drop --label={_LABEL.value}")
    return generator.label(_LABEL.value)


def _budgets() -> list[int] | None:
    texts = _MAX_EVALUATIONS.value
    if texts is None:
        return None
    try:
        return [int(text) for text in texts]
    except ValueError:
        raise UserError(f"--max_evaluations={','.join(texts)} is no list of numbers") from None


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(feature_flags)
    flags.mark_flags_as_required(["generator", "images", "output_dir"])
    sys.exit(run_main(main))
