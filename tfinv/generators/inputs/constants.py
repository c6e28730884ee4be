"""The inputs of a generator that an inversion holds: truncation, training, noise and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.inputs.roles import Roles
from tfinv.graph.model import GraphModel, Port, split_tensor_name

__all__ = [
    "DRAWS",
    "TRUNCATION",
    "Constant",
    "choose_constants",
    "find_truncation",
    "parse",
    "sampled_truncation",
]

TRUNCATION = "truncation"
"""Means the truncation input in the user's constants, whatever its key is."""

DRAWS = "random"
"""Means every number that the graph draws itself, unless an input has that key."""

Value = float | int | bool

# What a number is, by a part of its key, that leaves a generator as it was trained.
_DEFAULTS: Sequence[tuple[str, float]] = (
    ("trunc", 1),
    ("psi", 1),
    ("lod", 0),  # level of detail: 0 is the full resolution
    ("strength", 1),
    ("keep", 1),
    ("rate", 0),  # of dropout
    ("dropout", 0),
    ("noise", 0),
)
_CALLED_TRUNCATION = ("trunc", "psi")
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "yes": True, "no": False}


@dataclass(frozen=True)
class Constant:
    """An input that has one value.

    Attributes:
      port: which.
      value: of every number in it.
      is_guess: whether nothing but the lack of anything better speaks for the value.
    """

    port: Port
    value: Value
    is_guess: bool = False


def parse(texts: Sequence[str]) -> dict[str, Value]:
    """Reads --constants: KEY=VALUE each, a number or true or false.

    Raises:
      UserError: for one that is neither, or given twice.
    """
    values: dict[str, Value] = {}
    for text in texts:
        key, sign, number = (part.strip() for part in text.rpartition("="))
        try:
            value = _WORDS.get(number.lower())
            value = float(number) if value is None else value
        except ValueError:
            sign = ""
        if not (key and sign) or not np.isfinite(value):
            raise UserError(
                f"--constants={text} is not understood: write truncation=0.5,training=0"
            )
        if key in values:
            raise UserError(f"--constants gives {key!r} twice: drop one")
        values[key] = value
    return values


def find_truncation(roles: Roles) -> Port | None:
    """The truncation among the inputs: the one that is called so, or the only scalar float.

    An only scalar whose key says that it is something else, such as "lod", is none.
    """
    floats = [port for port in roles.scalars if port.dtype.is_floating]
    others = [port for port in roles.others if port.dtype.is_floating]
    called = [p for p in (*floats, *others) if _is_called(p, _CALLED_TRUNCATION)]
    if len(called) == 1:
        return called[0]
    if len(floats) != 1 or called or _is_called(floats[0], [word for word, _ in _DEFAULTS]):
        return None
    return floats[0]


def sampled_truncation(roles: Roles, held: Sequence[Constant]) -> float | None:
    """The truncation to sample latents with; None for N(0, I).

    StyleGAN's psi acts behind the mapping network, and its z is N(0, I) all the same. An only
    scalar of no known name that is held outside [0, 1] is no truncation.
    """
    port = find_truncation(roles)
    if port is None or _is_called(port, ["psi"]):
        return None
    [value] = [constant.value for constant in held if constant.port.key == port.key]
    return float(value) if _is_share(value) else None


def _is_called(port: Port, words: Sequence[str]) -> bool:
    return any(word in port.key.lower() for word in words)


def _is_share(value: Value) -> bool:
    return 0 <= value <= 1


def choose_constants(
    model: GraphModel, roles: Roles, given: Mapping[str, Value]
) -> tuple[list[Constant], dict[str, Value]]:
    """Gives every input that is neither latent nor labels its value.

    Args:
      model: the graph.
      roles: of its inputs.
      given: the user's values by key; `TRUNCATION` finds the truncation whatever its key.

    Returns:
      The constants, and what is given for names that are no inputs: tensors, and `DRAWS`.

    Raises:
      UserError: if something is given that the generator does not have, or of another kind, or a
        truncation outside [0, 1].
    """
    ports = [*roles.scalars, *roles.others]
    keys = {port.key for port in ports}
    truncation = find_truncation(roles)
    given = dict(given)
    by_role = TRUNCATION in given and TRUNCATION not in keys and truncation is not None
    if by_role:
        given.setdefault(truncation.key, given.pop(TRUNCATION))
    if by_role or (truncation is not None and _is_called(truncation, ["trunc"])):
        _check_truncation(model, truncation, given.get(truncation.key, 1))
    inner = {name: value for name, value in given.items() if name not in keys}
    for name in inner:
        if name != DRAWS and split_tensor_name(name)[0] not in model.nodes:
            known = f"it has {', '.join(sorted(keys))}" if keys else "it has none"
            raise UserError(f"{model.path} has no constant input {name!r}: {known}")
        if name in _fed(roles):
            raise UserError(
                f"{model.path}: {name!r} is no constant: it is the latent or the labels"
            )
    only = len([p for p in roles.scalars if p.dtype.is_floating]) == 1
    return [_constant(model, p, given.get(p.key), p == truncation or only) for p in ports], inner


def _fed(roles: Roles) -> set[str]:
    fed = [roles.latent, *([roles.labels] if roles.labels else [])]
    return {name for p in fed for name in (p.key, p.tensor, split_tensor_name(p.tensor)[0])}


def _constant(model: GraphModel, port: Port, given: Value | None, is_known: bool) -> Constant:
    if given is not None:
        return Constant(port, _checked(model, port, given))
    if port.dtype.is_bool:
        return Constant(port, False)  # training, is_training, randomize
    if port.default is not None and port.default.size == 1:
        return Constant(port, port.default.item())
    key = port.key.lower()
    for word, value in _DEFAULTS:
        if word in key:
            return Constant(port, port.dtype.as_numpy_dtype(value).item())
    if port.dtype.is_integer:
        return Constant(port, 0, is_guess=True)
    is_scalar = port.shape in ((), None)
    is_empty = port.shape is not None and 0 in port.shape  # ProGAN's labels are [N, 0]
    sure = is_empty or (is_scalar and is_known)
    return Constant(port, 1.0 if is_scalar else 0.0, is_guess=not sure)


def _check_truncation(model: GraphModel, port: Port, value: Value) -> None:
    """Refuses a value outside BigGAN's table of statistics, which the graph looks up blindly."""
    if not _is_called(port, ["psi"]) and not _is_share(value):
        raise UserError(
            f"truncation {value:g} is out of range: {model.path} takes --truncation from 0 to 1"
        )


def _checked(model: GraphModel, port: Port, value: Value) -> Value:
    kind = "true or false" if port.dtype.is_bool else "a whole number"
    if not port.dtype.is_floating and value != (
        int(bool(value)) if port.dtype.is_bool else int(value)
    ):
        raise UserError(f"{model.path}: {port.key}={value} does not fit: it is {kind}")
    if port.dtype.is_bool:
        return bool(value)
    return int(value) if port.dtype.is_integer else float(value)
