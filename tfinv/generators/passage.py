"""From the code at a cut to tensors behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfinv.generators.inputs.inputs import Inputs
from tfinv.graph.hinge import Hinge, measure_hinge
from tfinv.graph.interpret import Program
from tfinv.graph.model import GraphModel, split_tensor_name
from tfinv.graph.ops import tensor_type
from tfinv.graph.walk import canonical, topological_order

__all__ = ["Passage"]

_SAMPLES, _NUMBERS = 256, 1 << 24  # of the generator, to see how far its units open


class Passage:
    """What later tensors of a graph are, given one of it; each program is made once.

    Args:
      model: the generator's graph.
      inputs: its inputs.
      tensor: the cut, "node:k".
    """

    def __init__(self, model: GraphModel, inputs: Inputs, tensor: str):
        self._model, self._inputs, self._tensor = model, inputs, tensor
        self._dtype = tensor_type(model.nodes, tensor)
        self._programs: dict[str, Program] = {}

    def reaches(self, tensor: str) -> bool:
        """Whether another tensor depends on this one, or is it."""
        node = split_tensor_name(self._tensor)[0]
        return canonical(self._tensor) == canonical(tensor) or node in set(
            topological_order(self._model.nodes, [tensor])
        )

    def reads(self, tensor: str) -> frozenset[str]:
        """What of the cut and the inputs a later tensor needs the values of, as "node:k"."""
        return self._program(tensor).reads

    def __call__(
        self, h: tf.Tensor | np.ndarray, tensor: str, feeds: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """A later tensor, float32 [N, ...].

        Args:
          h: float32 [N, *code_shape].
          tensor: "node:k".
          feeds: latents and labels, as the graph takes them, for what lies between and reads them.
        """
        program = self._program(tensor)
        h = tf.cast(tf.convert_to_tensor(h), self._dtype)
        return tf.cast(program.run([h], program.prepare(*feeds))[0], tf.float32)

    def _program(self, tensor: str) -> Program:
        if tensor not in self._programs:
            self._programs[tensor] = Program(
                self._model,
                [tensor],
                live=[self._tensor],
                per_batch=self._inputs.names,
                constants=self._inputs.constants,
            )
        return self._programs[tensor]

    def hinge(self, tensor: str, g1, shape: Sequence[int]) -> Hinge | None:
        """Where the units of a code close, by the generator's own codes; see `measure_hinge`.

        Args:
          tensor: what the ReLU right behind reads.
          g1: latents and labels to codes.
          shape: of a code.
        """
        inputs = self._inputs
        count = max(3, min(_SAMPLES, _NUMBERS // int(np.prod(shape))))
        # Whatever latents are drawn from, these show the scale of an open unit.
        z = np.random.default_rng(0).standard_normal([count, inputs.latent_size], np.float32)
        labels = np.arange(count) % (inputs.classes or 1) if inputs.conditional else None
        feeds = inputs.feeds(z[:3], None if labels is None else labels[:3])
        return measure_hinge(lambda h: self(h, tensor, feeds), g1(z, labels))
