"""Inverts pictures: finds the codes inside a trained generator that draw them.

    python -m tfinv.invert --flagfile=configs/quickstart.cfg
    python -m tfinv.invert --generator=path/to/module --images=photos/,sample:8 --output_dir=out

By default in two stages: first the latent vector, then, from there, the output of the first dense
layer, which can write down real photographs almost exactly. `python -m tfinv.inspect` shows the
other layers of a generator; --layer takes one of them, --stages a row of them.

The output folder gets images.csv, summary.json, contact_sheet.png, report.html, TensorBoard
events, the codes in shards, and config.cfg, with which the run can be repeated. The same command
again goes on where a run was stopped, whatever stopped it. Exit status: 0 if all pictures are done,
1 if some failed (images.csv says which and why), 2 if nothing could start.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from absl import flags

from tfinv.commands import (
    feature_flags,
    generator_flags,
    inversion_flags,
    label_flags,
    picture_flags,
    stage_flags,
)
from tfinv.commands.config import config_text
from tfinv.commands.inverter import flagged_inverter
from tfinv.commands.main import SOME_FAILED, import_tensorflow, run_main
from tfinv.errors import UserError

_LAYER = flags.DEFINE_string("layer", None, "One stage at this layer, in the place of --stages.")
_START_FROM = flags.DEFINE_string("start_from", None, "Output folder of the run for start=stored.")


def main(argv: Sequence[str]) -> int:
    """Inverts, writes the folder, returns the exit status."""
    started = time.monotonic()
    stages = _stages()
    inversion_flags.budgets()  # what is no number is refused now, and not seconds later
    is_stored = _start_is_stored()
    inversion_flags.check_resume()
    import_tensorflow(inversion_flags.logical_cpus())
    from tfinv.applications.pictures import count_pictures
    from tfinv.applications.stored import stored_start
    from tfinv.inversion.devices import find_devices
    from tfinv.results.store import Store

    devices = find_devices(flags.FLAGS.devices)

    total = count_pictures(picture_flags.IMAGES.value)
    generator = generator_flags.load_flagged_generator()
    stages = _stages_that_there_are(generator, stages)
    labels = label_flags.read_labels(generator)
    start, names = stage_flags.START.value, None
    if is_stored:
        stored, names = stored_start(_START_FROM.value, stages[0])
        start = [stored, *start[1:]]
    inverter = flagged_inverter(generator, stages, start, total)
    search = label_flags.label_search(inverter, start[0])
    inversion_flags.keep_defaults(inverter, total, devices)
    # --layer stands for --stages, and a command refuses both.
    idle = (*inversion_flags.ELSEWHERE, *(("stages",) if _LAYER.value is not None else ()))
    with Store(
        flags.FLAGS.output_dir,
        config_text=config_text(argv[0], leave_out=idle),
        overwrite=flags.FLAGS.overwrite,
        identity={"generator": generator.digest, "pictures": total},
    ) as store:
        job = _Job(inverter, store, total, labels, search, names, devices)
        return _run(job, started)


class _Job(NamedTuple):
    """What is to be done, and where."""

    inverter: Any
    store: Any
    total: int
    labels: Any
    search: Any
    names: dict[int, str] | None
    devices: Sequence[str]


def _run(job: _Job, started: float) -> int:
    """Inverts what the store does not hold, and writes tables and pictures whatever happens."""
    from tfinv.results.finish import earlier, finish
    from tfinv.results.progress import Progress
    from tfinv.results.tally import RunInfo

    inverter, store, total = job.inverter, job.store, job.total
    done, error = len(store), None
    before, is_taken_up = earlier(store), store.has_state
    last = None

    def update(outcome) -> None:
        nonlocal last
        last = outcome
        progress.update(outcome)

    with Progress(total, done=done) as progress:
        try:
            _invert(job, update, progress)
        except (KeyboardInterrupt, UserError) as fault:  # what is done is worth its tables
            error = fault
    finished = len(store)
    seconds = time.monotonic() - started if finished > done else 0.0
    info = RunInfo(
        generator=flags.FLAGS.generator,
        stages=tuple(stage.layer for stage in inverter.stages),
        solver=flags.FLAGS.solver,
        seconds=seconds + before.seconds,
        partial=finished < total,
        spending=_spending(before, last, is_taken_up),
    )
    try:
        tally = finish(store, info)
    except UserError as fault:
        raise error or fault from None
    print(_verdict(tally, store, total))
    if isinstance(error, UserError) and finished > done:
        print(f"error: {error}", file=sys.stderr)
        return SOME_FAILED
    if error is not None:
        raise error
    return SOME_FAILED if tally.failed else 0


def _spending(before, last, is_taken_up: bool) -> tuple[int, int]:
    """Evaluations computed and wasted by the whole run."""
    now = (0, 0) if last is None else (last.spending.computed, last.spending.wasted)
    if last is not None and is_taken_up:  # what was taken up has counted on
        return now
    return before.computed + now[0], before.wasted + now[1]


def _invert(job: _Job, on_batch, progress) -> None:
    from tfinv.applications.inversion import invert_pictures
    from tfinv.applications.pictures import read_pictures

    pictures = read_pictures(
        job.inverter.generator,
        picture_flags.IMAGES.value,
        **job.labels._asdict(),
        seed=flags.FLAGS.seed,
        is_done=job.store.is_finished,
    )
    invert_pictures(
        job.inverter,
        pictures,
        job.store,
        stored_names=job.names,
        label_search=job.search,
        on_batch=on_batch,
        on_progress=lambda stage, state: progress.doing(
            f"{stage.layer}, {state.evaluations.numpy().max()} evaluations"
        ),
        on_note=lambda text: progress.say(f"note: {text}"),
        devices=job.devices,
        save_every=flags.FLAGS.save_every,
    )


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
        return stage_flags.STAGES.value
    if flags.FLAGS["stages"].present:
        raise UserError("--layer and --stages exclude each other: drop one")
    return [_LAYER.value]


def _stages_that_there_are(generator, stages: list[str]) -> list[str]:
    """Those asked for; where nobody asked and there is no dense layer, the latent alone."""
    asked = _LAYER.value is not None or flags.FLAGS["stages"].present
    if asked or any(layer.dense for layer in generator.layers()):
        return stages
    print(
        "note: this generator has no dense layer, so the latent is the only stage; --stages adds "
        "others, of those that python -m tfinv.inspect lists",
        file=sys.stderr,
    )
    flags.FLAGS.stages = stages[:1]
    return stages[:1]


def _start_is_stored() -> bool:
    is_stored = stage_flags.START.value[:1] == ["stored"]
    if "stored" in stage_flags.START.value[1:]:
        raise UserError("--start=stored is for the first stage: later ones go on, with before")
    if is_stored != (_START_FROM.value is not None):
        raise UserError("--start=stored and --start_from=FOLDER go together: give both or none")
    return is_stored


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(feature_flags)
    flags.adopt_module_key_flags(inversion_flags)
    flags.adopt_module_key_flags(label_flags)
    flags.adopt_module_key_flags(stage_flags)
    flags.declare_key_flag(picture_flags.IMAGES.name)
    flags.mark_flags_as_required(["generator", "images", "output_dir"])
    sys.exit(run_main(main))
