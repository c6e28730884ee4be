"""The networks in the pickles that ProGAN's authors published, and that their code writes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.formats.pickles.arrays import to_array, to_number
from tfinv.generators.formats.pickles.machine import Made, shown
from tfinv.generators.formats.pickles.pickles import read_pickle
from tfinv.generators.formats.progan import theano
from tfinv.networks.progan_settings import Settings, discriminator_shapes, generator_shapes

__all__ = ["Network", "read_network"]

_CLASSES = ("tfutil.Network", "network.Network", "dnnlib.tflib.network.Network")
_TUPLE = ("G", "D", "Gs")  # as the training script writes them
_AVERAGED = "Gs"
_SPEC = "build_func_spec"  # of a Theano network, in the place of static_kwargs
_SHAPES = {"G_paper": generator_shapes, "D_paper": discriminator_shapes}

# Arguments of G_paper and D_paper that change how they compute, and not what.
_NEUTRAL = ("structure", "is_template_graph", "dtype")
_MAX_NUMBERS = 1 << 28  # a dozen times the largest network of the paper
_INTEGERS = {  # with the largest value; larger ones can only be damage
    "num_channels": 3,
    "resolution": 1 << 12,
    "label_size": 1 << 16,
    "fmap_base": 1 << 20,
    "fmap_max": 1 << 16,
    "latent_size": 1 << 16,
    "mbstd_group_size": 1 << 16,
}


@dataclass(frozen=True)
class Network:
    """A generator or a discriminator.

    Attributes:
      kind: "G_paper" or "D_paper".
      settings: how it was made.
      arrays: float32 weights by the names of `generator_shapes` or `discriminator_shapes`.
      lod: how many doublings its training lacks; 0 when finished.
      notes: lines that a user should know.
    """

    kind: str
    settings: Settings
    arrays: Mapping[str, np.ndarray]
    lod: float
    notes: tuple[str, ...]


def read_network(path: str, kind: str | None, name: str | None = None) -> tuple[Network, str]:
    """Reads one network of a pickle; nothing of the file is executed.

    Args:
      path: the file.
      kind: "G_paper" or "D_paper"; None for whatever `name` is.
      name: which network, if not the first of that kind: Gs, the average over training, if it is
        a generator; or D.

    Returns:
      The network, and a line that says which it is.

    Raises:
      UserError: whatever is wrong with the file, or it has no such network.
    """
    parts = _parts(path)
    if name is not None and name not in parts:
        raise UserError(f"{path} has no network {name!r}: it has {', '.join(parts)}")
    seen = []
    for candidate in [name] if name is not None else sorted(parts, key=lambda n: n != _AVERAGED):
        what = f"{path}: {candidate}"
        found = _kind(parts[candidate], what)
        if kind in (found, None):
            average = ", the average of the weights over training" * (candidate == _AVERAGED)
            line = f"{candidate} out of the pickle's {', '.join(parts)}{average}"
            return _network(parts[candidate], found, what), line
        seen.append(f"{candidate} is a {found}")
    raise UserError(f"{path} has no {kind} where one is needed: {', '.join(seen)}")


def _parts(path: str) -> dict[str, Made]:
    """What the pickle says of each of its networks: "G", "D" and "Gs" if there are three."""
    content = read_pickle(path, _CLASSES)
    parts = list(content) if isinstance(content, list | tuple) else [content]
    for part in parts or [None]:
        if not isinstance(part, Made) or part.maker not in _CLASSES:
            raise UserError(
                f"{path} is a pickle, but not of the networks (G, D, Gs) that ProGAN's training "
                "writes"
            )
    names = _TUPLE if len(parts) == 3 else [f"network {k}" for k in range(len(parts))]
    return dict(zip(names, parts, strict=True))


def _kind(part: Made, what: str) -> str:
    """Returns "G_paper" or "D_paper"; raises UserError for any other kind of network."""
    state = part.state
    if not isinstance(state, dict):
        raise UserError(f"{what} is empty; the file is damaged")
    spec = state.get(_SPEC, state.get("static_kwargs"))
    if not isinstance(spec, dict):
        raise UserError(f"{what} does not say how it was made; the file is damaged")
    function = spec.get("func") if _SPEC in state else state.get("build_func_name")
    if _SPEC in state and isinstance(function, str):
        function = theano.KINDS.get(function, function)
    if not isinstance(function, str) or function not in _SHAPES:
        raise UserError(
            f"{what} was made by {shown(function)}: of pickled networks, only ProGAN's "
            "G_paper and D_paper are read"
        )
    return function


def _network(part: Made, kind: str, what: str) -> Network:
    """Reads one network, of which `_kind` has been asked."""
    state = part.state
    old = _SPEC in state
    spec = state[_SPEC if old else "static_kwargs"]
    if old:
        spec = theano.modern_settings(spec, what)
    settings, notes = _settings(spec, kind, what)
    shapes = _SHAPES[kind](settings)
    numbers = [math.prod(shape) for shape in shapes.values()]
    if sum(numbers) > _MAX_NUMBERS:
        raise UserError(f"{what} asks for {sum(numbers)} numbers, which no ProGAN has; refused")
    if old:
        values = theano.arrays_by_name(
            kind, state.get("param_values"), settings, max(numbers), what
        )
        toplevel = state.get("toplevel_params")
        values["lod"] = toplevel.get("cur_lod", 0.0) if isinstance(toplevel, dict) else 0.0
    else:
        values = _variables(state.get("variables"), what)
    arrays = _fit(values, shapes, what)
    lod = float(arrays["lod"])
    if not math.isfinite(lod):
        raise UserError(f"{what} has lod {lod}; the file is damaged")
    return Network(kind, settings, arrays, lod, notes)


def _settings(spec: Mapping[str, Any], kind: str, what: str) -> tuple[Settings, tuple[str, ...]]:
    known = {field.name: field for field in dataclasses.fields(Settings)}
    given = {name: value for name, value in spec.items() if name in known}
    settings = Settings(**{n: _setting(n, v, f"{what}: {n}") for n, v in given.items()})
    side = settings.resolution
    if side < 4 or side & (side - 1):
        raise UserError(f"{what}: resolution {side} is no power of two from 4 up")
    if not 0 <= settings.fmap_decay <= 8 or settings.maps(settings.stages - 1) < 1:
        raise UserError(f"{what}: fmap_decay {settings.fmap_decay} leaves no maps")
    if not 0 < settings.pixelnorm_epsilon < 1:
        raise UserError(f"{what}: pixelnorm_epsilon {settings.pixelnorm_epsilon} is none")
    notes = []
    if spec.get("dtype", "float32") != "float32":
        notes.append(f"computed in float32, where the file says {shown(spec['dtype'])}")
    ignored = sorted(name for name in spec if name not in known and name not in _NEUTRAL)
    if ignored:
        listed = ", ".join(shown(name) for name in ignored[:10])
        notes.append(f"arguments that {kind} has not, and ignores: {listed}")
    return settings, tuple(notes)


def _setting(name: str, value: Any, what: str) -> Any:
    """One setting as a Python value of its type."""
    if value is None and name == "latent_size":
        return None
    if isinstance(value, str) or value is None:
        raise UserError(f"{what} is {shown(value)}, where a number is needed")
    number = to_number(value, what)
    if name in ("fmap_decay", "pixelnorm_epsilon"):
        return number
    if name not in _INTEGERS:
        return bool(number)
    lowest = 0 if name in ("label_size", "mbstd_group_size") else 1
    if not lowest <= number <= _INTEGERS[name] or number != int(number):
        raise UserError(f"{what} is {number:g}, where {lowest} to {_INTEGERS[name]} is possible")
    return int(number)


def _variables(values: Any, what: str) -> dict[str, Any]:
    pairs = list(values.items()) if isinstance(values, dict) else values
    if not isinstance(pairs, list | tuple) or any(
        not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str)
        for pair in pairs
    ):
        raise UserError(f"{what} has no list of variables; the file is damaged")
    return dict(pairs)


def _fit(
    values: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], what: str
) -> dict[str, np.ndarray]:
    """The arrays of these shapes, as float32; raises UserError if they are not these."""
    more = sorted(set(values) - set(shapes))
    if more:
        raise UserError(
            f"{what} has a variable {shown(more[0])} that its settings do not ask for: it was made "
            "by another version of ProGAN"
        )
    arrays = {}
    for name, shape in shapes.items():
        if name not in values:
            raise UserError(f"{what} has no variable {name}; the file is damaged")
        value = values[name]
        if not isinstance(value, np.ndarray):
            value = to_array(value, f"{what}: {name}", shape)
        elif value.shape != shape:
            raise UserError(
                f"{what}: {name} has shape {list(value.shape)} where {list(shape)} is needed; the "
                "file is damaged"
            )
        arrays[name] = value.astype(np.float32, copy=False)
    return arrays
