"""A stage: one optimisation, at one layer, of one loss, by one solver."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.split import LATENT, Split
from tfinv.inversion.constraints import Constraint, constrained
from tfinv.inversion.losses import Loss
from tfinv.inversion.resting import a_hair_open, resting
from tfinv.inversion.solvers.base import Constrain, Solver, Status, unconstrained
from tfinv.inversion.trial import Trial
from tfinv.inversion.unknowns import CODE, join, take_apart

__all__ = ["STEPS_A_CALL", "Batch", "CompiledStage", "Stage"]

STEPS_A_CALL = 25
_MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Stage:
    """What to optimise.

    Attributes:
      layer: as for `Generator.split`.
      loss: what to minimise; terms that this layer does not have are left out.
      solver: how.
      optimize: what, out of "code", "latent" and "labels", the first among them; None for the code
        and, where g2 reads it, the latent (see `tfinv.inversion.unknowns.free_names`).
      constraint: what z must keep to, if it is optimised here; None for nothing.
    """

    layer: str
    loss: Loss
    solver: Solver
    optimize: Sequence[str] | None = None
    constraint: Constraint | None = None


@dataclass(frozen=True)
class Batch:
    """A batch that a stage works on; every array has the same number of rows.

    Attributes:
      targets: float32 [B, H, W, C] in [0, 1].
      latents: float32 [B, latent_size], read by g2 behind the cut where it needs z; the start of
        what is optimised if z is free.
      labels: int32 [B], or float32 [B, classes], weights of the classes, likewise; None if
        unconditional.
      start: float32 [B, *code_shape].
      anchor: float32 [B, *code_shape], what z reaches at the layer; see `Trial`.
      references: what `Loss.references` makes of the targets; more than a stage needs does no harm.
      keys: uint32 [B], each image's own stream (`constraints.streams`); needed for a constraint.
    """

    targets: tf.Tensor
    latents: tf.Tensor
    labels: Any
    start: tf.Tensor
    anchor: tf.Tensor
    references: Mapping[str, tf.Tensor] = field(default_factory=dict)
    keys: Any = None


class CompiledStage:
    """A stage on one cut, its loop compiled once for each batch size.

    Attributes:
      stage: what it was made of.
      split: the cut.
      loss: the terms that there are at this layer.
      constraint: that of the stage, if z is optimised.
      hinge: where closed units rest; None if they do not (see `tfinv.inversion.resting`).

    The whole loop is one XLA program: code and solver state are its loop variables, and it runs a
    few dozen steps a call, so that progress can be shown between calls.
    """

    def __init__(self, stage: Stage, split: Split):
        self.stage, self.split = stage, split
        free_latent = split.is_latent or "latent" in split.free
        self.loss = stage.loss.at(latent=free_latent, behind=not split.is_latent)
        if not self.loss.parts:
            raise UserError(
                f"loss '{stage.loss}' has no term for the layer {stage.layer!r}: add mse"
            )
        self._bound = self.loss.bound(split)
        self.constraint = stage.constraint if free_latent else None
        # A term that looks at the code itself sees a difference where the picture has none.
        sees_code = any(term.at == "code" for term in self.loss.terms)
        self.hinge = split.hinge if stage.solver.rests and not sees_code else None
        self._jit, self._works = True, False
        self._loops: dict[Any, Callable[..., Any]] = {}

    def run(self, batch: Batch, on_progress: Callable[[Any], None] | None = None) -> Any:
        """Optimises a batch to the end.

        Args:
          batch: what to invert, from where.
          on_progress: called with the solver's state, before the first step and every few dozen.

        Returns:
          The solver's last state; see `SolverState`. Its codes are what `take_apart` takes.
        """
        frontier, state = self.frontier(batch), self.begin(batch)
        if on_progress is not None:
            on_progress(state)
        while bool(tf.reduce_any(state.status == int(Status.RUNNING))):
            state, _ = self.advance(state, batch, frontier, len(batch.anchor))
            if on_progress is not None:
                on_progress(state)
        return state

    def begin(self, batch: Batch) -> Any:
        """The solver's state before the first step of a batch."""
        return self.stage.solver.init(self._start(batch)[0])

    def frontier(self, batch: Batch) -> tuple[tf.Tensor, ...]:
        """What the loop reads of latents and labels that are held; once for many steps."""
        return self.split.frontier(batch.latents, batch.labels)

    def advance(
        self,
        state: Any,
        batch: Batch,
        frontier: Sequence[tf.Tensor],
        leave: int,
        most: int = STEPS_A_CALL,
    ) -> tuple[Any, int]:
        """Goes on for a few dozen steps, each an evaluation of every row.

        Args:
          state: where the solver is.
          batch: its rows; the start is not looked at.
          frontier: of the batch.
          leave: ends as soon as so many rows are not running any more.
          most: ends after so many steps.

        Returns:
          The solver's state after that, and how many steps there were.
        """
        anchor = tf.reshape(batch.anchor, [len(batch.anchor), -1])
        shapes = {k: v for k, v in enumerate(frontier) if _may_be_a_shape(v)}
        moving = tuple(v for k, v in enumerate(frontier) if k not in shapes)
        references, keys = dict(batch.references), _keys(batch)
        given = batch.targets, references, anchor, keys, moving
        until = tf.constant([leave, most], tf.int32)
        state, steps = self._call(shapes, state, until, *given)
        return state, int(steps)

    def losses(self, batch: Batch) -> tf.Tensor:
        """The losses where a batch starts, float32 [B]; costs one forward pass."""
        anchor = tf.reshape(batch.anchor, [len(batch.anchor), -1])
        frontier = self.split.frontier(batch.latents, batch.labels)
        parts = take_apart(self.split, self._start(batch)[0])
        return self._losses(parts, batch.targets, batch.references, anchor, frontier)

    def _start(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """The first rows of a batch, and the keys of its streams."""
        keys = _keys(batch)
        rows = join(self.split, batch.start, batch.latents, batch.labels)
        return self._constrain(keys)(rows, tf.ones(len(rows), tf.int32)), keys

    def _loop(self, shapes: dict[int, tf.Tensor], args: Sequence[Any]) -> Callable[..., Any]:
        """The loop for so many rows, and a frontier with these shapes in it, made once.

        A graph that computes the shape of an inner layer from its input hands it over in the
        frontier. As an argument it would hide the layer's size from the kernels, which then could
        not choose their quick forms, several times as fast: it is a constant of the loop instead.
        (Only an eager tensor becomes one inside the loop's body.)
        """
        rows = len(args[2])
        key = (self._jit, rows, *((k, str(v.numpy().tolist())) for k, v in shapes.items()))
        if key not in self._loops:

            def steps(state: Any, until: tf.Tensor, *given: Any) -> Any:
                *given, moving = given
                rest = iter(moving)
                frontier = [
                    shapes[k] if k in shapes else next(rest)
                    for k in range(len(shapes) + len(moving))
                ]
                return self._steps(state, until, *given, frontier)

            loop = tf.function(steps, jit_compile=self._jit or None, autograph=False)
            # TensorFlow takes the loops of several stages for one that is traced too often, and
            # warns, where they are called as functions that trace themselves.
            self._loops[key] = loop.get_concrete_function(*args)
        return self._loops[key]

    def _call(self, shapes: dict[int, tf.Tensor], *args: Any) -> Any:
        """One call of the loop; the first one finds out whether XLA can compile it at all."""
        try:
            found = self._loop(shapes, args)(*args)
        except LookupError:  # TensorFlow's word for an operation without a derivative
            raise UserError(self._no_gradient(CODE)) from None
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if self._works or "XLA" not in str(error):
                raise
            warnings.warn(
                f"XLA cannot compile what is behind {self.split.layer.name}; running without it, "
                "which is slower",
                stacklevel=2,
            )
            self._jit = False
            found = self._loop(shapes, args)(*args)
        self._works = True
        return found

    def _no_gradient(self, name: str) -> str:
        layer = self.split.layer.name
        if name != CODE:
            return f"no gradient reaches the {name} read behind {layer}: drop {name} from optimize"
        reason = self.split.obstacle() or "the loss does not depend on the code"
        return f"nothing can be optimised at {layer}: {reason}"

    def _steps(
        self,
        state: Any,
        until: Any,
        targets: Any,
        references: Any,
        anchor: Any,
        keys: Any,
        frontier: Any,
    ) -> tuple[Any, tf.Tensor]:
        solver, constrain = self.stage.solver, self._constrain(keys)

        def evaluate(rows: tf.Tensor, leak: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            parts = take_apart(self.split, rows)
            with tf.GradientTape() as tape:
                tape.watch(parts)
                losses = self._losses(parts, targets, references, anchor, frontier, leak)
            return losses, self._gradient(tape.gradient(losses, parts))

        def goes_on(step: tf.Tensor, state: Any) -> tf.Tensor:
            ended = tf.reduce_sum(tf.cast(state.status != int(Status.RUNNING), tf.int32))
            return (ended < until[0]) & (step < until[1])

        def body(step: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
            return step + 1, solver.step(state, evaluate, constrain)

        steps, state = tf.while_loop(goes_on, body, (0, state), parallel_iterations=1)
        return state, steps

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
        return self._bound(Trial(images, targets, code, anchor, z, references))

    def _constrain(self, keys: tf.Tensor) -> Constrain:
        """What holds the rows of a batch with these keys."""
        held = unconstrained
        if self.constraint is not None:
            held = constrained(self.constraint, self.split, keys)
        return held if self.hinge is None else resting(self.hinge, held)

    def _gradient(self, parts: Mapping[str, tf.Tensor | None]) -> tf.Tensor:
        """The gradient by the rows, out of those by the unknowns."""
        rows = []
        for name in (CODE, *self.split.free):
            gradient = parts[name]
            if gradient is None:
                raise UserError(self._no_gradient(name))
            if name == LATENT:
                # A prior would draw numbers that the picture does not depend on towards 0, and z
                # would no longer be the latent whose code the stage began with.
                gradient = tf.where(self.split.latent_read, gradient, 0.0)
            rows.append(gradient)
        return tf.concat(rows, 1) if len(rows) > 1 else rows[0]


def _keys(batch: Batch) -> tf.Tensor:
    none = batch.keys is None
    return tf.constant(np.zeros(len(batch.anchor), np.uint32) if none else batch.keys)


def _may_be_a_shape(value: tf.Tensor) -> bool:
    few = value.shape.rank is not None and value.shape.rank <= 1
    return value.dtype.is_integer and few and value.shape.num_elements() <= _MOST_DIMENSIONS
