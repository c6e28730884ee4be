"""How many images at a time are fastest: measured, where there are so many that it pays."""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from tfinv.inversion.engine import Inverter
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.stages import Batch

__all__ = ["choose_batch_size"]

_SIZES = (2, 8, 32, 128, 512)
_USUAL = 16
_WORTH = 8  # each slot must have so many images to work on, or compiling does not pay
_GAIN = 1.1  # a larger size must be that much faster, because it needs that much more memory
_SLOW = 0.5  # seconds a step: a device that needs them is busy, and its memory might be too
_LONG = 0.3  # seconds of a measurement


def choose_batch_size(inverter: Inverter, count: int, device: str | None = None) -> int:
    """The batch size with which a run should be fastest.

    The last stage, which mostly has the largest share of the work, is run for a moment at a few
    sizes, each larger than the one before, as long as that makes an image much cheaper and there
    is memory for it.

    Args:
      inverter: what will be done; its loop for the size that is chosen is compiled then.
      count: of images.
      device: its name, where it is measured; None for TensorFlow's choice.

    Returns:
      At least 1. The number of images where they are few; nothing is measured then.

    Raises:
      tf.errors.ResourceExhaustedError: if there is no memory even for the smallest size.
    """
    if count < _USUAL * _WORTH:
        return max(1, min(count, _USUAL))
    best, least = 0, float("inf")
    for size in (size for size in _SIZES if size * _WORTH <= count):
        try:
            with tf.device(device):
                seconds = _seconds_a_step(inverter, size)
        except tf.errors.ResourceExhaustedError:
            if not best:
                raise
            break
        if seconds / size * _GAIN > least:
            break
        best, least = size, seconds / size
        if seconds > _SLOW:
            break
    return best


def _seconds_a_step(inverter: Inverter, size: int) -> float:
    """How long an evaluation of so many images takes."""
    stage, batch = inverter.last_stage, _any_batch(inverter, inverter.last_stage, size)
    frontier, state = stage.frontier(batch), stage.begin(batch)
    never = size + 1

    def seconds(steps: int) -> float:
        began = time.monotonic()
        after, _ = stage.advance(state, batch, frontier, never, steps)
        after.status.numpy()  # waits for it
        return time.monotonic() - began

    seconds(1)  # compiles
    one = seconds(1)
    steps = int(min(25, _LONG / max(one, 1e-4)))
    return min(one, seconds(steps) / steps) if steps > 1 else one


def _any_batch(inverter: Inverter, stage: CompiledStage, size: int) -> Batch:
    """A batch of random latents and grey pictures: what is in it does not change the time."""
    generator, split = inverter.generator, stage.split
    z, labels = generator.sample_latents(size), generator.sample_labels(size)
    if labels is not None and "labels" in inverter.optimize:
        labels = generator.inputs.label_weights(labels)
    targets = tf.fill([size, *inverter.target_shape], 0.5)
    code = split.g1(z, labels)
    return Batch(
        targets,
        tf.constant(z),
        None if labels is None else tf.constant(labels),
        code,
        code,
        stage.objective.references(targets),
        np.zeros(size, np.uint32),
    )
