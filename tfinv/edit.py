r"""Edits pictures that have been inverted, through their codes.

    python -m tfinv.edit --flagfile=configs/edit.cfg
    python -m tfinv.edit --results=DIR --attribute=smiling --attributes=attributes.csv \
        --strength=-2,-1,0,1,2 --output_dir=out
    python -m tfinv.edit --results=DIR --pictures=me.jpg --painted=painted.png --mask=mask.png \
        --output_dir=out
    python -m tfinv.edit --results=DIR --feature_network=classifier --like=other.jpg \
        --output_dir=out

Along attributes: the vector of an attribute leads from the mean code of the pictures without it to
that of the pictures with it, as a table (--attributes) or their classes (--attribute=class:3) have
them. It is learnt from all pictures of the run, and those of --pictures are moved along it. How
well it tells pictures apart that it was not learnt from is printed. It is kept, and --vectors moves
the pictures of another run along it.

By painting: what a picture shows where its mask is white, and its reconstruction elsewhere, is
carried into the code by the gradient, with a penalty on leaving the code that it had (--penalty).

By features: the same, towards what --feature_network would see: in another picture (--like), or in
pictures with an attribute. --strength is how much of that way.

The output folder gets strip-*.png, edited-*.png (each picture), edits.csv, edits-*.npz (codes and
pictures, for Python), vector-*.npz, edit.json and config.cfg. A run that was stopped goes on when
the same command is given again. Exit status: 0 if all is done, 1 if a picture failed, 2 if nothing
could start. docs/EDIT.md shows all three.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfinv.commands import edit_flags, feature_flags, generator_flags, results_flags
from tfinv.commands.config import config_text, refuse_strangers
from tfinv.commands.main import SOME_FAILED, import_tensorflow, run_main
from tfinv.errors import UserError

_SHOWN = 8  # pictures, where none is named


def main(argv: Sequence[str]) -> int:
    """Edits, writes the folder, returns the exit status."""
    refuse_strangers(argv[0])
    kind = edit_flags.find_kind()
    strengths = edit_flags.strengths(kind)
    budget = edit_flags.budget()
    results_flags.check_results()
    import_tensorflow()
    from tfinv.applications.editing.strips import FILES
    from tfinv.results.parts import Parts

    values = flags.FLAGS
    # Defaults go into config.cfg too, so that no later version changes the run.
    values.max_evaluations = [str(budget)]
    values.strength = [f"{strength:g}" for strength in strengths]
    learnt, chosen = _pictures()
    if kind == edit_flags.ALONG:
        work, facts = _along(learnt, chosen, strengths)
    elif kind == edit_flags.PAINTING:
        work, facts = _by_painting(chosen)
    else:
        work, facts = _by_features(learnt, chosen, strengths)
    idle = edit_flags.idle_flags(kind)
    config = config_text(argv[0], leave_out=("output_dir", "overwrite", *idle))
    with Parts(
        values.output_dir, config_text=config, files=FILES, overwrite=values.overwrite
    ) as parts:
        return _run(work, facts, len(work) * len(strengths), chosen, parts)


def _pictures():
    """The pictures that are learnt from, all of the run, and those that are edited."""
    from tfinv.applications.editing.run import at_layer, take_pictures
    from tfinv.applications.inverted import load_inverted
    from tfinv.results.load import load_results

    values, wanted = flags.FLAGS, results_flags.wanted_pictures()
    generator = results_flags.load_results_generator()
    learns = values.attribute is not None or values.like is not None
    inverted = load_inverted(values.results, generator, values.stage, None if learns else wanted)
    if values.edit_layer is not None:
        inverted = at_layer(inverted, values.edit_layer)
    rows = range(min(_SHOWN, len(inverted))) if wanted is None else range(len(inverted))
    if learns and wanted is not None:
        found = load_results(values.results, values.stage, wanted).indices
        place = {int(index): row for row, index in enumerate(inverted.results.indices)}
        rows = [place[int(index)] for index in found]
    if wanted is None and len(rows) < len(inverted):
        print(
            f"note: the first {_SHOWN} of {len(inverted)} pictures are edited; --pictures chooses "
            "others",
            file=sys.stderr,
        )
    return inverted, take_pictures(inverted, rows)


def _along(learnt, chosen, strengths: Sequence[float]):
    """Moves along vectors, learnt here or before.

    Returns:
      Functions of the folder and a Watch, each to a Strip; and what edit.json says of them.
    """
    from tfinv.applications.editing.run import move_along
    from tfinv.applications.editing.strips import file_names
    from tfinv.applications.editing.vectors import learn_vector, load_vector, save_vector

    values = flags.FLAGS
    if values.vectors is not None:
        vectors = [load_vector(path, learnt) for path in values.vectors]
    else:
        labels = _labels(learnt)
        vectors = [
            learn_vector(learnt, name, labels, edit_flags.held(name), values.method, values.seed)
            for name in values.attribute
        ]

    def work(vector, name):
        def make(parts, watch):
            parts.write(f"vector-{name}.npz", lambda file: save_vector(file, vector))
            return move_along(chosen, vector, strengths, watch)

        return make

    names = file_names([vector.about.name for vector in vectors])
    return list(map(work, vectors, names)), [_facts(vector.about) for vector in vectors]


def _by_painting(chosen):
    """Carries painted pictures into codes; for what it returns see `_along`."""
    import numpy as np

    from tfinv.applications.editing.painting import painter, read_painting
    from tfinv.applications.editing.run import edit_painting
    from tfinv.images.resize import size_before

    painted, masks = flags.FLAGS.painted, flags.FLAGS.mask
    if len(painted) != len(chosen):
        raise UserError(
            f"{len(painted)} of --painted for {len(chosen)} of --pictures: give one each"
        )
    masks = masks * len(painted) if len(masks) == 1 else masks
    shape = chosen.generator.image_shape
    had = map(size_before, chosen.results.notes)
    read = [
        read_painting(*both, shape, size) for *both, size in zip(painted, masks, had, strict=True)
    ]
    pixels, weights = map(np.stack, zip(*read, strict=True))
    carrier = painter(chosen.generator, chosen.split.layer.name, **_options(len(chosen)))

    def make(parts, watch):
        return edit_painting(chosen, carrier, pixels, weights, parts, watch)

    return [make], [{"edit": "painting", "painted": painted, "masks": masks}]


def _by_features(learnt, chosen, strengths: Sequence[float]):
    """Carries features into codes; for what it returns see `_along`."""
    import numpy as np

    from tfinv.applications.editing.features import feature_mover, features_of
    from tfinv.applications.editing.learning import learn
    from tfinv.applications.editing.run import edit_features

    values, network = flags.FLAGS, feature_flags.load_flagged_network()
    layer = chosen.split.layer.name
    carrier = feature_mover(chosen.generator, layer, network, **_options(len(chosen)))
    edits = []
    if values.like is not None:
        goal = features_of(network, _picture_like(learnt)[None])
        ways = goal - features_of(network, chosen.results.images)
        name = f"like {Path(values.like).name}"
        said = f"towards the features of {values.like} at {network.layer}"
        edits.append((name, said, ways, {"edit": name, "features": network.layer}))
    else:
        labels, rows = _labels(learnt), features_of(network, learnt.results.targets)
        for name in values.attribute:
            held = edit_flags.held(name)
            way, about = learn(rows, labels, name, held, values.method, values.seed)
            ways = np.tile(way.astype(np.float32), [len(chosen), 1])
            said = f"features at {network.layer} along {about.said}"
            edits.append((name, said, ways, {**_facts(about), "features": network.layer}))

    def work(name, said, ways):
        def make(parts, watch):
            return edit_features(
                chosen, carrier, network, ways, strengths, name, said, parts, watch
            )

        return make

    return [work(*edit[:3]) for edit in edits], [edit[3] for edit in edits]


def _run(work, facts: list[dict], steps: int, chosen, parts) -> int:
    """Does the work, and writes what it leaves."""
    import numpy as np

    from tfinv.applications.editing.run import Watch
    from tfinv.applications.editing.strips import failures, write_strips
    from tfinv.applications.outcome import Outcome
    from tfinv.results.progress import Progress

    with Progress(steps * len(chosen)) as progress:
        watch = Watch(lambda count: progress.update(Outcome(count, 0, np.zeros(0))), progress.doing)
        strips = [make(parts, watch) for make in work]
    files = write_strips(parts, chosen, strips)
    about = {
        "generator": chosen.generator.path,
        "layer": chosen.split.layer.name,
        "pictures": chosen.results.names,
        "edits": facts,
    }
    text = json.dumps(about, indent=2) + "\n"
    parts.write("edit.json", lambda file: file.write(text.encode()))
    failed = failures(chosen, strips)
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    for strip, file in zip(strips, files, strict=True):
        print(strip.said)
        print(parts.folder / file)
    return SOME_FAILED if failed else 0


def _labels(learnt) -> dict:
    """Who has which of the attributes that flags name; says which go together."""
    from tfinv.applications.editing.attributes import find_attribute, read_attributes, together

    values, results = flags.FLAGS, learnt.results
    table = {}
    if values.attributes is not None:
        table = read_attributes(values.attributes, results.names)
    labels = {
        name: find_attribute(name, table, results.classes, learnt.generator)
        for name in dict.fromkeys([*values.attribute, *(values.orthogonal_to or ())])
    }
    for name in values.attribute:
        others = {k: v for k, v in table.items() if k not in (name, *edit_flags.held(name))}
        for other, share in together(labels[name], others).items():
            print(
                f"note: {name} goes together with {other} in these pictures (correlation "
                f"{share:+.2f}): --orthogonal_to={other} keeps that as it is",
                file=sys.stderr,
            )
    return labels


def _facts(about) -> dict:
    """What edit.json says of a direction; warns of one that means little."""
    if about.warning is not None:
        print(f"note: {about.warning}", file=sys.stderr)
    return {
        "edit": about.name,
        "method": about.method,
        "held": list(about.held),
        "with": about.counts[0],
        "without": about.counts[1],
        "accuracy": None if math.isnan(about.accuracy) else about.accuracy,
    }


def _picture_like(learnt):
    """The picture of --like: one of the run by name or place, or a file."""
    from tfinv.applications.editing.painting import read_picture

    names, text = learnt.results.names, flags.FLAGS.like
    places = {str(index): row for row, index in enumerate(learnt.results.indices)}
    if text in names or text in places:
        row = names.index(text) if text in names else places[text]
        return learnt.results.targets[row]
    return read_picture(text, learnt.generator.image_shape)


def _options(pictures: int) -> dict:
    """What a Carrier takes of the flags."""
    values = flags.FLAGS
    return {
        "penalty": values.penalty,
        "norm": values.norm,
        "max_evaluations": edit_flags.budget(),
        "batch_size": min(values.batch_size, pictures),
    }


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(results_flags)
    flags.adopt_module_key_flags(feature_flags)
    flags.adopt_module_key_flags(edit_flags)
    for name in ("max_evaluations", "batch_size", "seed", "output_dir", "overwrite"):
        flags.declare_key_flag(name)
    flags.FLAGS.set_default("batch_size", 16)
    flags.mark_flags_as_required(["results", "output_dir"])
    sys.exit(run_main(main))
