"""A trained generator, and its two halves at any layer: `G(z, y) = g2(g1(z, y), z, y)`."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.inputs.chunks import find_chunks
from tfinv.generators.inputs.class_names import ClassNames, read_class_names
from tfinv.generators.inputs.constants import Value
from tfinv.generators.inputs.inputs import Inputs, Labels
from tfinv.generators.inputs.prior import Prior
from tfinv.generators.output.border import visible
from tfinv.generators.output.framing import Hints, find_frame
from tfinv.generators.output.picture import find_picture
from tfinv.generators.split import LATENT, Split
from tfinv.graph.digest import digest
from tfinv.graph.facts import Facts
from tfinv.graph.fold import fold
from tfinv.graph.interpret import Program
from tfinv.graph.layers import Layer, cuttable_layers, find_layer, first_dense_layer
from tfinv.graph.model import GraphModel
from tfinv.graph.walk import canonical

__all__ = ["Generator"]


class Generator:
    """A frozen generator read from a file.

    Args:
      model: its graph.
      image_range: a name in `RANGES` that overrides what is found out.
      image_layout: a name in `LAYOUTS` that overrides what is found out.
      constants: values of the inputs that are neither latent nor labels, by key, such as
        {"truncation": 0.5}; see `tfinv.generators.inputs.constants`.
      latent_input: key of the latent, where the graph does not tell.
      label_input: key of the labels, likewise.
      known_range: a name in `RANGES` that the file's format fixes.
      notes: lines that a user should know of how the file was read.

    Attributes:
      path: where it was read from.
      producer: what kind of file that was.
      latent_size: length of z.
      prior: what latents are sampled from.
      classes: number of classes; None if unconditional or not known.
      conditional: whether labels are needed.
      inputs: what each input of the file is for.
      image_shape: (height, width, channels) of a picture.
      border: how raw output becomes float32 NHWC in [0, 1], and how that was found out.
      notes: lines that a user should know, such as how the range was measured.

    Raises:
      UserError: if the model does not draw one picture a latent, or an override is unknown.
    """

    def __init__(
        self,
        model: GraphModel,
        *,
        image_range: str | None = None,
        image_layout: str | None = None,
        constants: Mapping[str, Value] | None = None,
        latent_input: str | None = None,
        label_input: str | None = None,
        known_range: str | None = None,
        notes: Sequence[str] = (),
    ):
        self.path, self.producer = model.path, model.producer
        picture = find_picture(model)
        self.inputs = Inputs(picture.facts, constants, latent_input, label_input)
        self.latent_size, self.classes = self.inputs.latent_size, self.inputs.classes
        self.conditional = self.inputs.conditional
        self.prior = Prior(self.inputs.sampled_truncation)
        self._model = fold(self.inputs.model, picture.tensor, self.inputs.constants)
        [port] = self._model.outputs
        self._output = port.tensor
        self._facts = Facts(self._model, self._output)
        self._whole = self._program(self._output)
        known = picture.range and (picture.range, "the integers that the file rounds to")
        if known_range is not None:
            known = known_range, "the file's format"
        hints = Hints(image_range, image_layout, known)
        frame = find_frame(self._facts, self.inputs, self._program, self._raw, hints)
        self.border, self.image_shape = frame.border, frame.image_shape
        self.notes: list[str] = [*notes, *picture.notes, *self.inputs.notes, *frame.notes]

    def __call__(self, z: tf.Tensor | np.ndarray, labels: Labels = None) -> tf.Tensor:
        """Draws pictures.

        Args:
          z: float32 [N, latent_size].
          labels: int [N] in [0, classes), or names; needed if `conditional`.

        Returns:
          float32 [N, height, width, channels] in [0, 1]; clipped, where its output is not.
        """
        frontier = self._whole.prepare(*self.inputs.feeds(z, labels))
        return visible(self.border.to_images(self._whole.run([], frontier)[0]))

    @property
    def model(self) -> GraphModel:
        """Its graph, from the inputs to the one raw picture; what is constant is evaluated."""
        return self._model

    @property
    def output(self) -> str:
        """The tensor of `model` that is the raw picture."""
        return self._output

    def sample_latents(self, count: int, seed: int = 0, first: int = 0) -> np.ndarray:
        """Draws latents from the prior, numbers `first` to `first + count`; see `prior`.

        Latent k depends on the seed and k alone, not on how many are drawn.

        Returns:
          float32 [count, latent_size].
        """
        return self.prior.draw(self.latent_size, seed, first, count)

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
        return Split(self._model, self.inputs, self.border, found, self._output, free, self.chunks)

    @functools.cached_property
    def digest(self) -> str:
        """Of its graph and weights, as they were read; see `tfinv.graph.digest`."""
        return digest(self.inputs.model)

    @property
    def class_names(self) -> ClassNames | None:
        """Names of the classes, ImageNet's if there are 1,000; None if there are none."""
        return self.inputs.class_names

    def use_class_names(self, path: str | os.PathLike) -> None:
        """Takes the names of the classes from a text file, one a line.

        Raises:
          UserError: if it cannot be read or holds another number of them.
        """
        self.check_labels([0])  # says so if it takes none
        self.inputs.class_names = read_class_names(path, self.classes)

    def label(self, text: str | int) -> int:
        """The class that a text means: its number, or any name that it has in `class_names`.

        Raises:
          UserError: if there is no such class, or several; it lists the nearest names.
        """
        return int(self.check_labels([str(text)])[0])

    def check_labels(self, labels: Sequence[int] | Sequence[str] | np.ndarray) -> np.ndarray:
        """Returns labels, numbers or names, as int32 [N].

        Raises:
          UserError: for one that the generator cannot take.
        """
        return self.inputs.check_labels(labels)

    @functools.cached_property
    def chunks(self) -> list[tuple[int, int]]:
        """The pieces that the graph cuts z into, (start, stop) each, in order; mostly one."""
        return find_chunks(self._facts, self.inputs.latent, self.latent_size)

    def what_reaches(self, layer: str) -> tuple[np.ndarray, bool]:
        """What a layer depends on: which numbers of z, bool [latent_size], and whether labels."""
        program = self._program(find_layer(self._layers, layer).name)
        columns = program.columns_read(self.inputs.latent, self.latent_size)
        return columns, any(canonical(name) in program.reads for name in self.inputs.names[1:])

    @functools.cached_property
    def _layers(self) -> tuple[Layer, ...]:
        latent = self.inputs.latent
        return tuple(cuttable_layers(self._model, latent, self._output, self.inputs.constants))

    @functools.cached_property
    def _dense(self) -> str:
        marked = [layer.name for layer in self._layers if layer.dense]
        if marked:
            return marked[0]
        latent = self.inputs.latent  # there is none: this says so
        return first_dense_layer(self._model, latent, self._output, self.inputs.constants)

    def _program(self, tensor: str) -> Program:
        """From the inputs to a tensor."""
        return Program(
            self._model,
            [tensor],
            per_batch=self.inputs.names,
            constants=self.inputs.constants,
        )

    def _raw(self, picks: Sequence[int]) -> np.ndarray:
        """What the graph itself returns for the latents, and classes, of these numbers."""
        z = np.concatenate([self.sample_latents(1, first=k) for k in picks])
        labels = np.asarray(picks) % (self.classes or 1) if self.conditional else None
        feeds = self.inputs.feeds(z, labels)
        return self._whole.run([], self._whole.prepare(*feeds))[0].numpy()
