"""The flags of `tfinv.edit`, and which of them go together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from absl import flags

from tfinv.commands import feature_flags, inversion_flags
from tfinv.errors import UserError

__all__ = [
    "ALONG",
    "FEATURES",
    "PAINTING",
    "budget",
    "find_kind",
    "held",
    "idle_flags",
    "strengths",
]

_ATTRIBUTE = flags.DEFINE_list(
    "attribute",
    None,
    "What to move along: columns of --attributes, or class:3 for one of the classes of the run's "
    "pictures against all others. Each has a strip of its own.",
)
_ATTRIBUTES = flags.DEFINE_string(
    "attributes",
    None,
    "A table, CSV, with a column `name` as in images.csv of the run, and columns of 1 and 0 (or "
    "-1); an empty cell is a picture that is not known.",
)
_ORTHOGONAL_TO = flags.DEFINE_list(
    "orthogonal_to",
    None,
    "Attributes, named likewise, that are to stay: the direction is made orthogonal to theirs.",
)
_METHOD = flags.DEFINE_enum(
    "method",
    "mean",
    ["mean", "logistic"],
    "How the direction of an attribute is found. mean: from the mean of the codes without it to "
    "that of those with it; logistic: the normal of the plane that separates them best.",
)
_VECTORS = flags.DEFINE_list(
    "vectors", None, "Files vector-*.npz of an earlier edit, in the place of --attribute."
)
_STRENGTH = flags.DEFINE_list(
    "strength",
    None,
    "How far: along an attribute, in distances of the mean with it and that without, by default "
    "-2,-1,0,1,2; in feature space, of the whole way, by default 0,0.5,1.",
)
_PAINTED = flags.DEFINE_list(
    "painted",
    None,
    "A painted picture for each of --pictures, in their order; of the photograph's size, or the "
    "generator's.",
)
_MASK = flags.DEFINE_list(
    "mask",
    None,
    "White where it is painted, black where the picture is to stay; one for each of --painted, of "
    "its size, or one for all.",
)
_LIKE = flags.DEFINE_string(
    "like", None, "A picture of the run by name or place, or a file, to whose features others move."
)
_PENALTY = flags.DEFINE_float(
    "penalty",
    0.01,
    "Painting and features: weight of leaving the code, |h - h0|^2 / |h0|^2, beside the mean "
    "squared error of the pixels or the share of the features' way. 0 is none.",
    lower_bound=0.0,
)
_NORM = flags.DEFINE_enum(
    "norm", "l2", ["l2", "l1"], "l1: |h - h0|_1 / |h0|_1 instead, which moves few numbers."
)
_EDIT_LAYER = flags.DEFINE_string(
    "edit_layer",
    None,
    "A layer behind that of the codes at which to edit, as `python -m tfinv.inspect` lists them.",
)

ALONG, PAINTING, FEATURES = "along an attribute", "by painting", "by features"
"""The kinds of edits."""

_LABELS = ("attribute", "attributes", "orthogonal_to", "method")
_CARRIED = ("penalty", "norm", "max_evaluations", "batch_size")
_FLAGS: Mapping[str, Sequence[str]] = {
    ALONG: (*_LABELS, "vectors", "strength"),
    PAINTING: ("painted", "mask", *_CARRIED),
    FEATURES: (*_LABELS, "strength", "like", *_CARRIED),
}
_STRENGTHS = {ALONG: (-2.0, -1.0, 0.0, 1.0, 2.0), PAINTING: (1.0,), FEATURES: (0.0, 0.5, 1.0)}
_EVALUATIONS = 200
_FURTHEST = 1e6


def find_kind() -> str:
    """Which kind of edit the flags ask for.

    Raises:
      UserError: if it is none, more than one, or there are flags that say nothing to it.
    """
    values = flags.FLAGS
    for flag in (_ATTRIBUTE, _VECTORS, _ORTHOGONAL_TO, _PAINTED, _MASK, _LIKE):
        _check_named(flag)
    if _PAINTED.value is not None or _MASK.value is not None:
        kind = PAINTING
        _check_painting()
    elif values.feature_network is not None:
        kind = FEATURES
        if (_ATTRIBUTE.value is None) == (_LIKE.value is None):
            raise UserError("--feature_network: give --like, or --attribute, and not both")
    else:
        kind = ALONG
        if (_ATTRIBUTE.value is None) == (_VECTORS.value is None):
            raise UserError(
                "say what to edit, once: --attribute or --vectors, --painted and --mask, or "
                "--feature_network with --like or --attribute"
            )
    for name in idle_flags(kind):
        if values[name].present:
            raise UserError(f"--{name} says nothing to this edit {kind}: drop it")
    if _ORTHOGONAL_TO.value is not None and not any(map(held, _ATTRIBUTE.value)):
        raise UserError(
            f"--orthogonal_to={_ORTHOGONAL_TO.value[0]} is what moves: name an attribute that is "
            "to stay"
        )
    return kind


def _check_named(flag: flags.FlagHolder) -> None:
    """Refuses names that are none, and attributes and files that come twice."""
    if flag.value is None:
        return
    names = [flag.value] if isinstance(flag.value, str) else flag.value
    if not names or not all(name.strip() for name in names):
        raise UserError(f"--{flag.name}={','.join(names)} names nothing, or has a comma too many")
    again = next((name for name in names if names.count(name) > 1), None)
    if again is not None and flag in (_ATTRIBUTE, _VECTORS, _ORTHOGONAL_TO):
        raise UserError(f"--{flag.name}: {again} comes twice")


def idle_flags(kind: str) -> list[str]:
    """The flags that say nothing to an edit: refused, and no part of its config.cfg."""
    known = dict.fromkeys(name for each in _FLAGS.values() for name in each)
    idle = [name for name in known if name not in _FLAGS[kind]]
    if _ATTRIBUTE.value is None:
        idle += [name for name in _LABELS if name not in idle]
    if kind != FEATURES:
        own = flags.FLAGS.flags_by_module_dict()[feature_flags.__name__]
        idle += [flag.name for flag in own]
    return idle


def _check_painting() -> None:
    for one, other in ((_PAINTED, _MASK), (_MASK, _PAINTED)):
        if not one.value:
            raise UserError(f"--{other.name} needs --{one.name} beside it")
    if flags.FLAGS.pictures is None:
        raise UserError("--painted: say with --pictures which picture has been painted on")
    painted, masks = len(_PAINTED.value), len(_MASK.value)
    if masks not in (1, painted):
        raise UserError(f"{masks} of --mask for {painted} of --painted: give one each, or one")


def strengths(kind: str) -> tuple[float, ...]:
    """The strengths of an edit, in the order given.

    Raises:
      UserError: if they are no numbers, one comes twice, or one is beyond all pictures.
    """
    if _STRENGTH.value is None:
        return _STRENGTHS[kind]
    text = ",".join(_STRENGTH.value)
    try:
        # As files are called and config.cfg has it, and 0 for -0.
        given = tuple(float(f"{float(each):g}") + 0.0 for each in _STRENGTH.value)
    except ValueError:
        given = ()
    if not given or not all(map(math.isfinite, given)):
        raise UserError(f"--strength={text} is no list of numbers such as -1,0,1")
    if max(map(abs, given)) > _FURTHEST:
        raise UserError(f"--strength={text}: nothing is drawn so far out; at most {_FURTHEST:g}")
    if len(set(given)) < len(given):
        raise UserError(f"--strength={text}: a number comes twice, in six digits")
    return given


def held(name: str) -> list[str]:
    """The attributes that are to stay while one moves."""
    return [other for other in _ORTHOGONAL_TO.value or () if other != name]


def budget() -> int:
    """Evaluations of each picture.

    Raises:
      UserError: if it is no one number.
    """
    budgets = inversion_flags.budgets() or [_EVALUATIONS]
    if len(budgets) > 1 or budgets[0] < 1:
        text = ",".join(map(str, budgets))
        raise UserError(f"--max_evaluations={text}: an edit takes one number, at least 1")
    return budgets[0]
