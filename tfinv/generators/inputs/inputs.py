"""What a generator is fed: latents and labels as users write them, turned into the graph's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.inputs.canonical import make_canonical
from tfinv.generators.inputs.class_names import ClassNames, imagenet_names
from tfinv.generators.inputs.classes import count_classes
from tfinv.generators.inputs.constants import (
    Constant,
    Value,
    choose_constants,
    sampled_truncation,
)
from tfinv.generators.inputs.prior import Prior
from tfinv.generators.inputs.roles import find_roles
from tfinv.graph.facts import Facts
from tfinv.graph.model import Port

__all__ = ["Inputs", "Labels"]

Labels = Sequence[int] | Sequence[str] | np.ndarray | tf.Tensor | None
"""Classes, int [N], or their names; or weights, float [N, classes], if labels are one-hot."""

_IMAGENET_CLASSES = 1000
_DIGITS = 19  # of a label; more do not fit an integer


class Inputs:
    """The inputs of one generator.

    Args:
      facts: of its graph.
      constants: values of other inputs by key, such as {"truncation": 0.5}; see
        `tfinv.generators.inputs.constants`.
      latent: key of the latent, where the user says so.
      labels: key of the labels, likewise.

    Attributes:
      path: of the generator, for messages.
      model: the graph with its inputs rewritten; see `tfinv.generators.inputs.canonical`.
      roles: what each input is for.
      held: the inputs that are neither latent nor labels, with their values.
      latent: name of the latent's tensor.
      latent_size: length of z.
      names: the tensors that `feeds` gives values for: z, then labels if there are any.
      conditional: whether labels are needed.
      classes: number of classes; None if unconditional or not known.
      class_names: names of the classes, ImageNet's if there are 1,000; None if there are none.
      one_hot: whether labels are one-hot floats, so that any weights of the classes will do.
      constants: values of the inputs that are constant, by tensor.
      sampled_truncation: the truncation to sample latents with; None for N(0, I).
      notes: lines on what was guessed or rewritten.

    Raises:
      UserError: if the model is not fed like a generator, or has no such constant.
    """

    def __init__(
        self,
        facts: Facts,
        constants: Mapping[str, Value] | None = None,
        latent: str | None = None,
        labels: str | None = None,
    ):
        model = facts.model
        self.path = model.path
        self.roles = roles = find_roles(facts, latent, labels)
        self.held, inner = choose_constants(model, roles, constants or {})
        made = make_canonical(model, roles, self.held, inner)
        self.model, self.constants = made.model, made.constants
        self._latent, self._labels = made.latent, made.labels
        self.latent, self.latent_size = made.latent.tensor, roles.latent_size
        self.conditional = made.labels is not None
        self.names = (self.latent, made.labels.tensor) if self.conditional else (self.latent,)
        self.classes = roles.classes
        if self.conditional and roles.are_indices:
            self.classes = count_classes(self.model, made.labels.tensor)
        self.class_names: ClassNames | None = None
        if self.classes == _IMAGENET_CLASSES:
            self.class_names = imagenet_names()
        self.one_hot = self._takes_rows() and made.labels.dtype.is_floating
        self.sampled_truncation = sampled_truncation(roles, self.held)
        self.notes = [*roles.notes, *map(_guess, (c for c in self.held if c.is_guess))]
        if made.batch is not None and made.batch > 1:
            self.notes.append(
                f"the file is made for batches of {made.batch}; its graph was rewritten to take "
                "any number of pictures"
            )

    def table(self) -> Iterator[dict[str, object]]:
        """What each input of the file is for: its key, role, dtype, shape, and value in words."""
        roles = self.roles
        sampled = Prior(self.sampled_truncation)
        yield _row(roles.latent, "latent", f"sampled from {sampled}")
        if roles.labels is not None:
            words = [
                "numbers" if roles.are_indices else "one-hot",
                f"{self.classes or '?'} classes",
            ]
            if self.class_names is not None:
                words.append(f"names of {self.class_names.source}")
            yield _row(roles.labels, "labels", ", ".join(words))
        for constant in self.held:
            yield _row(constant.port, "constant", _spelt(constant.value))
        for port in roles.unused:
            yield _row(port, "unused", "")

    def feeds(self, z: tf.Tensor | np.ndarray, labels: Labels = None) -> tuple[tf.Tensor, ...]:
        """The values of `names`.

        Args:
          z: floats [N, latent_size].
          labels: int [N] in [0, classes), or float [N, classes] if `one_hot`; needed if
            `conditional`.

        Raises:
          UserError: if labels are missing, not needed, or out of range; or z has another size.
        """
        z = tf.cast(tf.convert_to_tensor(z), self._latent.dtype)
        if z.shape.rank != 2 or z.shape[1] != self.latent_size:
            raise UserError(
                f"latents of shape {z.shape.as_list()} do not fit {self.path}: "
                f"[count, {self.latent_size}] is needed"
            )
        port = self._labels
        if port is None:
            return (z,)
        if labels is None:
            raise UserError(f"{self.path} is conditional: give a label for each picture")
        weights = self._weights(labels)
        labels = self.check_labels(labels) if weights is None else weights
        if z.shape[0] is not None and len(labels) != z.shape[0]:
            raise UserError(
                f"{len(labels)} labels do not fit {z.shape[0]} latents: give one for each"
            )
        if weights is not None:
            return z, tf.cast(weights, port.dtype)
        if self._takes_rows():
            return z, tf.cast(tf.one_hot(labels, self.classes), port.dtype)
        shape = [-1] if port.shape is None else [-1, *(1 for _ in port.shape[1:])]
        return z, tf.reshape(tf.cast(labels, port.dtype), shape)

    def _takes_rows(self) -> bool:
        """Whether a label is a row with a number for each class."""
        return self.conditional and not self.roles.are_indices

    def label_weights(self, labels: Labels) -> tf.Tensor:
        """Labels as float32 [N, classes]: one-hot rows, or the weights that are given.

        Raises:
          UserError: as `feeds`; or if not `one_hot`.
        """
        if not self.one_hot:
            taken = "labels as whole numbers" if self.conditional else "no labels"
            raise UserError(f"{self.path} takes {taken}: there are no weights of classes")
        weights = self._weights(labels)
        if weights is None:
            return tf.one_hot(self.check_labels(labels), self.classes)
        return tf.cast(weights, tf.float32)

    def _weights(self, labels: Labels) -> tf.Tensor | None:
        """Labels that are weights of classes, checked; None for labels that are numbers."""
        if not self.one_hot:
            return None
        values = labels if tf.is_tensor(labels) else np.asarray(labels)
        if len(values.shape) != 2 or not tf.as_dtype(values.dtype).is_floating:
            return None
        weights = tf.convert_to_tensor(values)
        if weights.shape[1] != self.classes:
            raise UserError(
                f"weights of classes of shape {weights.shape.as_list()} do not fit {self.path}: "
                f"[count, {self.classes}] is needed"
            )
        return weights

    def check_labels(self, labels: Sequence[int] | Sequence[str] | np.ndarray) -> np.ndarray:
        """Returns labels, numbers or names, as int32 [N].

        Raises:
          UserError: for labels that the generator does not take, that are neither whole numbers nor
            names, or outside [0, classes).
        """
        if not self.conditional:
            raise UserError(f"{self.path} takes no labels: drop them")
        labels = np.asarray(labels)
        if labels.dtype.kind == "U":
            labels = np.asarray([self._number(text) for text in labels.ravel()], np.int64)
        if labels.dtype.kind not in "iu":
            raise UserError(f"labels are whole numbers, not {labels.dtype.name}")
        wrong = [int(v) for v in labels.ravel() if v < 0 or (self.classes and v >= self.classes)]
        if wrong:
            top = f"{self.classes - 1}" if self.classes else "the number of classes less 1"
            raise UserError(f"label {wrong[0]} is out of range: {self.path} takes 0 to {top}")
        return labels.astype(np.int32).reshape(-1)

    def _number(self, text: str) -> int:
        """The class that a text means."""
        text = text.strip()
        if text.lstrip("+-").isdecimal() and len(text) < _DIGITS:
            return int(text)
        if self.class_names is not None:
            return self.class_names.find(text)
        raise UserError(
            f"label {text!r} is no number, and {self.path} has no class names: give the number of "
            "the class, or --class_names=FILE with one name a line"
        )


def _row(port: Port, role: str, value: str) -> dict[str, object]:
    shape = None if port.shape is None else list(port.shape)
    return {
        "key": port.key,
        "role": role,
        "dtype": port.dtype.name,
        "shape": shape,
        "value": value,
    }


def _spelt(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _guess(constant: Constant) -> str:
    port = constant.port
    return (
        f"input {port.key!r} is neither latent nor labels and is held at {constant.value:g}; "
        f"--constants={port.key}=VALUE changes that"
    )
