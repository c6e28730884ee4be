"""The attention map of a generator, and what it is for a picture that has been inverted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfinv.applications.codes import Codes
from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.split import Split
from tfinv.graph.attention import AttentionMap, find_attention

__all__ = ["attention_maps", "attention_matrix", "find_map"]


def attention_maps(generator: Generator) -> list[AttentionMap]:
    """All attention maps between positions that a generator has, in order; see `tfinv.graph`."""
    return find_attention(
        generator.model,
        generator.inputs.latent,
        generator.output,
        generator.image_shape[:2],
        generator.inputs.constants,
    )


def find_map(generator: Generator, name: str | None = None) -> AttentionMap:
    """The attention map that a person means.

    Args:
      generator: whose.
      name: its tensor, "a/b:0", its node, "a/b", or the end of one after a "/"; by default the one
        with most positions, of several such the first.

    Raises:
      UserError: if there is none, or none of that name, or several.
    """
    maps = attention_maps(generator)
    if not maps:
        raise UserError(
            f"{generator.path} has no self-attention to segment by: no softmax over positions of "
            "the picture whose result multiplies, as a matrix, what depends on the latent"
        )
    if name is None:
        return max(maps, key=lambda found: len(found.queries.order))
    return _called(maps, name)


def attention_matrix(split: Split, point: Codes, found: AttentionMap) -> np.ndarray:
    """What an attention map is when one picture is drawn.

    Args:
      split: the cut where the code is.
      point: one code, with its latent and label.
      found: the map.

    Returns:
      float32 [N, M], see `AttentionMap.matrix`.

    Raises:
      UserError: if the map is not computed from the code.
    """
    values = split.value(found.name, point.codes, point.latents, point.labels)
    return found.matrix(values.numpy()[0])


def _called(maps: Sequence[AttentionMap], name: str) -> AttentionMap:
    wanted = name.strip().removesuffix(":0")
    names = {found.name.removesuffix(":0"): found for found in maps}
    if wanted in names:
        return names[wanted]
    fitting = [called for called in names if called.endswith(f"/{wanted}")]
    if len(fitting) == 1:
        return names[fitting[0]]
    listed = ", ".join(found.name for found in maps)
    if fitting:
        raise UserError(f"{len(fitting)} attention maps are called {name!r}; give one of {listed}")
    raise UserError(f"no attention map is called {name!r}: there is {listed}")
