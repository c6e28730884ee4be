r"""Restores pictures: finds what the generator would draw that, degraded alike, looks the same.

    python -m tfinv.restore --flagfile=configs/restore.cfg
    python -m tfinv.restore --generator=path/to/module --images=photos/ \
        --degradation=downsample:4 --output_dir=out
    python -m tfinv.restore --generator=path/to/module --images=small/ --degraded \
        --degradation=downsample:4 --output_dir=out

A picture that has lost something, such as three quarters of its rows and columns, its colours or a
piece in its middle, is inverted through what it lost: what the generator draws is degraded in the
same way before the two are compared. What the generator has drawn then in the places that nobody
saw is its guess. --images are whole pictures, which are degraded for an experiment and are the
truth that results are measured against; or, with --degraded, pictures that are degraded already.

--degradation is one of these, or several with + between them, in the order in which they happen:

downsample:4    the mean of every 4 x 4 pixels; bicubic:4 has the antialiased cubic filter instead
center:0.25     unknown is a quarter of the area, in the centre
random:0.5      unknown is half of the pixels, others in each picture
mask            unknown is what is white in the files of --holes
greyscale       the luma of BT.601
blur:1.5        a Gaussian of 1.5 pixels' standard deviation
jpeg:10         what JPEG of quality 10 leaves
projections:500 500 sums of all pixels with random weights (compressed sensing)

The output folder gets restored-*.png, restored.csv (PSNR and SSIM of each, beside guesses that need
no generator), contact_sheet.png, summary.json, the codes in shards, and config.cfg. The same
command goes on where a run was stopped. Exit status: 0 if all pictures are done, 1 if some failed
(restored.csv says why), 2 if nothing could start. docs/RESTORE.md tells how well it works.
"""

from __future__ import annotations

import functools
import itertools
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
from tfinv.commands.config import config_text, refuse_strangers
from tfinv.commands.inverter import flagged_inverter
from tfinv.commands.main import SOME_FAILED, import_tensorflow, run_main
from tfinv.errors import UserError

_DEGRADATION = flags.DEFINE_string("degradation", None, "What was lost; see above.")
_DEGRADED = flags.DEFINE_bool(
    "degraded", False, "The pictures in --images are degraded already; there is no truth then."
)
_HOLES = flags.DEFINE_string(
    "holes",
    None,
    "For --degradation=mask: a picture that is white where all others are unknown; or a folder "
    "with one for each, of the same name but for its suffix. As large as what is left of a "
    "picture.",
)
_KEEP_SEEN = flags.DEFINE_bool(
    "keep_seen",
    True,
    "Change what the generator drew as little as makes it agree with what was seen: known pixels "
    "are pasted over, and a restored picture made small again is the small one. (Not for jpeg and "
    "projections.)",
)


def main(argv: Sequence[str]) -> int:
    """Restores, writes the folder, returns the exit status."""
    started = time.monotonic()
    refuse_strangers(argv[0])
    inversion_flags.budgets()  # what is no number is refused now, and not seconds later
    inversion_flags.check_resume()
    stage_flags.refuse_stored()
    import_tensorflow(inversion_flags.logical_cpus())
    from tfinv.applications.pictures import count_pictures
    from tfinv.applications.restoration.folder import FILES
    from tfinv.inversion.degradations import find_degradation
    from tfinv.inversion.devices import find_devices
    from tfinv.results.store import Store

    values = flags.FLAGS
    devices = find_devices(values.devices)
    total = count_pictures(picture_flags.IMAGES.value)
    total = min(total, picture_flags.COUNT.value or total)
    generator = generator_flags.load_flagged_generator()
    degradation = find_degradation(_DEGRADATION.value, generator.image_shape)
    masks = _masks(degradation)
    if values.classifier is not None:
        raise UserError("--classifier judges whole pictures, and there are none: drop it")
    labels = label_flags.read_labels(generator)
    inverter = flagged_inverter(
        generator,
        stage_flags.STAGES.value,
        stage_flags.START.value,
        total,
        degradation=degradation,
    )
    search = label_flags.label_search(inverter, stage_flags.START.value[0])
    inversion_flags.keep_defaults(inverter, total, devices)
    identity = {"generator": generator.digest, "pictures": total}
    if masks is not None:
        identity["holes"] = masks.digest
    config = config_text(argv[0], leave_out=inversion_flags.ELSEWHERE)
    with Store(
        values.output_dir,
        config_text=config,
        overwrite=values.overwrite,
        identity=identity,
        files=FILES,
    ) as store:
        return _run(_Job(inverter, store, total, labels, search, masks, devices), started)


class _Job(NamedTuple):
    """What is to be done, and where."""

    inverter: Any
    store: Any
    total: int
    labels: Any
    search: Any
    masks: Any
    devices: Sequence[str]


def _masks(degradation):
    """The masks of --holes, if the degradation takes any; it is held against the other flags."""
    from tfinv.applications.pictures import NOISE, SAMPLE, count_drawn
    from tfinv.applications.restoration.pictures import MaskFiles

    outside = degradation.mask is not None and not degradation.mask.is_made
    if outside != (_HOLES.value is not None):
        raise UserError(
            f"--holes goes with a degradation that ends with mask, and --degradation={degradation} "
            + ("does: add --holes" if outside else "does not: drop one")
        )
    if _DEGRADED.value and not degradation.is_picture:
        raise UserError(
            f"what {degradation} leaves is no picture that a file could hold: drop --degraded, or "
            "give the numbers to tfinv.Inverter(degradation=...) in Python"
        )
    if _DEGRADED.value and degradation.mask is not None and degradation.mask.by_chance:
        raise UserError(
            f"which pixels are lost in a picture that is degraded already, {degradation} cannot "
            "know: give --degradation=mask and --holes, or drop --degraded"
        )
    drawn = [kind for kind in (SAMPLE, NOISE) if count_drawn(picture_flags.IMAGES.value, kind)]
    if _DEGRADED.value and drawn:
        raise UserError(f"--images={drawn[0]}:N are whole pictures: drop --degraded")
    return MaskFiles(_HOLES.value, degradation.seen_shape[:2]) if outside else None


def _run(job: _Job, started: float) -> int:
    """Inverts what the store does not hold, and writes tables and pictures whatever happens."""
    from tfinv.applications.restoration.findings import findings
    from tfinv.applications.restoration.folder import write_restoration
    from tfinv.results.finish import earlier
    from tfinv.results.progress import Progress

    store, values, degradation = job.store, flags.FLAGS, job.inverter.degradation
    done, before, error = len(store), earlier(store).seconds, None
    with Progress(job.total, done=done) as progress:
        try:
            _invert(job, progress)
        except (KeyboardInterrupt, UserError) as fault:  # what is done is worth its tables
            error = fault
    if not len(store):
        raise error
    seconds = before + (time.monotonic() - started if len(store) > done else 0.0)
    found = findings(
        store.results(),
        job.inverter.stages[-1].layer,
        degradation,
        truth=not _DEGRADED.value,
        keep_seen=_KEEP_SEEN.value,
    )
    about = {
        "generator": values.generator,
        "degradation": str(degradation),
        "degraded": _DEGRADED.value,
        "stages": stage_flags.STAGES.value,
        "loss": values.loss,
        "solver": values.solver,
        "partial": len(store) < job.total,
        "seconds": round(seconds, 3),
    }
    restoration = write_restoration(store, found, about, truth=not _DEGRADED.value)
    partial = f" of {job.total}, the same command goes on" if about["partial"] else ""
    failed = f", {restoration.failed} failed (see restored.csv)" if restoration.failed else ""
    sheet = store.folder / "contact_sheet.png"
    print(f"{restoration.images} images{partial}{failed}; {restoration.sentence()}; {sheet}")
    if isinstance(error, UserError) and len(store) > done:
        print(f"error: {error}", file=sys.stderr)
        return SOME_FAILED
    if error is not None:
        raise error
    return SOME_FAILED if restoration.failed else 0


def _invert(job: _Job, progress) -> None:
    from tfinv.applications.inversion import invert_pictures
    from tfinv.applications.pictures import read_pictures
    from tfinv.applications.restoration.pictures import fit_exactly, observe_pictures

    inverter, values = job.inverter, flags.FLAGS
    degradation, degraded = inverter.degradation, _DEGRADED.value
    pictures = read_pictures(
        inverter.generator,
        picture_flags.IMAGES.value,
        **job.labels._asdict(),
        seed=values.seed,
        is_done=job.store.is_finished,
        prepare=functools.partial(fit_exactly, degradation=degradation) if degraded else None,
    )
    wanted = itertools.takewhile(lambda picture: picture.index < job.total, pictures)
    observed = observe_pictures(
        wanted, degradation, masks=job.masks, seed=values.seed, degraded=degraded
    )
    invert_pictures(
        inverter,
        observed,
        job.store,
        label_search=job.search,
        on_batch=lambda outcome: progress.update(_told(outcome)),
        on_progress=lambda stage, state: progress.doing(
            f"{stage.layer}, {state.evaluations.numpy().max()} evaluations"
        ),
        on_note=lambda text: progress.say(f"note: {text}"),
        devices=job.devices,
        save_every=values.save_every,
    )


def _told(outcome):
    """An outcome, its RMSE left out where it is that to a guess."""
    if not _DEGRADED.value:
        return outcome
    return outcome._replace(rmse=outcome.rmse[:0])


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(feature_flags)
    flags.adopt_module_key_flags(inversion_flags)
    flags.adopt_module_key_flags(label_flags)
    flags.adopt_module_key_flags(stage_flags)
    flags.declare_key_flag(picture_flags.IMAGES.name)
    flags.declare_key_flag(picture_flags.COUNT.name)
    flags.FLAGS.set_default("stages", ["latent"])
    flags.FLAGS.set_default("loss", "mse + 1e-5*likelihood")
    flags.mark_flags_as_required(["generator", "images", "degradation", "output_dir"])
    sys.exit(run_main(main))
