"""From a file to the graph of a network that takes pictures."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.formats.reading import Reading, Request
from tfinv.generators.formats.registry import FORMATS
from tfinv.generators.inputs.fixed_batch import free_batch
from tfinv.graph import walk
from tfinv.graph.model import GraphModel, Port

__all__ = ["for_any_batch", "read_network", "side_inputs"]


def read_network(source: str | Path, request: Request) -> Reading:
    """Reads a graph from any file that a generator can come in.

    Returns:
      The graph, and what its format has to say; `image_range` is that of the pictures it takes.

    Raises:
      UserError: it cannot be read; flags in the message are those of feature networks.
    """
    source = os.path.expanduser(str(source))
    for form in FORMATS:
        if source.strip() and form.recognises(source):
            try:
                reading = form.read(source, request)
            except UserError as error:
                raise UserError(_renamed(str(error))) from error
            model = dataclasses.replace(reading.model, path=source)
            return Reading(model, reading.image_range, tuple(map(_renamed, reading.notes)))
    known = "; ".join(f"{form.name} ({form.example})" for form in FORMATS)
    fault = "is in no format that is known here" if os.path.exists(source) else "does not exist"
    raise UserError(f"the feature network {source!r} {fault}: give one of {known}")


def _renamed(text: str) -> str:
    return re.sub(r"--(signature|input|output)\b", r"--feature_\1", text)


def for_any_batch(model: GraphModel, port: Port) -> tuple[GraphModel, Port]:
    """A network that was exported for batches of N pictures, for any number of them."""
    if port.shape[0] is None:
        return model, port
    free = dataclasses.replace(port, shape=(None, *port.shape[1:]))
    inputs = tuple(free if other == port else other for other in model.inputs)
    nodes = free_batch(model.nodes, model.weights, free, port.shape[0])
    return dataclasses.replace(model, nodes=nodes, inputs=inputs), free


def side_inputs(
    model: GraphModel, picture: Port, given: Mapping[str, float | bool]
) -> dict[str, np.ndarray]:
    """Values of inputs beside the picture, which do not change from picture to picture.

    Args:
      model: the network.
      picture: its input.
      given: values by key; an input's own default, and for flags False, if left out.

    Returns:
      By tensor, "node:k"; inputs that nothing says a value of are not there.

    Raises:
      UserError: a value is given for an input that is not there.
    """
    others = [port for port in model.inputs if port != picture]
    unknown = sorted(set(given) - {port.key for port in others})
    if unknown:
        keys = ", ".join(port.key for port in others) or "none"
        raise UserError(f"{model.path} has no input {unknown[0]!r} beside the picture (has {keys})")
    values = {}
    for port in others:
        value = given.get(port.key, port.default)
        if value is None and port.dtype.is_bool:
            value = False
        if value is not None:
            values[walk.canonical(port.tensor)] = np.asarray(value, port.dtype.as_numpy_dtype)
    return values
