"""What each input of a model is for: latent, labels, a constant, or nothing.

Told by dtype and shape and by what the graph does with an input; by its key only between equals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from tfinv.errors import UserError
from tfinv.generators.inputs.vectors import is_index, vector_shape, vector_size
from tfinv.graph.facts import Facts
from tfinv.graph.model import GraphModel, Port

__all__ = ["Roles", "describe", "find_roles"]

_LABEL_KEYS = ("y", "c", "cls")
_LABEL_WORDS = ("label", "class", "onehot", "one_hot", "cond", "categor", "attr")
_SURE_LABELS = ("label", "class", "onehot", "one_hot", "categor")  # "c" may be a code as well
_LATENT_KEYS = ("z", "w", "x")
_LATENT_WORDS = ("latent", "noise", "random", "code", "seed", "style")
_COMMON_CLASSES = (10, 1000)  # MNIST and CIFAR-10; ImageNet


@dataclass(frozen=True)
class Roles:
    """The inputs of a generator by what they mean.

    Attributes:
      latent: floats; its shape is known, save for the batch, and holds one vector a picture.
      labels: one-hot rows of any number type, or one number a picture; None if unconditional.
      are_indices: whether labels are numbers of classes.
      scalars: single numbers such as a truncation or `training`, constants of an inversion.
      others: what else is read, such as a noise for each pixel: constant for every picture.
      unused: what the picture does not need.
      notes: lines on what was guessed.
    """

    latent: Port
    labels: Port | None
    are_indices: bool
    scalars: tuple[Port, ...]
    others: tuple[Port, ...]
    unused: tuple[Port, ...]
    notes: tuple[str, ...] = ()

    @property
    def latent_size(self) -> int:
        """Length of z."""
        size = 1
        for dimension in self.latent.shape[1:]:
            size *= dimension
        return size

    @property
    def classes(self) -> int | None:
        """Number of classes, if the labels are one-hot."""
        return vector_size(self.labels.shape) if self.labels and not self.are_indices else None


def find_roles(facts: Facts, latent: str | None = None, labels: str | None = None) -> Roles:
    """Tells the inputs of a generator apart.

    Args:
      facts: of the graph.
      latent: key of the latent, where the user says so.
      labels: key of the labels, likewise.

    Raises:
      UserError: if no input, or more than one, can be the latent; or if an input fits no role.
    """
    model = facts.model
    used = [
        dataclasses.replace(port, shape=vector_shape(facts, port))
        for port in model.inputs
        if facts.is_needed(port.tensor)
    ]
    unused = tuple(port for port in model.inputs if not facts.is_needed(port.tensor))
    said_latent = _named(model, used, latent, "--latent_input")
    label = said_label = _named(model, used, labels, "--label_input")
    indices = [port for port in used if port != said_latent and _is_label(facts, port)]
    rows = [p for p in used if p not in (*indices, said_label) and _is_latent(p)]
    notes: list[str] = []
    if label is None and len(indices) > 1:
        raise UserError(_ask(model, used, f"{_keys(indices)} may all be labels"))
    label = label or next(iter(indices), None)
    if said_latent is not None:
        _check_latent(model, said_latent)
        beside = [p for p in rows if p != said_latent and _is_surely_labels(p)]
        label = label or (beside[0] if len(beside) == 1 else None)
        rows = [said_latent]
    elif len(rows) > 1:
        rows, label = _between_equals(model, used, rows, label, notes)
    if len(rows) != 1:
        raise UserError(_no_generator(model, used))
    label = label or next(filter(_is_row_of_choices, used), None)
    rest = [port for port in used if port not in (rows[0], label)]
    scalars = tuple(p for p in rest if p.shape in ((), None) or p.dtype.is_bool)
    others = tuple(port for port in rest if port not in scalars)
    numbers = all(p.dtype.is_floating or p.dtype.is_integer or p.dtype.is_bool for p in rest)
    if not numbers or any(None in port.shape[1:] for port in others):
        raise UserError(_no_generator(model, used))
    by_number = label is not None and (label in indices or vector_size(label.shape) in (None, 1))
    return Roles(rows[0], label, by_number, scalars, others, unused, tuple(notes))


def _is_label(facts: Facts, port: Port) -> bool:
    """Whether an input is one number a picture that chooses a class, whatever its dtype."""
    if port.dtype.is_bool or port.shape == ():
        return False
    single = port.shape is None or len(port.shape) == 1 or vector_size(port.shape) == 1
    if port.dtype.is_integer and single and port.shape is not None:
        return True
    return single and is_index(facts, port.tensor)


def _is_latent(port: Port) -> bool:
    return port.dtype.is_floating and (vector_size(port.shape) or 0) > 1


def _is_row_of_choices(port: Port) -> bool:
    """Whether an input is a row of whole numbers, or of truths, a picture: one-hot labels."""
    whole = port.dtype.is_integer or port.dtype.is_bool
    return whole and (vector_size(port.shape) or 0) > 1


def _between_equals(
    model: GraphModel,
    used: Sequence[Port],
    rows: list[Port],
    label: Port | None,
    notes: list[str],
) -> tuple[list[Port], Port | None]:
    """Picks the latent, and one-hot labels if there are no others, out of several vectors."""
    latents = [p for p in rows if _is_called(p, _LATENT_KEYS, _LATENT_WORDS)]
    labels = [p for p in rows if p not in latents and _is_called(p, _LABEL_KEYS, _LABEL_WORDS)]
    if label is not None:
        labels = []
    elif len(labels) == 1:
        label = labels[0]
        if not _is_surely_labels(label) and len(rows) == 2:
            [other] = [port for port in rows if port is not label]
            notes.append(
                f"input {label.key!r} of {vector_size(label.shape)} numbers is taken for one-hot "
                f"labels, for its name; --latent_input={other.key} alone holds it constant, and "
                f"--label_input={label.key} says that it is right"
            )
    elif not labels and len(rows) == 2:
        label = _by_width(rows, latents, notes)
    elif labels:
        raise UserError(_ask(model, used, f"{_keys(labels)} may all be labels"))
    rows = [port for port in rows if port != label]
    if len(rows) > 1 and len(latents) == 1:
        rows = latents
    if len(rows) > 1:
        raise UserError(_ask(model, used, f"{_keys(rows)} may all be the latent"))
    return rows, label


def _by_width(rows: list[Port], latents: list[Port], notes: list[str]) -> Port | None:
    """Of two vectors, neither called a label: the one beside the latent, or as wide as classes."""
    if len(latents) == 1:
        [other] = [port for port in rows if port not in latents]
        if vector_size(other.shape) in _COMMON_CLASSES:
            latents = []
    wide = [port for port in rows if vector_size(port.shape) in _COMMON_CLASSES]
    if len(wide) != 1 or wide[0] in latents:
        return None
    notes.append(
        f"input {wide[0].key!r} of {vector_size(wide[0].shape)} numbers is taken for one-hot "
        "labels; --label_input and --latent_input override it"
    )
    return wide[0]


def _is_surely_labels(port: Port) -> bool:
    """Whether the name of a vector, or its width with it, can mean nothing but labels."""
    if not _is_called(port, _LABEL_KEYS, _LABEL_WORDS):
        return False
    return vector_size(port.shape) in _COMMON_CLASSES or _is_called(port, ("y",), _SURE_LABELS)


def _is_called(port: Port, keys: Sequence[str], words: Sequence[str]) -> bool:
    key = port.key.lower().rpartition("/")[2].removesuffix(":0")
    return key in keys or any(word in key for word in words)


def _named(model: GraphModel, used: Sequence[Port], key: str | None, flag: str) -> Port | None:
    """The input that a user names by its key or its tensor."""
    if key is None:
        return None
    for port in used:
        if key in (port.key, port.tensor, port.tensor.removesuffix(":0")):
            return port
    raise UserError(
        f"{model.path} reads no input {key!r} ({flag}): it takes {describe(used or model.inputs)}"
    )


def _check_latent(model: GraphModel, port: Port) -> None:
    shape = port.shape
    if not port.dtype.is_floating or not shape or len(shape) < 2 or None in shape[1:]:
        raise UserError(
            f"{model.path}: input {describe([port])} cannot be the latent, which is float32 "
            "[batch, size] or [batch, ...]"
        )


def _ask(model: GraphModel, used: Sequence[Port], why: str) -> str:
    return (
        f"{model.path} takes {describe(used)}, and {why}: say which with --latent_input=KEY and "
        "--label_input=KEY"
    )


def _no_generator(model: GraphModel, used: Sequence[Port]) -> str:
    shaped = [p for p in used if p.dtype.is_floating and p.shape is not None]
    grids = [p for p in shaped if len(p.shape) > 2 and vector_size(p.shape) is None]
    hint = (
        "name the inputs with --latent_input=KEY and --label_input=KEY, or another signature, if "
    )
    hint += "the file has several, with --signature"
    if len(used) == len(grids) == 1:
        hint = (
            "a network from picture to picture is no generator; if its input is a latent all the "
            f"same, say --latent_input={grids[0].key}; else name another signature, if the file "
            "has several, with --signature"
        )
    elif len(used) == len(shaped) == 1 and len(shaped[0].shape) == 1:
        hint = (
            "its input has no axis for the batch: export it with one; or name another signature, "
        )
        hint += "if the file has several, with --signature"
    return (
        f"{model.path} does not look like a generator: it takes {describe(used)}, where one latent "
        f"of shape [batch, size] is needed, and at most labels and constants beside it; {hint}"
    )


def _keys(ports: Sequence[Port]) -> str:
    return " and ".join(repr(port.key) for port in ports)


def describe(ports: Sequence[Port]) -> str:
    """Inputs in words: key, dtype, shape."""
    if not ports:
        return "no input that the picture depends on"
    return ", ".join(
        f"{p.key} {p.dtype.name} {'?' if p.shape is None else _spelt(p.shape)}" for p in ports
    )


def _spelt(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"
