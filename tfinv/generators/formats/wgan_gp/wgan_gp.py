"""Checkpoints of improved_wgan_training, of which only arrays were saved, and no graph."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.formats import meta_graph, saver_files
from tfinv.generators.formats.reading import Reading, Request
from tfinv.generators.formats.wgan_gp.graph import Layout
from tfinv.generators.formats.wgan_gp.statistics import SAMPLES, statistics
from tfinv.graph.reading.checkpoint import Checkpoint
from tfinv.networks import wgan_gp

__all__ = ["is_checkpoint", "read"]

# Behind the last "/" of a key. Slots of optimisers and moving averages of weights end otherwise.
_ARRAY = re.compile(r"Generator\..+\.(W|b|g|Filters|Biases|offset|scale|moving_(mean|variance))")
_MEASURED = f"batch norm measured on {SAMPLES:,} latents and frozen: "


def is_checkpoint(source: str) -> bool:
    """Whether a source is a checkpoint; one with a .meta file only if its arrays are ours."""
    if not saver_files.is_checkpoint(source):
        return False
    try:
        if not os.path.isfile(saver_files.find_prefix(source) + ".meta"):
            return True
        return bool(_keys(_open(source).shapes, source))
    except UserError:
        return not source.endswith(".meta")


def read(source: str, request: Request) -> Reading:
    """Builds the generator whose arrays a checkpoint holds, with batch norm measured and frozen.

    Args:
      source: a prefix such as "model.ckpt-1000", one of the files of that prefix, or a folder whose
        file `checkpoint` names the latest one.
      request: with tensors named, and a .meta file beside the checkpoint, the graph in there is
        read instead.

    Raises:
      UserError: the checkpoint is damaged, or of none of the generators in `networks.wgan_gp`.
    """
    if (request.inputs or request.output) and meta_graph.is_meta_graph(source):
        return meta_graph.read(source, request)
    if request.signature or request.inputs or request.output:
        raise UserError(
            f"{source} is a checkpoint of a known generator: drop --signature, --input and --output"
        )
    checkpoint = _open(source)
    keys = _keys(checkpoint.shapes, source)
    if not keys:
        raise UserError(
            f"{source}: is a checkpoint, but not of improved_wgan_training: it holds "
            f"{_some(checkpoint.shapes)}, and no Generator.Input.W; give the .meta file beside it "
            "with --input and --output, or export the generator as a SavedModel"
        )
    shapes = {name: tuple(checkpoint.shapes[key]) for name, key in keys.items()}
    network = wgan_gp.recognise(shapes, source)
    layout = Layout(network, shapes, source)
    arrays = {name: _take(checkpoint, keys[name], source) for name in layout.arrays}
    if not layout.statistics:
        return Reading(layout.generator(arrays))
    arrays |= statistics(layout, arrays)
    moving = {
        name: _take(checkpoint, key, source) for name, key in keys.items() if ".moving_" in name
    }
    return Reading(layout.generator(arrays), notes=(_MEASURED + _about(moving),))


def _open(source: str) -> Checkpoint:
    prefix = saver_files.find_prefix(source)
    return Checkpoint(prefix, source, "the checkpoint", "copy all of its files again")


def _keys(shapes: Iterable[str], path: str) -> dict[str, str]:
    """The generator's keys by the short names of its arrays; empty if there are none.

    A layer makes a variable of its own full name in a scope of that name, so a Saver's key is
    "Generator.Input/Generator.Input.W", below the scope that the user may have put around it all.
    """
    networks: dict[str, dict[str, str]] = {}
    for key in sorted(shapes):
        *scopes, name = key.split("/")
        if _ARRAY.fullmatch(name):
            if scopes and scopes[-1].startswith(name.rpartition(".")[0]):
                scopes.pop()
            networks.setdefault("/".join(scopes), {}).setdefault(name, key)
    if len(networks) > 1 and "" not in networks:
        raise UserError(
            f"{path}: holds several generators, below {_some(networks)}; save the variables of one"
        )
    return networks.get("") or next(iter(networks.values()), {})


def _take(checkpoint: Checkpoint, key: str, path: str) -> np.ndarray:
    dtype = tf.as_dtype(checkpoint.dtypes[key])
    if not dtype.is_floating:
        raise UserError(f"{path}: array {key!r} is {dtype.name}, where floating point is needed")
    array = checkpoint.read(key, f"array {key!r}").astype(np.float32)
    if not np.isfinite(array).all():
        raise UserError(
            f"{path}: array {key!r} holds NaN or infinity; take a checkpoint of before that"
        )
    return array


def _about(moving: Mapping[str, np.ndarray]) -> str:
    """Why the checkpoint's own averages, if any, are not used."""
    initial = {"moving_mean": 0.0, "moving_variance": 1.0}
    if all((value == initial[name.rpartition(".")[2]]).all() for name, value in moving.items()):
        return "the checkpoint's own averages were never updated"
    return (
        "improved_wgan_training draws with batch statistics, never with the checkpoint's averages"
    )


def _some(names: Iterable[str], count: int = 4) -> str:
    names = sorted(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(repr(name) for name in names[:count]) + more
