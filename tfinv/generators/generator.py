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
from tfinv.generators.inputs import Inputs
from tfinv.generators.split import LATENT, Split
from tfinv.graph.fold import fold
from tfinv.graph.interpret import Program
from tfinv.graph.layers import Layer, cuttable_layers, find_layer, first_dense_layer
from tfinv.graph.model import GraphModel

__all__ = ["Generator"]

_RANGE_SAMPLES = 64
_COUPLING = 1e-3  # of the largest value; convolutions round differently by far less


class Generator:
    """A frozen generator read from a file.

    Args:
      model: its graph.
      image_range: a name in `RANGES` that overrides what is read off the graph.
      image_layout: a name in `LAYOUTS` that overrides what is read off the shape.
      constants: values of the scalar inputs by key, such as {"truncation": 0.5}; 1 by default.
      notes: lines that a user should know of how the file was read.

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
        notes: Sequence[str] = (),
    ):
        self.path, self.producer = model.path, model.producer
        self.notes: list[str] = list(notes)
        self._inputs = Inputs(model, constants or {})
        self.latent_size, self.classes = self._inputs.latent_size, self._inputs.classes
        self.conditional = self._inputs.conditional
        self._model = fold(model, _single_output(model), self._inputs.constants)
        [port] = self._model.outputs
        self._output = port.tensor
        self._whole = Program(
            self._model,
            [self._output],
            per_batch=self._inputs.names,
            constants=self._inputs.constants,
        )
        raw_shape = self._probe()
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
        frontier = self._whole.prepare(*self._inputs.feeds(z, labels))
        return self.border.to_images(self._whole.run([], frontier)[0])

    def sample_latents(self, count: int, seed: int = 0, first: int = 0) -> np.ndarray:
        """Draws latents from the prior N(0, I), numbers `first` to `first + count`.

        Latent k depends on the seed and k alone, not on how many are drawn.

        Returns:
          float32 [count, latent_size].
        """
        rows = [
            np.random.default_rng([seed, k]).standard_normal(self.latent_size)
            for k in range(first, first + count)
        ]
        return np.asarray(rows, np.float32).reshape(count, self.latent_size)

    def sample_labels(self, count: int, seed: int = 0, first: int = 0) -> np.ndarray | None:
        """Draws classes uniformly, as `sample_latents` does; int32 [count].

        None for an unconditional generator.

        Raises:
          UserError: if the number of classes is not known.
        """
        if not self.conditional:
            return None
        if self.classes is None:
            raise UserError(
                f"how many classes {self.path} has cannot be told from its graph, so no labels can "
                "be drawn: give pictures with labels"
            )
        rows = [
            np.random.default_rng([seed, k, 3]).integers(self.classes)
            for k in range(first, first + count)
        ]
        return np.asarray(rows, np.int32)

    def layers(self) -> list[Layer]:
        """The layers at which this generator can be cut, from latent to picture."""
        return list(self._layers)

    def split(self, layer: str = "dense", free: Sequence[str] = ()) -> Split:
        """Cuts the generator in two.

        Args:
          layer: "latent", "dense" for the first dense layer, the name of a tensor, or the end of
            one that no other ends in.
          free: out of "latent" and "labels", what shall be given at every evaluation, so that it
            can be optimised together with the code. What g2 does not read is left out, and
            `Split.free` says what remains.

        Raises:
          UserError: if there is no such layer, or several; or for free labels of a generator that
            takes them as whole numbers.
        """
        if layer == LATENT:
            found = Layer(LATENT, "latent", (self.latent_size,), self.latent_size, False)
        elif layer == "dense":
            found = find_layer(self._layers, self._dense)
        else:
            found = find_layer(self._layers, layer)
        return Split(self._model, self._inputs, self.border, found, self._output, free)

    def check_labels(self, labels: Sequence[int] | np.ndarray) -> np.ndarray:
        """Returns labels as int32 [N]; raises UserError for one that the generator cannot take."""
        return self._inputs.check_labels(labels)

    @functools.cached_property
    def _layers(self) -> tuple[Layer, ...]:
        latent = self._inputs.latent
        return tuple(cuttable_layers(self._model, latent, self._output, self._inputs.constants))

    @functools.cached_property
    def _dense(self) -> str:
        marked = [layer.name for layer in self._layers if layer.dense]
        if marked:
            return marked[0]
        latent = self._inputs.latent  # there is none: this says so
        return first_dense_layer(self._model, latent, self._output, self._inputs.constants)

    def _raw(self, picks: Sequence[int]) -> np.ndarray:
        """What the graph itself returns for the latents of these numbers, all of one class."""
        z = self.sample_latents(max(picks) + 1)[list(picks)]
        labels = np.zeros(len(picks), np.int32) if self.conditional else None
        feeds = self._inputs.feeds(z, labels)
        return self._whole.run([], self._whole.prepare(*feeds))[0].numpy()

    def _probe(self) -> tuple[int, ...]:
        """The shape of one raw picture; refuses what no inversion could use."""
        raw = self._raw([0, 1])
        if raw.ndim == 0 or len(raw) != 2:
            raise UserError(
                f"{self.path} gives an output of shape {list(raw.shape)} for two latents, "
                "where [2, ...] is needed; name another signature with --signature"
            )
        if not np.issubdtype(raw.dtype, np.floating) and raw.dtype != tf.bfloat16.as_numpy_dtype:
            raise UserError(
                f"{self.path} rounds its picture to {raw.dtype.name}, which lets no gradient "
                "through: export the generator without the last cast"
            )
        # Statistics of the live batch would make every image's result depend on its neighbours'.
        other = self._raw([0, 2])
        change = np.abs(raw[0].astype(np.float64) - other[0]).max()
        if change > _COUPLING * max(1.0, np.abs(raw[0]).max()):
            raise UserError(
                f"{self.path}: a picture depends on the others of its batch (by {change:.2g}), as "
                "with batch normalisation in training mode: export it with frozen statistics"
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
        measured = range_of_samples(self._raw(range(_RANGE_SAMPLES)))
        self.notes.append(
            f"image range [{measured}] measured from {_RANGE_SAMPLES} samples; "
            "--image_range overrides it"
        )
        return measured


def _single_output(model: GraphModel) -> str:
    if len(model.outputs) != 1:
        keys = ", ".join(port.key for port in model.outputs)
        raise UserError(
            f"{model.path} has {len(model.outputs)} outputs ({keys}) where one picture is "
            "needed; name another signature with --signature"
        )
    return model.outputs[0].tensor
