"""The two halves of a generator cut at one layer."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.inputs.inputs import Inputs, Labels
from tfinv.generators.output.border import Border, visible
from tfinv.generators.passage import Passage
from tfinv.graph.differentiable import why_not_differentiable
from tfinv.graph.hinge import Hinge
from tfinv.graph.interpret import Program
from tfinv.graph.layers import Layer
from tfinv.graph.model import GraphModel
from tfinv.graph.ops import tensor_type
from tfinv.graph.walk import canonical

__all__ = ["BESIDE", "LATENT", "Split"]

LATENT = "latent"
"""The name of the layer whose code is z itself."""

BESIDE = ("latent", "labels")
"""What g2 may read beside the code."""


class Split:
    """`G(z, y) = g2(g1(z, y), z, y)` at one layer; made by `Generator.split`.

    Whatever depends on z and y alone, and not on the code, is computed once a batch by `frontier`;
    `draw` is the rest of g2, which an optimisation evaluates again and again. Where z or y are to
    be optimised with the code, they are free: `draw` takes them, and all that depends on them runs
    at every evaluation.

    Attributes:
      layer: where.
      code_shape: shape of a code, without the batch.
      latent_size: length of z.
      chunks: the pieces that the graph cuts z into, (start, stop) each; mostly one.
      conditional: whether labels are needed.
      classes: number of classes; None if unconditional or not known.
      is_latent: whether the code is z itself.
      reads_latent: whether g2 reads z beside the code (BigGAN's conditional batch norm does).
      reads_labels: whether g2 reads the labels.
      free: which of `BESIDE` are free.
      latent_read: bool [latent_size], the numbers of z that g2 reads beside the code: in a
        hierarchical generator, the chunks that are injected behind the cut.
      live_nodes: operations of g2 that run at every evaluation.
    """

    def __init__(
        self,
        model: GraphModel,
        inputs: Inputs,
        border: Border,
        layer: Layer,
        output: str,
        free: Sequence[str] = (),
        chunks: Sequence[tuple[int, int]] = (),
    ):
        self.layer = layer
        self.code_shape, self.latent_size = layer.shape, inputs.latent_size
        self.chunks = tuple(chunks) or ((0, self.latent_size),)
        self.conditional, self.classes = inputs.conditional, inputs.classes
        self.is_latent = layer.name == LATENT
        self._model, self._inputs, self._border, self._output = model, inputs, border, output
        self._tensor = inputs.latent if self.is_latent else layer.name
        self._passage = Passage(model, inputs, self._tensor)
        # The latent is the code itself at the layer "latent", and else an input like the labels.
        self._beside = dict(zip(BESIDE, inputs.names, strict=False))
        if self.is_latent:
            del self._beside[LATENT]
        self.free = self._possible(free)
        self._g2 = self._make()
        read = [what for what in self.free if self._reads(what)]
        if read != list(self.free):  # freeing what is not read would only take shapes into the loop
            self.free = tuple(read)
            self._g2 = self._make()
        self.reads_latent, self.reads_labels = map(self._reads, BESIDE)
        self.latent_read = (
            self._g2.columns_read(inputs.latent, self.latent_size)
            if self.reads_latent
            else np.zeros(self.latent_size, bool)
        )
        self._dtype = tensor_type(model.nodes, self._tensor)
        self.live_nodes: int = self._g2.counts["live"]

    def _possible(self, free: Sequence[str]) -> tuple[str, ...]:
        """What of the wishes there is; refuses those that cannot be."""
        if unknown := [what for what in free if what not in BESIDE]:
            raise UserError(f"{unknown[0]!r} cannot be free: {' and '.join(BESIDE)} can")
        if "labels" in free and self._inputs.conditional and not self._inputs.one_hot:
            raise UserError(
                f"{self._inputs.path} takes labels as whole numbers, which have no gradient: they "
                "are held"
            )
        return tuple(what for what in BESIDE if what in free and what in self._beside)

    def _make(self) -> Program:
        return Program(
            self._model,
            [self._output],
            live=[self._tensor, *(self._beside[what] for what in self.free)],
            per_batch=self._held,
            constants=self._inputs.constants,
        )

    @property
    def _held(self) -> list[str]:
        """The tensors that are fed once a batch."""
        return [name for what, name in self._beside.items() if what not in self.free]

    def _reads(self, what: str) -> bool:
        return what in self._beside and canonical(self._beside[what]) in self._g2.reads

    def g1(self, z: tf.Tensor | np.ndarray, labels: Labels = None) -> tf.Tensor:
        """The code that a latent has at this layer.

        Args:
          z: float32 [N, latent_size].
          labels: int [N] in [0, classes), or weights of classes, float [N, classes], if the
            generator takes one-hot labels; needed for a conditional generator.

        Returns:
          float32 [N, *code_shape].
        """
        feeds = self._inputs.feeds(z, labels)
        if self.is_latent:
            return tf.cast(feeds[0], tf.float32)
        return tf.cast(self._g1.run([], self._g1.prepare(*feeds))[0], tf.float32)

    def g2(
        self,
        h: tf.Tensor | np.ndarray,
        z: tf.Tensor | np.ndarray | None = None,
        labels: Labels = None,
        *,
        leak: tf.Tensor | float = 0.0,
    ) -> tf.Tensor:
        """Draws pictures from codes.

        Args:
          h: float32 [N, *code_shape].
          z: float32 [N, latent_size]; needed only if `reads_latent`.
          labels: int [N] or float [N, classes]; needed only if `reads_labels`.
          leak: share of a negative upstream gradient that a closed ReLU lets through, in [0, 1],
            a scalar or one a picture [N]; changes gradients only, never pictures.

        Returns:
          float32 [N, height, width, channels] in [0, 1]; clipped, where the generator's output is
          not, but for the gradient.
        """
        frontier = self.frontier(z, labels, count=len(h))
        return visible(self.draw(tf.convert_to_tensor(h), frontier, leak, z=z, labels=labels))

    def frontier(
        self,
        z: tf.Tensor | np.ndarray | None = None,
        labels: Labels = None,
        *,
        count: int | None = None,
    ) -> tuple[tf.Tensor, ...]:
        """What g2 reads beside the code and is not free, computed once a batch.

        Args:
          z: float32 [N, latent_size]; needed only if `reads_latent` and not free.
          labels: int [N] or float [N, classes]; needed only if `reads_labels` and not free.
          count: N, for graphs that read it off the shape of an input that is not given.

        Raises:
          UserError: if g2 reads an input that is not given.
        """
        for what, given in zip(BESIDE, (z, labels), strict=True):
            if what not in self.free and self._reads(what):
                self._require(what, given)
        if count is None:
            count = next((len(given) for given in (z, labels) if given is not None), 1)
        feeds = zip(self._inputs.names, self._feeds(z, labels, count), strict=True)
        held = self._held
        return self._g2.prepare(*(value for name, value in feeds if name in held))

    def _feeds(self, z, labels: Labels, count: int) -> Sequence[tf.Tensor]:
        """What the graph is fed, where nothing but the shape is read of what is not given."""
        if z is None:
            z = tf.zeros([count, self.latent_size])
        if labels is None and self._inputs.conditional:
            labels = np.zeros(count, np.int32)
        return self._inputs.feeds(z, labels)

    def draw(
        self,
        h: tf.Tensor,
        frontier: Sequence[tf.Tensor],
        leak: tf.Tensor | float = 0.0,
        *,
        z: tf.Tensor | np.ndarray | None = None,
        labels: Labels = None,
    ) -> tf.Tensor:
        """The live half of g2.

        Args:
          h: float32 [N, *code_shape].
          frontier: from `frontier`.
          leak: as for `g2`.
          z: float32 [N, latent_size]; needed if free.
          labels: int [N] or float32 [N, classes]; needed if free.

        Returns:
          float32 [N, height, width, channels]; in [0, 1], where the generator keeps to its range,
          and not clipped: a loss has to see how far beyond it is.
        """
        live = [tf.cast(h, self._dtype)]  # codes are float32, whatever the graph computes in
        given = {LATENT: z, "labels": labels}
        for what in self.free:
            self._require(what, given[what])
            value = given[what] if what == LATENT else self.label_weights(given[what])
            live.append(tf.cast(value, tensor_type(self._model.nodes, self._beside[what])))
        return self._border.to_images(self._g2.run(live, frontier, leak)[0])

    def label_weights(self, labels: Labels) -> tf.Tensor:
        """Labels as weights, float32 [N, classes]; see `tfinv.generators.inputs.inputs.Inputs`."""
        return self._inputs.label_weights(labels)

    def _require(self, what: str, given: object) -> None:
        if given is None:
            plural = "latents" if what == LATENT else what
            raise UserError(
                f"{self._inputs.path} still reads the {plural} behind {self.layer.name}: give "
                "them beside the codes"
            )

    def obstacle(self) -> str | None:
        """Says, in one line that names the operation, why no gradient reaches the code, or None.

        This traces the gradient anew: ask only when something has gone wrong.
        """
        return why_not_differentiable(
            self._model,
            self._tensor,
            self._output,
            self.code_shape,
            self._inputs.constants,
            compiled=False,
        )

    def reaches(self, other: Split) -> bool:
        """Whether the code of another cut of this generator depends on the code here."""
        return self._passage.reaches(other._tensor)

    def follow(
        self,
        h: tf.Tensor | np.ndarray,
        other: Split,
        z: tf.Tensor | np.ndarray,
        labels: Labels = None,
    ) -> tf.Tensor:
        """The code that a code here has at a later cut.

        Args:
          h: float32 [N, *code_shape].
          other: a cut that this one reaches.
          z: float32 [N, latent_size], for what lies between and reads it.
          labels: int [N] or float [N, classes], likewise.

        Returns:
          float32 [N, *other.code_shape].
        """
        if self.is_latent:
            return other.g1(h, labels)
        return self._passage(h, other._tensor, self._inputs.feeds(z, labels))

    def value(
        self,
        tensor: str,
        h: tf.Tensor | np.ndarray,
        z: tf.Tensor | np.ndarray | None = None,
        labels: Labels = None,
    ) -> tf.Tensor:
        """What any tensor of the graph behind the cut is for codes, such as an attention map.

        Args:
          tensor: "node:k".
          h: float32 [N, *code_shape].
          z: float32 [N, latent_size]; needed only where it is read between, as by `g2`.
          labels: int [N] or float [N, classes], likewise.

        Returns:
          float32, of whatever shape the tensor has.

        Raises:
          UserError: if there is no such tensor, it does not depend on the code, or an input that
            it needs is not given.
        """
        if not self._passage.reaches(tensor):
            raise UserError(
                f"{tensor} of {self._inputs.path} does not depend on the code at {self.layer.name}:"
                " take codes of a layer in front of it"
            )
        reads = self._passage.reads(tensor)
        for what, given in zip(BESIDE, (z, labels), strict=True):
            if what in self._beside and canonical(self._beside[what]) in reads:
                self._require(what, given)
        feeds = self._feeds(h if self.is_latent else z, labels, len(h))
        return self._passage(h, tensor, feeds)

    @functools.cached_property
    def hinge(self) -> Hinge | None:
        """Where the units of a code close; None if more than a ReLU right behind reads them."""
        tensor = None if self.is_latent else self._g2.rectified_tensor(self._tensor)
        if tensor is None:
            return None
        return self._passage.hinge(tensor, self.g1, self.code_shape)

    @functools.cached_property
    def _g1(self) -> Program:
        return Program(
            self._model,
            [self._tensor],
            per_batch=self._inputs.names,
            constants=self._inputs.constants,
        )
