"""A trained generator, and its two halves at any layer: `G(z, y) = g2(g1(z, y), z, y)`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.border import (
    LAYOUTS,
    RANGES,
    Border,
    find_layout,
    range_of_graph,
    range_of_samples,
)
from tfinv.generators.classes import count_classes
from tfinv.generators.roles import find_roles
from tfinv.generators.split import LATENT, Split
from tfinv.graph.interpret import Program
from tfinv.graph.layers import Layer, cuttable_layers, find_layer, first_dense_layer
from tfinv.graph.model import GraphModel

__all__ = ["Generator"]

_RANGE_SAMPLES = 64
_TRUNCATION = 1.0


class Generator:
    """A frozen generator read from a file.

    Args:
      model: its graph.
      image_range: a name in `RANGES` that overrides what is read off the graph.
      image_layout: a name in `LAYOUTS` that overrides what is read off the shape.
      constants: values of the scalar inputs by key, such as {"truncation": 0.5}; 1 by default.

    Attributes:
      path: where it was read from.
      producer: what kind of file that was.
      latent_size: length of z.
      classes: number of classes; None if unconditional or not known.
      conditional: whether labels are needed.
      image_shape: (height, width, channels) of a picture.
      border: how raw output becomes float32 NHWC in [0, 1].
      notes: lines that a user should know, such as how the range was found.

    Raises:
      UserError: if the model does not draw one picture a latent, or an override is unknown.
    """

    def __init__(
        self,
        model: GraphModel,
        *,
        image_range: str | None = None,
        image_layout: str | None = None,
        constants: Mapping[str, float] | None = None,
    ):
        self.path, self.producer = model.path, model.producer
        self.notes: list[str] = []
        self._model = model
        self._roles = find_roles(model)
        self.latent_size, self.classes = self._roles.latent_size, self._roles.classes
        self.conditional = self._roles.labels is not None
        if self.conditional and self.classes is None:
            self.classes = count_classes(model, self._roles.labels.tensor)
        self._constants = self._scalar_values(constants or {})
        self._output = self._single_output()
        self._whole = Program(
            model, [self._output], per_batch=self.per_batch, constants=self._constants
        )
        raw_shape = self._raw_shape()
        layout = image_layout or find_layout(raw_shape)
        channels = raw_shape[0 if layout == "NCHW" else -1] if len(raw_shape) == 3 else None
        if layout not in LAYOUTS or channels not in (1, 3):
            raise UserError(
                f"{self.path} gives {list(raw_shape)} for each latent, which is no picture of 1 or "
                f"3 channels (layout {layout}); name another signature, or --image_layout out of "
                f"{', '.join(LAYOUTS)}"
            )
        if layout == "NCHW":
            raw_shape = (*raw_shape[1:], raw_shape[0])
        self.image_shape: tuple[int, int, int] = raw_shape
        self.border = Border(self._find_range(image_range), layout)

    @property
    def per_batch(self) -> tuple[str, ...]:
        """Names of the tensors that every function of this generator is fed: z, then labels."""
        roles = self._roles
        ports = (roles.latent,) if roles.labels is None else (roles.latent, roles.labels)
        return tuple(port.tensor for port in ports)

    def __call__(
        self, z: tf.Tensor | np.ndarray, labels: Sequence[int] | np.ndarray | None = None
    ) -> tf.Tensor:
        """Draws pictures.

        Args:
          z: float32 [N, latent_size].
          labels: int [N] in [0, classes); needed if `conditional`.

        Returns:
          float32 [N, height, width, channels] in [0, 1].
        """
        frontier = self._whole.prepare(*self.feeds(z, labels))
        return self.border.to_images(self._whole.run([], frontier)[0])

    def sample_latents(self, count: int, seed: int = 0) -> np.ndarray:
        """Draws latents from the prior N(0, I); float32 [count, latent_size].

        Latent k depends on the seed and k alone, not on how many are drawn.
        """
        rows = [
            np.random.default_rng([seed, k]).standard_normal(self.latent_size) for k in range(count)
        ]
        return np.asarray(rows, np.float32).reshape(count, self.latent_size)

    def sample_labels(self, count: int, seed: int = 0) -> np.ndarray | None:
        """Draws classes uniformly, int32 [count]; None for an unconditional generator."""
        if not self.conditional:
            return None
        return np.random.default_rng([seed, 1]).integers(0, self.classes or 1, count, np.int32)

    def layers(self) -> list[Layer]:
        """The layers at which this generator can be cut, from latent to picture."""
        return list(self._layers)

    def split(self, layer: str = "dense") -> Split:
        """Cuts the generator in two.

        Args:
          layer: "latent", "dense" for the first dense layer, the name of a tensor, or the end of
            one that no other ends in.

        Raises:
          UserError: if there is no such layer, or several.
        """
        if layer == LATENT:
            found = Layer(LATENT, "latent", (self.latent_size,), self.latent_size, False)
        elif layer == "dense":
            found = find_layer(self._layers, self._dense)
        else:
            found = find_layer(self._layers, layer)
        return Split(self, self._model, found, self._output, self._constants)

    def feeds(
        self, z: tf.Tensor | np.ndarray, labels: Sequence[int] | np.ndarray | tf.Tensor | None
    ) -> tuple[tf.Tensor, ...]:
        """The values of `per_batch`: z float32 [N, latent_size], labels as the graph takes them.

        Raises:
          UserError: if labels are missing, not needed, or out of range; or z has another size.
        """
        z = tf.convert_to_tensor(z, tf.float32)
        if z.shape.rank != 2 or z.shape[1] != self.latent_size:
            raise UserError(
                f"latents of shape {z.shape.as_list()} do not fit {self.path}: "
                f"[count, {self.latent_size}] is needed"
            )
        z = tf.cast(z, self._roles.latent.dtype)
        port = self._roles.labels
        if port is None:
            return (z,)
        if labels is None:
            raise UserError(f"{self.path} is conditional: give a label for each picture")
        labels = self.check_labels(labels)
        if z.shape[0] not in (None, len(labels)):
            raise UserError(f"{len(labels)} labels do not fit {z.shape[0]} latents: give one each")
        if port.dtype.is_floating:
            return z, tf.one_hot(labels, self.classes, dtype=port.dtype)
        return z, tf.reshape(tf.cast(labels, port.dtype), [-1, *port.shape[1:]])

    def check_labels(self, labels: Sequence[int] | np.ndarray | tf.Tensor) -> np.ndarray:
        """Returns labels as int32 [N]; raises UserError for one outside [0, classes)."""
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise UserError(f"labels are whole numbers, not {labels.dtype.name}")
        wrong = [int(v) for v in labels.ravel() if v < 0 or (self.classes and v >= self.classes)]
        if wrong:
            top = f"{self.classes - 1}" if self.classes else "the number of classes less 1"
            raise UserError(f"label {wrong[0]} is out of range: {self.path} takes 0 to {top}")
        return labels.astype(np.int32).reshape(-1)

    @functools.cached_property
    def _layers(self) -> tuple[Layer, ...]:
        latent = self._roles.latent.tensor
        return tuple(cuttable_layers(self._model, latent, self._output, self._constants))

    @functools.cached_property
    def _dense(self) -> str:
        latent = self._roles.latent.tensor
        return first_dense_layer(self._model, latent, self._output, self._constants)

    def _scalar_values(self, given: Mapping[str, float]) -> dict[str, np.ndarray]:
        scalars = {port.key: port for port in self._roles.scalars}
        unknown = sorted(set(given) - set(scalars))
        if unknown:
            raise UserError(
                f"{self.path} has no scalar input {unknown[0]!r}: "
                f"{', '.join(scalars) if scalars else 'it has none'}"
            )
        return {
            port.tensor: np.asarray(given.get(key, _TRUNCATION), port.dtype.as_numpy_dtype)
            for key, port in scalars.items()
        }

    def _single_output(self) -> str:
        if len(self._model.outputs) != 1:
            keys = ", ".join(port.key for port in self._model.outputs)
            raise UserError(
                f"{self.path} has {len(self._model.outputs)} outputs ({keys}) where one picture is "
                "needed; name another signature with --signature"
            )
        return self._model.outputs[0].tensor

    def _raw(self, count: int) -> np.ndarray:
        feeds = self.feeds(self.sample_latents(count), self.sample_labels(count))
        return self._whole.run([], self._whole.prepare(*feeds))[0].numpy()

    def _raw_shape(self) -> tuple[int, ...]:
        raw = self._raw(2)
        if raw.ndim == 0 or len(raw) != 2:
            raise UserError(
                f"{self.path} gives an output of shape {list(raw.shape)} for two latents, "
                "where [2, ...] is needed; name another signature with --signature"
            )
        return raw.shape[1:]

    def _find_range(self, asked: str | None) -> str:
        if asked is not None:
            if asked not in RANGES:
                raise UserError(
                    f"--image_range={asked} is not known: it is one of {'  '.join(RANGES)}"
                )
            return asked
        proved = range_of_graph(self._model, self._output)
        if proved is not None:
            return proved
        measured = range_of_samples(self._raw(_RANGE_SAMPLES))
        self.notes.append(
            f"image range [{measured}] measured from {_RANGE_SAMPLES} samples; "
            "--image_range overrides it"
        )
        return measured
