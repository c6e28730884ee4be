"""The loop of a stage, compiled by XLA as a whole."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.split import Split
from tfinv.inversion.objective import Objective
from tfinv.inversion.solvers.base import Status
from tfinv.inversion.stages import Batch, Stage
from tfinv.inversion.unknowns import CODE

__all__ = ["STEPS_A_CALL", "CompiledStage"]

STEPS_A_CALL = 25
_MOST_DIMENSIONS = 8


class CompiledStage:
    """A stage on one cut, its loop compiled once for each batch size.

    The whole loop is one XLA program: code and solver state are its loop variables, and it runs a
    few dozen steps a call, so that progress can be shown between calls.

    Attributes:
      stage: what it was made of.
      split: the cut.
      objective: what it minimises there.
    """

    def __init__(self, stage: Stage, split: Split):
        self.stage, self.split = stage, split
        self.objective = Objective(stage, split)
        self._jit, self._works = True, False
        self._loops: dict[Any, Callable[..., Any]] = {}
        self._lock = threading.Lock()  # each device calls from a thread of its own

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
        return self.stage.solver.init(self.objective.start(batch))

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
        shapes, arguments = self._arguments(state, batch, frontier, leave, most)
        state, steps = self._call(shapes, arguments)
        return state, int(steps)

    def program(self, batch: Batch) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The compiled loop, and what it is called with at the beginning of a batch.

        Returns:
          A concrete function of tensors to (state, steps), and its arguments.
        """
        frontier, state = self.frontier(batch), self.begin(batch)
        rows = len(batch.anchor)
        shapes, arguments = self._arguments(state, batch, frontier, rows, STEPS_A_CALL)
        return self._loop(shapes, arguments, self._jit), arguments

    def _arguments(
        self, state: Any, batch: Batch, frontier: Sequence[tf.Tensor], leave: int, most: int
    ) -> tuple[dict[int, tf.Tensor], tuple[Any, ...]]:
        """What the loop knows when it is compiled, and what it is given."""
        shapes = {k: v for k, v in enumerate(frontier) if _may_be_a_shape(v)}
        moving = tuple(v for k, v in enumerate(frontier) if k not in shapes)
        until = tf.constant([leave, most], tf.int32)
        given = batch.targets, dict(batch.references), batch.anchors, batch.streams, moving
        return shapes, (state, until, *given)

    def _loop(
        self, shapes: dict[int, tf.Tensor], args: tuple[Any, ...], jit: bool
    ) -> Callable[..., Any]:
        """The loop for so many rows, and a frontier with these shapes in it, made once.

        A graph that computes the shape of an inner layer from its input hands it over in the
        frontier. As an argument it would hide the layer's size from the kernels, which then could
        not choose their quick forms, several times as fast: it is a constant of the loop instead.
        (Only an eager tensor becomes one inside the loop's body.)

        All devices have one loop: a trace names no device, and TensorFlow runs it, and XLA compiles
        it, where it is called.
        """
        rows = len(args[2])
        known = ((k, str(v.numpy().tolist())) for k, v in shapes.items())
        key = (jit, rows, *known)
        with self._lock:
            if key not in self._loops:
                self._loops[key] = self._trace(shapes, args, jit)
            return self._loops[key]

    def _trace(
        self, shapes: dict[int, tf.Tensor], args: tuple[Any, ...], jit: bool
    ) -> Callable[..., Any]:
        def steps(state: Any, until: tf.Tensor, *given: Any) -> Any:
            *given, moving = given
            rest = iter(moving)
            frontier = [
                shapes[k] if k in shapes else next(rest) for k in range(len(shapes) + len(moving))
            ]
            return self._steps(state, until, *given, frontier)

        loop = tf.function(steps, jit_compile=jit or None, autograph=False)
        # TensorFlow takes the loops of several stages for one that is traced too often, and warns,
        # where they are called as functions that trace themselves.
        return loop.get_concrete_function(*args)

    def _call(self, shapes: dict[int, tf.Tensor], args: tuple[Any, ...]) -> Any:
        """One call of the loop; the first one finds out whether XLA can compile it at all."""
        jit = self._jit
        try:
            found = self._loop(shapes, args, jit)(*args)
        except LookupError:  # TensorFlow's word for an operation without a derivative
            raise UserError(self.objective.no_gradient(CODE)) from None
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if not jit or self._works or "XLA" not in str(error):
                raise
            self._do_without_xla()
            return self._loop(shapes, args, False)(*args)
        # Without XLA nothing is learnt about it: another device may still be finding out.
        self._works = self._works or jit
        return found

    def _do_without_xla(self) -> None:
        with self._lock:
            is_known, self._jit = not self._jit, False
        if not is_known:
            warnings.warn(
                f"XLA cannot compile what is behind {self.split.layer.name}; running without it, "
                "which is slower",
                stacklevel=3,
            )

    def _steps(
        self,
        state: Any,
        until: Any,
        targets: Any,
        references: Any,
        anchors: Any,
        streams: Any,
        frontier: Any,
    ) -> tuple[Any, tf.Tensor]:
        solver, constrain = self.stage.solver, self.objective.constrain(streams)
        evaluate = self.objective.evaluate(targets, references, anchors, frontier)

        def goes_on(step: tf.Tensor, state: Any) -> tf.Tensor:
            ended = tf.reduce_sum(tf.cast(state.status != int(Status.RUNNING), tf.int32))
            return (ended < until[0]) & (step < until[1])

        def body(step: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
            return step + 1, solver.step(state, evaluate, constrain)

        steps, state = tf.while_loop(goes_on, body, (0, state), parallel_iterations=1)
        return state, steps


def _may_be_a_shape(value: tf.Tensor) -> bool:
    few = value.shape.rank is not None and value.shape.rank <= 1
    return value.dtype.is_integer and few and value.shape.num_elements() <= _MOST_DIMENSIONS
