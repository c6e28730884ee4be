"""Draws the pictures on the way between two codes of an earlier run.

    python -m tfinv.interpolate --flagfile=configs/interpolate.cfg
    python -m tfinv.interpolate --results=quickstart --path=pictures --pairs=0:3 --output_dir=out

--path says from where to where:

stages: from what the latent stage found for each picture to what the last stage did; at the dense
    layer g2(g1(z*) + a delta*).
pictures: from each of --pictures to the next, or between --pairs of them.
samples: from each picture to samples of the generator.
classes: the code held, from the picture's class to others, of generators with one-hot labels.

Codes behind the latent go linearly; z, as the code or beside it, linearly or along an arc (--way).
What g2 reads of z and labels beside the code goes along, unless --hold says otherwise. An end that
the run has stored shows the stored picture, pixel for pixel.

The output folder gets grid.png, with titles and errors; strip-*.png, the bare pixels of each path;
path-*.npz, its codes; paths.csv; with --film, film.gif and film.mp4, in which the paths from each
picture to the next come one after another and others side by side; and config.cfg. Exit status: 0
if all is drawn, 2 if it cannot be. docs/INTERPOLATE.md shows what to expect.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfinv.commands import film_flags, generator_flags, inversion_flags, results_flags
from tfinv.commands.config import config_text, refuse_strangers
from tfinv.commands.main import import_tensorflow, run_main
from tfinv.errors import UserError

_PATH = flags.DEFINE_enum(
    "path", None, ["stages", "pictures", "samples", "classes"], "From where to where; see above."
)
_STEPS = flags.DEFINE_integer("steps", 9, "Pictures on a path, both ends among them.", 2)
_BEYOND = flags.DEFINE_integer(
    "beyond", 0, "How many more at either side, at the same distance: a below 0 and above 1.", 0
)
_WAY = flags.DEFINE_enum(
    "way", "linear", ["linear", "spherical"], "How z goes, chunk by chunk where it has chunks."
)
_HOLD = flags.DEFINE_list(
    "hold",
    [],
    "Of latent and labels, what stays that of the first end where g2 reads it beside the code. The "
    "path then does not end at the stored picture.",
)
_PAIRS = flags.DEFINE_list(
    "pairs", None, "pictures: which, by name or place in the run, as in 0:3,2:5."
)
_CLOSED = flags.DEFINE_bool("closed", False, "pictures: also from the last one to the first.")
_FROM_STAGE = flags.DEFINE_string("from_stage", "latent", "stages: where the paths begin.")
_ENDS = flags.DEFINE_integer(
    "ends", 1, "samples, classes: how many are drawn at random for each picture.", 1
)
_TO_CLASS = flags.DEFINE_list(
    "to_class",
    None,
    "By number or name. classes: where to, in the place of random ones. samples: the class of the "
    "samples, by default the picture's own.",
)
_SHARED = ("seed", "output_dir", "overwrite")
_TAKEN_BY = {
    "pairs": ("pictures",),
    "closed": ("pictures",),
    "from_stage": ("stages",),
    "ends": ("samples", "classes"),
    "to_class": ("samples", "classes"),
    "way": ("stages", "pictures", "samples"),
    "seed": ("samples", "classes"),
}


def main(argv: Sequence[str]) -> int:
    """Draws the paths, writes the folder, returns the exit status."""
    refuse_strangers(argv[0])
    _refuse_idle()
    results_flags.check_results()
    import_tensorflow()
    from tfinv.applications.interpolation.blends import positions
    from tfinv.applications.interpolation.run import FILES, interpolate
    from tfinv.results.parts import Parts
    from tfinv.results.progress import Progress

    film_flags.check_films()
    inverted, paths = _paths()
    _refuse_unread(inverted.split)
    values = flags.FLAGS
    idle = [name for name, takers in _TAKEN_BY.items() if _PATH.value not in takers]
    config = config_text(argv[0], leave_out=(*inversion_flags.ELSEWHERE, *idle))
    with (
        Parts(
            values.output_dir, config_text=config, files=FILES, overwrite=values.overwrite
        ) as parts,
        Progress(len(paths), unit="paths") as progress,
    ):
        interpolate(
            inverted.split,
            paths,
            positions(_STEPS.value, _BEYOND.value),
            parts,
            way=_WAY.value,
            hold=_HOLD.value,
            films=film_flags.FILM.value,
            rate=film_flags.RATE.value or film_flags.USUAL_RATE,
            as_chain=_PATH.value == "pictures" and _PAIRS.value is None,
            on_path=progress.update,
        )
        print(parts.folder / "grid.png")
    return 0


def _paths():
    """The pictures, and the paths between them."""
    from tfinv.applications.interpolation import paths

    seed, count = flags.FLAGS.seed, _ENDS.value
    if _PATH.value == "pictures":
        return _between_pictures()
    inverted = results_flags.load_flagged_results()
    if _PATH.value == "stages":
        return inverted, paths.stage_paths(_earlier(inverted), inverted)
    labels = None
    if _TO_CLASS.value is not None:
        labels = [int(k) for k in inverted.generator.check_labels(_TO_CLASS.value)]
    if _PATH.value == "classes":
        return inverted, paths.class_paths(inverted, labels, count, seed)
    label = None if labels is None else labels[0]
    return inverted, paths.sample_paths(inverted, count, label, seed)


def _earlier(inverted):
    """The same pictures as an earlier stage left them."""
    from tfinv.applications.inverted import load_inverted

    stage, results = _FROM_STAGE.value, inverted.results
    if stage == results.stage:
        raise UserError(f"--from_stage={stage} is where the paths end: name an earlier stage")
    pictures = [int(index) for index in results.indices]
    return load_inverted(flags.FLAGS.results, inverted.generator, stage, pictures)


def _between_pictures():
    from tfinv.applications.interpolation.paths import picture_paths
    from tfinv.applications.inverted import load_inverted

    if _PAIRS.value is None:
        inverted = results_flags.load_flagged_results()
        paths = picture_paths(inverted)
        if _CLOSED.value:
            paths += picture_paths(inverted, [(len(inverted) - 1, 0)])
        return inverted, paths
    pairs = [text.split(":") for text in _PAIRS.value]
    for text, pair in zip(_PAIRS.value, pairs, strict=True):
        if len(pair) != 2 or not all(pair):
            raise UserError(f"--pairs={text} is no pair: write two names or places, such as 0:3")
    wanted = [[int(end) if end.isdecimal() else end for end in pair] for pair in pairs]
    inverted = load_inverted(
        flags.FLAGS.results,
        results_flags.load_results_generator(),
        flags.FLAGS.stage,
        [end for pair in wanted for end in pair],
    )
    results = inverted.results
    rows = {name: row for row, name in enumerate(results.names)}
    rows |= {int(index): row for row, index in enumerate(results.indices)}
    return inverted, picture_paths(inverted, [(rows[one], rows[other]) for one, other in wanted])


def _refuse_idle() -> None:
    """Flags that say nothing to this --path."""
    for name, takers in _TAKEN_BY.items():
        if flags.FLAGS[name].present and _PATH.value not in takers:
            raise UserError(f"--{name} says nothing to --path={_PATH.value}: drop it")
    if _PAIRS.value is not None and (_CLOSED.value or flags.FLAGS.pictures is not None):
        other = "closed" if _CLOSED.value else "pictures"
        raise UserError(f"--pairs and --{other} exclude each other: drop one")
    if _TO_CLASS.value is not None and _PATH.value == "samples" and len(_TO_CLASS.value) > 1:
        raise UserError("--to_class: --path=samples takes one class")
    if _TO_CLASS.value is not None and _PATH.value == "classes" and flags.FLAGS["ends"].present:
        raise UserError("--to_class and --ends exclude each other: drop one")
    if "labels" in _HOLD.value and (_PATH.value == "classes" or _TO_CLASS.value is not None):
        other = "path=classes" if _PATH.value == "classes" else "to_class"
        raise UserError(f"--hold=labels and --{other} exclude each other: drop one")


def _refuse_unread(split) -> None:
    """What is said of latents and labels that this layer's g2 does not read."""
    read = {"latent": split.reads_latent, "labels": split.reads_labels}
    for name in _HOLD.value:
        if not read.get(name, True):
            raise UserError(
                f"--hold={name}: at {split.layer.name} no {name} are read beside the code, so "
                "there is nothing to hold: drop it"
            )
    if flags.FLAGS["way"].present and not (split.is_latent or split.reads_latent):
        raise UserError(
            f"--way says how z goes, and at {split.layer.name} none is on the way, only codes, "
            "which go linearly: add --stage=latent or drop it"
        )


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(results_flags)
    flags.adopt_module_key_flags(film_flags)
    for name in _SHARED:
        flags.declare_key_flag(name)
    flags.mark_flags_as_required(["results", "path", "output_dir"])
    sys.exit(run_main(main))
