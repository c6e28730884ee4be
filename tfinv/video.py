"""Inverts a video, so that what is found for one frame is close to what is found for the next.

    python -m tfinv.video --flagfile=configs/video.cfg
    python -m tfinv.video --generator=path/to/module --video=clip.mp4 --output_dir=out

The first frame is inverted as a picture is. Then batches of --frames_at_once frames start from the
last one's code and minimise together their errors and --weight times |h_i - h_(i-1)|_1, at every
stage (thesis, section 8.4). So a code changes from frame to frame by what the frames need, and what
is done with it, as drawing it in another class (--as_class), changes evenly too.

The output folder gets video.mp4, what the last stage draws; beside.mp4, it beside the video;
class-N.mp4; sheet.png; steadiness.md, with mean steps of codes and pixels; frames.csv,
summary.json, codes.npz; the batches that are done; and config.cfg. A run that was stopped goes on
when the same command is given again. Exit status: 0 if all is done, 1 if frames failed (frames.csv
says which), 2 if nothing could start. docs/VIDEO.md shows what the term does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfinv.commands import (
    feature_flags,
    film_flags,
    generator_flags,
    inversion_flags,
    stage_flags,
)
from tfinv.commands.config import config_text, refuse_strangers
from tfinv.commands.main import SOME_FAILED, import_tensorflow, run_main
from tfinv.errors import UserError

_VIDEO = flags.DEFINE_string(
    "video",
    None,
    "An .mp4, .mov, .mkv, .webm or .avi (pip install 'tfinv[video]'), a .gif, a folder or glob of "
    "frames in the order of their names, 2.png before 10.png, or a .tfrecord of frames.",
)
_WEIGHT = flags.DEFINE_list(
    "weight",
    None,
    "Of the norm of the steps: one for every stage, or one each; by default 2e-5 at the latent and "
    "4.5e-7 at other layers.",
)
_AT_ONCE = flags.DEFINE_integer("frames_at_once", 8, "Frames of a batch.", 1)
_BESIDE = flags.DEFINE_list(
    "beside",
    [],
    "What is done for comparison. without: the same with weights of 0; apart: every frame "
    "inverted on its own.",
)
_AS_CLASS = flags.DEFINE_list(
    "as_class", [], "Classes, by number or name, to draw the codes in, beside that of --label."
)
_EVERY = flags.DEFINE_integer("every", 1, "Take the first of so many frames.", 1)
_MOST = flags.DEFINE_integer("most_frames", None, "End after so many that were taken.", 2)
_USUAL, _USUAL_BEHIND = "2e-5", "4.5e-7"
_HEAVIEST = 1e9  # far beyond where no code moves; the square of a heavier one's slope is infinite
_SHARED = (
    "label",
    "loss",
    "solver",
    "max_evaluations",
    "relu_leak",
    "leak_schedule",
    "closed_units",
    "constraint",
    "seed",
    "output_dir",
    "overwrite",
)


def main(argv: Sequence[str]) -> int:
    """Inverts the video, writes the folder, returns the exit status."""
    refuse_strangers(argv[0])
    weights, budgets = _weights(), inversion_flags.budgets()
    _check_choices()
    stage_flags.refuse_stored()
    import_tensorflow()
    from tfinv.applications.video.frames import read_frames
    from tfinv.applications.video.report import FILES
    from tfinv.applications.video.run import Job
    from tfinv.applications.video.sequence import VideoInverter
    from tfinv.inversion.engine import Inverter
    from tfinv.results.parts import Parts
    from tfinv.results.progress import Progress

    film_flags.check_films()
    values = flags.FLAGS
    generator = generator_flags.load_flagged_generator()
    label = inversion_flags.check_label(generator)
    if generator.conditional and label is None:
        raise UserError(f"{values.generator} is conditional: give the video's class, --label")
    frames = read_frames(generator, _VIDEO.value, every=_EVERY.value, most=_MOST.value)
    if frames.note:
        print(f"note: {len(frames)} frames, {frames.note}", file=sys.stderr)
    inverter = Inverter(
        generator,
        stage_flags.STAGES.value,
        loss=values.loss,
        features=feature_flags.load_flagged_network(),
        start=stage_flags.START.value,
        solver=values.solver,
        max_evaluations=budgets,
        relu_leak=values.relu_leak,
        leak_schedule=values.leak_schedule,
        closed_units=values.closed_units,
        batch_size=_AT_ONCE.value,
        seed=values.seed,
        constraint=values.constraint,
    )
    if len(weights) == 1:
        weights *= len(inverter.stages)
    # The solver's own default goes into config.cfg too, so that no later version changes the run.
    values.max_evaluations = [str(stage.solver.max_evaluations) for stage in inverter.stages]
    config = config_text(argv[0], leave_out=inversion_flags.ELSEWHERE)
    total = len(frames) * len(inverter.stages) * (1 + len(_BESIDE.value))
    with (
        Parts(
            values.output_dir, config_text=config, files=FILES, overwrite=values.overwrite
        ) as parts,
        Progress(total, unit="frames") as progress,
    ):
        at_once = min(_AT_ONCE.value, len(frames) - 1)
        video = VideoInverter(inverter, at_once, progress.doing)
        classes = generator.check_labels(_AS_CLASS.value) if _AS_CLASS.value else ()
        chosen = tuple(dict.fromkeys(int(k) for k in classes))
        job = Job(video, frames, weights, label, tuple(_BESIDE.value), chosen)
        return _run(job, parts, progress)


def _run(job, parts, progress) -> int:
    from tfinv.applications.video.report import summary, table, write_report
    from tfinv.applications.video.run import run_job

    done = run_job(job, parts, progress.update)
    rate = film_flags.RATE.value or job.frames.rate or film_flags.USUAL_RATE
    write_report(job, done, parts, film_flags.FILM.value, rate)
    print(table(summary(job, done)))
    print(
        parts.folder / f"video.{film_flags.FILM.value[0]}"
        if film_flags.FILM.value
        else parts.folder / "sheet.png"
    )
    failed = [
        (take, frame)
        for take, taken in done.items()
        for frame, status in enumerate(taken.stages[-1].status)
        if str(status).startswith("failed")
    ]
    for take, frame in failed:
        print(f"failed: {job.frames.names[frame]}: {take}: see frames.csv", file=sys.stderr)
    return SOME_FAILED if failed else 0


def _weights() -> list[float]:
    if _WEIGHT.value is None:
        # So that config.cfg has them too.
        stages = stage_flags.STAGES.value
        flags.FLAGS.weight = [_USUAL if s == "latent" else _USUAL_BEHIND for s in stages]
    text = ",".join(_WEIGHT.value)
    try:
        weights = [float(weight) for weight in _WEIGHT.value]
    except ValueError:
        raise UserError(f"--weight={text} is no list of numbers") from None
    stages = len(stage_flags.STAGES.value)
    if not stages:
        raise UserError("--stages names no layer: give one, such as --stages=latent")
    if not weights or not all(0.0 <= weight <= _HEAVIEST for weight in weights):
        raise UserError(f"--weight={text}: weights are numbers from 0 to {_HEAVIEST:g}")
    if len(weights) not in (1, stages):
        raise UserError(
            f"--weight={text}: {len(weights)} weights do not fit {stages} stages: give one, or one "
            "each"
        )
    return weights


def _check_choices() -> None:
    known = ("without", "apart")
    for name in _BESIDE.value:
        if name not in known:
            raise UserError(f"--beside={name} is not known: it is one of {', '.join(known)}")
        if _BESIDE.value.count(name) > 1:
            raise UserError(f"--beside={name} is given twice: drop one")
    frames, out = (
        Path(text).expanduser().resolve() for text in (_VIDEO.value, flags.FLAGS.output_dir)
    )
    if frames.is_dir() and out.is_relative_to(frames):
        raise UserError(
            f"--output_dir={out} lies among the frames of --video, and what is written there would "
            "be taken for frames: choose another"
        )


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(feature_flags)
    flags.adopt_module_key_flags(film_flags)
    flags.adopt_module_key_flags(stage_flags)
    for name in _SHARED:
        flags.declare_key_flag(name)
    flags.FLAGS.set_default("film", ["mp4"])
    flags.mark_flags_as_required(["generator", "video", "output_dir"])
    sys.exit(run_main(main))
