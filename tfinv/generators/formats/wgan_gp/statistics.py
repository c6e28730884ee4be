"""The statistics that batch norm of improved_wgan_training is frozen with, measured once a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfinv.generators.formats.wgan_gp import cache
from tfinv.generators.formats.wgan_gp.graph import Layout
from tfinv.graph.interpret import Program
from tfinv.networks.batch_norm import EPSILON
from tfinv.networks.calibration import pooled

__all__ = ["SAMPLES", "statistics"]

SAMPLES = 10_000
_BATCH = 100  # larger ones are no quicker, take more memory, and sum more numbers in float32
_QUIET_SECONDS = 2.0


def statistics(layout: Layout, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean and variance of every batch normalisation, from the cache or measured.

    The original always normalises with the statistics of the batch, which would make pictures
    depend on their neighbours; these are what it would use if the batch had `SAMPLES` latents, of
    classes drawn uniformly where there are any. They are the same for the same arrays, always.

    Args:
      layout: the network.
      arrays: its arrays.

    Returns:
      float32 `<norm>.mean` and `<norm>.variance` by name.
    """
    key = _key(layout, arrays)
    known = cache.load(key)
    if known is None or {name: known[name].shape for name in known} != layout.statistics:
        moments = pooled(_batches(layout, arrays))
        parts = (part for pair in moments for part in pair)
        known = dict(zip(layout.statistics, parts, strict=True))
        cache.store(key, known)
    return known


def _batches(
    layout: Layout, arrays: Mapping[str, np.ndarray]
) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Each batch's own means and variances, with a bar on stderr if that takes long."""
    model = layout.measuring(arrays)
    program = Program(
        model, [port.tensor for port in model.outputs], live=[port.tensor for port in model.inputs]
    )
    run = tf.function(lambda *inputs: program.run(inputs), autograph=False)
    rng = np.random.default_rng(0)
    bar = tqdm(
        range(0, SAMPLES, _BATCH),
        desc="measuring batch norm, this once",
        unit="batch",
        delay=_QUIET_SECONDS,
        leave=False,
    )
    for _ in bar:
        z = rng.standard_normal((_BATCH, layout.network.latent_size), np.float32)
        inputs = [tf.constant(z)]
        if layout.network.classes:
            labels = rng.integers(layout.network.classes, size=_BATCH)
            inputs.append(tf.constant(labels, tf.int32))
        outputs = [value.numpy() for value in run(*inputs)]
        yield list(zip(outputs[::2], outputs[1::2], strict=True))


def _key(layout: Layout, arrays: Mapping[str, np.ndarray]) -> str:
    """A name for these statistics of these arrays, which nothing else has."""
    settings = (layout.network.name, layout.network.classes, SAMPLES, _BATCH, EPSILON)
    digest = hashlib.sha256(repr(settings).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape} ".encode())
        digest.update(np.ascontiguousarray(arrays[name]))
    return f"wgan_gp-{digest.hexdigest()[:32]}"
