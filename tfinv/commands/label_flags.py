"""The flags that say what becomes of pictures without a label, and how one is found for them."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from absl import flags

from tfinv.commands import inversion_flags
from tfinv.commands.feature_flags import define_network, load_network
from tfinv.errors import UserError

__all__ = ["Labels", "label_search", "read_labels", "what_to_optimize"]

UNKNOWN, INTERPOLATED = "unknown", "interpolated"

flags.DEFINE_bool(
    "ignore_labels",
    False,
    "Treat pictures that bring a label as if they brought none: see --label.",
)
flags.DEFINE_string(
    "label_candidates",
    None,
    "Classes that --label=unknown tries for each picture. random:8, which is the default: eight at "
    "random, or all if there are no more; top:5, the default with --classifier: the five that it "
    "holds for the likeliest.",
)
flags.DEFINE_integer(
    "label_evaluations",
    None,
    "Forward and backward passes for each candidate of --label=unknown; by default 50.",
    lower_bound=1,
)
define_network(
    "classifier",
    "A network that proposes candidates for --label=unknown: its classes are the generator's, in "
    "the same order. inception_v3, which Keras builds, for ImageNet's; or whatever "
    "--feature_network can be.",
    prefix="classifier",
    layer="Where its scores are, one a class; its only output, if not given.",
)

_CANDIDATES = re.compile(r"(random|top):([1-9]\d{0,5})")
_RANDOM, _TOP = "random:8", "top:5"


class Labels(NamedTuple):
    """What the flags say, as `tfinv.applications.pictures.read_pictures` takes it."""

    label: int | None
    ignore_labels: bool
    may_lack_labels: bool


def read_labels(generator) -> Labels:
    """What pictures get for a label.

    Args:
      generator: that is to take it.

    Raises:
      UserError: if it cannot, or flags do not go together.
    """
    values = flags.FLAGS
    given = values.label
    if given is None and values.ignore_labels:
        raise UserError("--ignore_labels leaves pictures without a label: add --label")
    if given != UNKNOWN:
        names = ("label_candidates", "label_evaluations", "classifier")
        idle = [name for name in names if values[name].value is not None]
        if idle:
            raise UserError(
                f"--{idle[0]} is for labels that are to be found: add --label={UNKNOWN}"
            )
        load_network("classifier", "classifier")  # refuses what is said of none
    if generator.conditional and given in (UNKNOWN, INTERPOLATED):
        return Labels(None, values.ignore_labels, True)
    return Labels(inversion_flags.check_label(generator), values.ignore_labels, False)


def what_to_optimize(generator, stages: Sequence[str]) -> list[str] | None:
    """What --optimize says, the weights of the classes included for --label=interpolated.

    Raises:
      UserError: if it leaves them out.
    """
    optimize = flags.FLAGS.optimize
    if flags.FLAGS.label != INTERPOLATED:
        return optimize
    if optimize is None:  # as without: the latent too, where one of the stages reads it
        splits = (generator.split(stage) for stage in stages)
        reads = any(split.reads_latent and not split.is_latent for split in splits)
        return ["code", *(["latent"] if reads else []), "labels"]
    if "labels" not in optimize:
        raise UserError(
            f"--label={INTERPOLATED} optimises weights of the classes: add labels to --optimize="
            f"{','.join(optimize)}"
        )
    return optimize


def label_search(inverter, start):
    """The search for labels that the flags ask for; its defaults are written into the flags.

    Args:
      inverter: what pictures will be inverted with.
      start: of its first stage.

    Returns:
      A LabelSearch, or None if they ask for none.

    Raises:
      UserError: if the candidates are not understood, or the classifier is not fit for them.
    """
    values = flags.FLAGS
    if values.label != UNKNOWN:
        return None
    from tfinv.features.classifier import Classifier
    from tfinv.features.names import OUTPUT
    from tfinv.inversion import labels

    generator = inverter.generator
    wanted = values.label_candidates or (_RANDOM if values.classifier is None else _TOP)
    match = _CANDIDATES.fullmatch(wanted)
    if match is None:
        raise UserError(
            f"--label_candidates={wanted} is not understood: write random:8, or top:5 with "
            "--classifier"
        )
    kind, count = match[1], int(match[2])
    network = load_network("classifier", "classifier", OUTPUT)
    if (kind == "top") != (network is not None):
        raise UserError(
            f"--label_candidates={wanted} "
            + ("takes no --classifier: drop one" if network else "needs a --classifier")
        )
    if network is None:
        candidates = labels.random_classes(generator, count, inverter.seed)
    else:
        for note in network.notes:
            print(f"note: classifier: {note}", file=sys.stderr)
        shape, classes = generator.image_shape, labels.classes_of(generator)
        candidates = labels.likely(Classifier(network, shape, classes), count)
    values.label_candidates = wanted
    values.label_evaluations = values.label_evaluations or labels.EVALUATIONS
    return labels.LabelSearch(inverter, candidates, values.label_evaluations, start)
