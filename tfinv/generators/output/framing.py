"""What a generator's raw output is: its shape, and the border that makes pictures of it.

What the user says wins, then what the file's format fixes, then what the graph proves, then what is
known of a published module, then what samples show. How each thing was found is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.inputs.inputs import Inputs
from tfinv.generators.output.border import RANGES, Border, range_of_samples
from tfinv.generators.output.intervals import prove_range
from tfinv.generators.output.known import known_range
from tfinv.generators.output.layout import Layout, find_layout, flattened
from tfinv.graph.facts import Facts
from tfinv.graph.interpret import Program

__all__ = ["Frame", "Hints", "find_frame", "measure_range"]

SAMPLES = 100
_AT_ONCE = 20
_NUMBERS_AT_ONCE = 20 * 128 * 128 * 3  # a picture of 512x512 comes alone: its activations are large
_NUMBERS_KEPT = 4096  # of a picture
_FEW = 8
_COUPLING = 1e-3  # of the largest value; convolutions round differently by far less

Draw = Callable[[Sequence[int]], np.ndarray]


@dataclass(frozen=True)
class Hints:
    """What is said about the pictures.

    Attributes:
      image_range: a name in `RANGES`, by the user.
      image_layout: a name in `LAYOUTS`, by the user.
      known: a name in `RANGES` that something other than the graph proves, and what that is.
    """

    image_range: str | None = None
    image_layout: str | None = None
    known: tuple[str, str] | None = None


@dataclass(frozen=True)
class Frame:
    """What was found.

    Attributes:
      border: how raw output becomes float32 NHWC in [0, 1].
      image_shape: (height, width, channels).
      notes: lines on what was measured or guessed.
    """

    border: Border
    image_shape: tuple[int, int, int]
    notes: tuple[str, ...]


def find_frame(
    facts: Facts, inputs: Inputs, program: Callable[[str], Program], draw: Draw, hints: Hints
) -> Frame:
    """Finds out what the raw output of a generator is.

    Args:
      facts: of the graph, whose output it is.
      inputs: of the generator.
      program: makes the program from the inputs to a tensor.
      draw: (numbers of latents) to what the graph makes of them, [N, ...].
      hints: what is said about it.

    Raises:
      UserError: if the output is no picture, or no inversion could use it.
    """
    raw = probe(draw, inputs.path)
    layout = find_layout(
        raw,
        hints.image_layout,
        inputs.path,
        lambda: _before_flattening(facts, inputs, program),
        lambda: draw(range(_FEW)),
    )
    found = _find_range(facts, inputs, draw, hints, layout)
    notes = []
    if found[1].startswith("measured"):
        notes.append(f"image range [{found[0]}] {found[1]}; --image_range overrides it")
    if layout.is_guess:
        notes.append(
            f"layout {layout.order} of {'x'.join(map(str, layout.shape))} from {layout.found}; "
            "--image_layout overrides it"
        )
    shape = None if layout.shape == raw else layout.shape
    border = Border(found[0], layout.order, shape, found[1], layout.found)
    return Frame(border, layout.image_shape, tuple(notes))


def probe(draw: Draw, path: str) -> tuple[int, ...]:
    """The shape of one raw picture.

    Raises:
      UserError: if the output is not a picture for each latent, is rounded, or depends on what else
        is in its batch.
    """
    raw = draw([0, 1])
    if raw.ndim == 0 or len(raw) != 2:
        raise UserError(
            f"{path} gives an output of shape {list(raw.shape)} for two latents, where [2, ...] is "
            "needed; name another tensor with --output, or another signature, if the file has "
            "several, with --signature"
        )
    if not np.issubdtype(raw.dtype, np.floating) and raw.dtype != tf.bfloat16.as_numpy_dtype:
        raise UserError(
            f"{path} rounds its picture to {raw.dtype.name}, which lets no gradient through: "
            "export the generator without the last cast, or name the tensor before it with --output"
        )
    # Statistics of the live batch would make every image's result depend on its neighbours'.
    alone = draw([0])
    if not (
        np.isfinite(raw.astype(np.float64)).all() and np.isfinite(alone.astype(np.float64)).all()
    ):
        raise UserError(
            f"{path} draws numbers that are not finite for latents of its own: look at what it was "
            "fed (python -m tfinv.inspect lists the inputs), or at its weights"
        )
    change = np.abs(raw[0].astype(np.float64) - alone[0]).max(initial=0.0)
    if not change <= _COUPLING * max(1.0, np.abs(raw[0].astype(np.float64)).max(initial=0.0)):
        raise UserError(
            f"{path}: a picture depends on the others of its batch (by {change:.2g}), as with "
            "batch normalisation in training mode: export it with frozen statistics"
        )
    return raw.shape[1:]


def _find_range(
    facts: Facts, inputs: Inputs, draw: Draw, hints: Hints, layout: Layout
) -> tuple[str, str]:
    """The range, and how it is known."""
    if hints.image_range is not None:
        if hints.image_range not in RANGES:
            raise UserError(
                f"--image_range={hints.image_range} is not known: it is one of {'  '.join(RANGES)}"
            )
        return hints.image_range, "--image_range"
    if hints.known is not None:
        return hints.known
    found = prove_range(facts, facts.output) or known_range(
        inputs.path, inputs.roles.latent, inputs.latent_size, layout.image_shape
    )
    if found is not None:
        return found
    return measure_range(draw, math.prod(layout.shape)), f"measured from {SAMPLES} samples"


def measure_range(draw: Draw, size: int) -> str:
    """The range that samples show; of large pictures, a few thousand numbers each are looked at.

    Args:
      draw: as for `find_frame`.
      size: how many numbers a picture has.
    """
    at_once = max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // size))
    # Any fixed step through a picture would see some of its channels or columns more than others.
    places = np.arange(size)
    if size > _NUMBERS_KEPT:
        places = np.random.default_rng(0).choice(size, _NUMBERS_KEPT, replace=False)
    kept = []
    for first in range(0, SAMPLES, at_once):
        pictures = draw(range(first, min(first + at_once, SAMPLES)))
        kept.append(pictures.reshape(len(pictures), size)[:, places])
    return range_of_samples(np.concatenate(kept))


def _before_flattening(
    facts: Facts, inputs: Inputs, program: Callable[[str], Program]
) -> tuple[int, ...] | None:
    tensor = flattened(facts, facts.output)
    if tensor is None:
        return None
    before = program(tensor)
    labels = np.zeros(1, np.int32) if inputs.conditional else None
    feeds = inputs.feeds(np.zeros([1, inputs.latent_size], np.float32), labels)
    shape = before.run([], before.prepare(*feeds))[0].shape
    return tuple(shape[1:]) if shape.rank and shape[0] == 1 else None
