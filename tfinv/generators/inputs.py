"""What a generator is fed: latents and labels as users write them, turned into the graph's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.classes import count_classes
from tfinv.generators.roles import find_roles
from tfinv.graph.model import GraphModel

__all__ = ["Inputs", "Labels"]

Labels = Sequence[int] | np.ndarray | tf.Tensor | None
"""Classes, int [N]; or, for a generator that takes one-hot labels, weights, float [N, classes]."""

_SCALAR = 1.0  # a truncation of 1 truncates nothing


class Inputs:
    """The inputs of one generator.

    Args:
      model: its graph.
      scalars: values of scalar inputs by key, such as {"truncation": 0.5}; 1 by default.

    Attributes:
      path: of the generator, for messages.
      latent: name of the latent's tensor.
      latent_size: length of z.
      names: the tensors that `feeds` gives values for: z, then labels if there are any.
      conditional: whether labels are needed.
      classes: number of classes; None if unconditional or not known.
      one_hot: whether labels are one-hot floats, so that any weights of the classes will do.
      constants: values of the scalar inputs, by tensor.

    Raises:
      UserError: if the model is not fed like a generator, or has no such scalar.
    """

    def __init__(self, model: GraphModel, scalars: Mapping[str, float]):
        roles = find_roles(model)
        self.path = model.path
        self._latent, self._labels = roles.latent, roles.labels
        self.latent, self.latent_size = roles.latent.tensor, roles.latent_size
        self.conditional = roles.labels is not None
        self.names = (self.latent, roles.labels.tensor) if self.conditional else (self.latent,)
        self.classes = roles.classes
        if self.conditional and self.classes is None:
            self.classes = count_classes(model, roles.labels.tensor)
        self.one_hot = self._takes_rows() and roles.labels.dtype.is_floating
        known = {port.key: port for port in roles.scalars}
        unknown = sorted(set(scalars) - set(known))
        if unknown:
            raise UserError(
                f"{self.path} has no scalar input {unknown[0]!r}: "
                f"{'it has ' + ', '.join(known) if known else 'it has none'}"
            )
        self.constants = {
            port.tensor: np.asarray(scalars.get(key, _SCALAR), port.dtype.as_numpy_dtype)
            for key, port in known.items()
        }

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
            return z, tf.one_hot(labels, self.classes, dtype=port.dtype)
        shape = [-1] if port.shape is None else [-1, *port.shape[1:]]
        return z, tf.reshape(tf.cast(labels, port.dtype), shape)

    def _takes_rows(self) -> bool:
        """Whether a label is a row with a number for each class."""
        shape = self._labels.shape if self._labels is not None else None
        return shape is not None and len(shape) == 2 and shape[1] != 1

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

    def check_labels(self, labels: Sequence[int] | np.ndarray) -> np.ndarray:
        """Returns labels as int32 [N].

        Raises:
          UserError: for labels that the generator does not take, that are no whole numbers, or
            outside [0, classes).
        """
        if not self.conditional:
            raise UserError(f"{self.path} takes no labels: drop them")
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise UserError(f"labels are whole numbers, not {labels.dtype.name}")
        wrong = [int(v) for v in labels.ravel() if v < 0 or (self.classes and v >= self.classes)]
        if wrong:
            top = f"{self.classes - 1}" if self.classes else "the number of classes less 1"
            raise UserError(f"label {wrong[0]} is out of range: {self.path} takes 0 to {top}")
        return labels.astype(np.int32).reshape(-1)
