"""What a stage minimises, as a function of the rows that its solver moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.split import LATENT, Split
from tfinv.images import metrics
from tfinv.inversion.constraints import constrained
from tfinv.inversion.losses import Loss
from tfinv.inversion.resting import a_hair_open, resting
from tfinv.inversion.solvers.base import Constrain, Evaluate, unconstrained
from tfinv.inversion.stages import Batch, Stage
from tfinv.inversion.trial import Trial
from tfinv.inversion.unknowns import CODE, join, take_apart

__all__ = ["Objective"]


class Objective:
    """The loss of a stage at one cut, its gradient, and what holds the rows.

    A row is what `unknowns.join` makes of an image: its code, and what is free beside it.

    Attributes:
      split: the cut.
      loss: the terms that there are at this layer.
      constraint: that of the stage, if z is optimised.
      hinge: where closed units rest; None if they do not (see `tfinv.inversion.resting`).

    Raises:
      UserError: if the loss has no term there.
    """

    def __init__(self, stage: Stage, split: Split):
        self.split = split
        free_latent = split.is_latent or "latent" in split.free
        self.loss: Loss = stage.loss.at(latent=free_latent, behind=not split.is_latent)
        if not self.loss.parts:
            raise UserError(
                f"loss '{stage.loss}' has no term for the layer {stage.layer!r}: add mse"
            )
        self._bound = self.loss.bound(split)
        self._degradation = stage.degradation
        self.constraint = stage.constraint if free_latent else None
        # A term that looks at the code itself sees a difference where the picture has none.
        sees_code = any(term.at == "code" for term in self.loss.terms)
        self.hinge = split.hinge if stage.solver.rests and not sees_code else None

    def start(self, batch: Batch) -> tf.Tensor:
        """The rows where a batch starts, float32 [B, D]."""
        rows = join(self.split, batch.start, batch.latents, batch.labels)
        return self.constrain(batch.streams)(rows, tf.ones(len(rows), tf.int32))

    def losses(self, batch: Batch) -> tf.Tensor:
        """The losses where a batch starts, float32 [B]; costs one forward pass."""
        frontier = self.split.frontier(batch.latents, batch.labels)
        parts = take_apart(self.split, self.start(batch))
        return self._losses(parts, batch.targets, batch.references, batch.anchors, frontier)

    def evaluate(
        self,
        targets: tf.Tensor,
        references: Mapping[str, tf.Tensor],
        anchors: tf.Tensor,
        frontier: Sequence[tf.Tensor],
    ) -> Evaluate:
        """Losses and gradients of rows, for `Solver.step`.

        Args:
          targets: see `Batch`; so are the next two.
          references: what the terms keep of them.
          anchors: flattened.
          frontier: of the batch.
        """

        def evaluate(rows: tf.Tensor, leak: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            parts = take_apart(self.split, rows)
            with tf.GradientTape() as tape:
                tape.watch(parts)
                losses = self._losses(parts, targets, references, anchors, frontier, leak)
            return losses, self._gradient(tape.gradient(losses, parts))

        return evaluate

    def references(self, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the terms keep of targets, once a batch; see `Loss.references`."""
        if self._degradation is not None:
            targets, _ = self._degradation.take_apart(targets)
        return self.loss.references(targets)

    def rmse(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """How far pictures are from targets, float64 [N]: where they are seen, and known."""
        if self._degradation is None:
            return metrics.rmse(images, targets)
        return self._degradation.rmse(images, targets)

    def constrain(self, keys: tf.Tensor) -> Constrain:
        """What holds the rows of a batch with these keys."""
        held = unconstrained
        if self.constraint is not None:
            held = constrained(self.constraint, self.split, keys)
        return held if self.hinge is None else resting(self.hinge, held)

    def no_gradient(self, name: str) -> str:
        """Says why nothing can be optimised, or not what is called this."""
        layer = self.split.layer.name
        if name != CODE:
            return f"no gradient reaches the {name} read behind {layer}: drop {name} from optimize"
        reason = self.split.obstacle() or "the loss does not depend on the code"
        return f"nothing can be optimised at {layer}: {reason}"

    def _losses(
        self,
        parts: Mapping[str, tf.Tensor],
        targets: tf.Tensor,
        references: Mapping[str, tf.Tensor],
        anchor: tf.Tensor,
        frontier: Sequence[tf.Tensor],
        leak: tf.Tensor | float = 0.0,
    ) -> tf.Tensor:
        """The losses of unknowns, float32 [B]; see `take_apart` and `Trial`."""
        code, latent = parts[CODE], parts.get("latent")
        h = code if self.hinge is None else a_hair_open(self.hinge, code)
        h = tf.reshape(h, [-1, *self.split.code_shape])
        images = self.split.draw(h, frontier, leak, z=latent, labels=parts.get("labels"))
        z = code if self.split.is_latent else latent
        known = None
        if self._degradation is not None:
            images = self._degradation.see(images)
            targets, known = self._degradation.take_apart(targets)
        if known is not None:
            images = images * known
        return self._bound(Trial(images, targets, code, anchor, z, references, known))

    def _gradient(self, parts: Mapping[str, tf.Tensor | None]) -> tf.Tensor:
        """The gradient by the rows, out of those by the unknowns."""
        rows = []
        for name in (CODE, *self.split.free):
            gradient = parts[name]
            if gradient is None:
                raise UserError(self.no_gradient(name))
            if name == LATENT:
                # A prior would draw numbers that the picture does not depend on towards 0, and z
                # would no longer be the latent whose code the stage began with.
                gradient = tf.where(self.split.latent_read, gradient, 0.0)
            rows.append(gradient)
        return tf.concat(rows, 1) if len(rows) > 1 else rows[0]
