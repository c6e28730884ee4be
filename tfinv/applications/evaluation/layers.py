"""The layers of an evaluation: which, if none are named, their folders, what they may cost."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.split import LATENT

__all__ = ["DENSE", "default_budgets", "default_layers", "folder_name", "order_layers"]

DENSE = "dense"
_DEEP = 2  # layers behind the dense one: the thesis's conv1 and conv2
_BUDGETS = {LATENT: 200, DENSE: 600}
_DEEP_BUDGETS = (200, 100)


def default_layers(generator: Generator) -> list[str]:
    """The latent, the first dense layer, and what the next two blocks put out.

    Of a block, that is its first tensor of a new shape: in a DCGAN the output of a transposed
    convolution with its batch norm, before the ReLU, as in the thesis (section 5.1).
    """
    layers = generator.layers()
    first = next((k for k, layer in enumerate(layers) if layer.dense), None)
    names = [LATENT] if first is None else [LATENT, DENSE]
    start = 0 if first is None else first
    shapes = [layer.shape for layer in layers]
    deep = [
        layer.name
        for k, layer in enumerate(layers[start + 1 :], start + 1)
        if shapes[k] != shapes[k - 1]
        and layer.size != layers[k - 1].size  # a reshape is no new layer
        and shapes[k][:-1] != generator.image_shape[:-1]  # nor is the picture
    ]
    return [*names, *deep[:_DEEP]]


def order_layers(names: Sequence[str]) -> list[str]:
    """Layers as they will run: the latent first, then as given.

    Raises:
      UserError: if there is none, or two would share a folder.
    """
    if not names:
        raise UserError("no layer is given: name at least one, such as latent")
    folders = [folder_name(name).casefold() for name in names]
    if len(set(folders)) < len(folders):
        raise UserError(f"layers {', '.join(names)}: two of them would share a folder: drop one")
    return [LATENT] * (LATENT in names) + [name for name in names if name != LATENT]


def folder_name(layer: str) -> str:
    """A layer's name as that of a folder."""
    return re.sub(r"[^\w.-]+", "_", layer.removesuffix(":0")).strip("._") or "layer"


def default_budgets(layers: Sequence[str], solver: str) -> list[int | None]:
    """Evaluations that an image may take at each layer; None for the solver's own default.

    With lbfgs they fall behind the dense layer, where less is left to be found.
    """
    if solver != "lbfgs":
        return [None] * len(layers)
    deep = iter((*_DEEP_BUDGETS, *[_DEEP_BUDGETS[-1]] * len(layers)))
    return [_BUDGETS[layer] if layer in _BUDGETS else next(deep) for layer in layers]
