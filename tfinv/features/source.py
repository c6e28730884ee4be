"""From a file to the graph of a network that takes pictures."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfinv.errors import UserError
from tfinv.features.applications import APPLICATIONS, read_application
from tfinv.generators.formats import registry
from tfinv.generators.formats.reading import Reading, Request
from tfinv.generators.inputs.fixed_batch import free_batch
from tfinv.graph import walk
from tfinv.graph.model import GraphModel, Port

__all__ = ["for_any_batch", "read_network", "side_inputs"]

_SPELT = {"feature": "feature network"}


def read_network(
    source: str | Path,
    request: Request,
    *,
    weights: str | Path | None = None,
    size: int | None = None,
    layer: str | None = None,
    flag: str = "feature",
) -> Reading:
    """Reads a graph from any file that a generator can come in, or builds one that has a name.

    Args:
      source: a file, or a name in `APPLICATIONS`.
      request: what is said about the file.
      weights: those of a network with a name; see `read_application`.
      size: height and width of the pictures of a network with a name.
      layer: the one that is wanted of it.
      flag: what flags that speak of this network begin with, for messages.

    Returns:
      The graph, and what its format has to say; `image_range` is that of the pictures it takes.

    Raises:
      UserError: it cannot be read.
    """
    source = os.path.expanduser(str(source))
    if source in APPLICATIONS and not os.path.exists(source):
        if request != Request():
            raise UserError(
                f"{source} is built here and has neither signatures nor tensors to choose: drop "
                f"--{flag}_signature, --{flag}_input and --{flag}_output"
            )
        return read_application(source, weights, size, layer=layer, flag=flag)
    if weights is not None:
        raise UserError(
            f"{source} has its own weights: drop --{flag}_weights, which goes with "
            f"{' or '.join(APPLICATIONS)}"
        )

    def renamed(text: str) -> str:
        return re.sub(r"--(signature|input|output)\b", rf"--{flag}_\1", text)

    try:
        reading = registry.read(
            source,
            request,
            what=_SPELT.get(flag, flag),
            others=f"{', '.join(APPLICATIONS)} or ",
        )
    except UserError as error:
        raise UserError(renamed(str(error))) from error
    return dataclasses.replace(reading, notes=tuple(map(renamed, reading.notes)))


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
