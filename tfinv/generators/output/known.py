"""Published modules whose image range their graphs do not prove.

Few, and each with its source. Most generators end in tanh or a sigmoid and need no line here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tfinv.graph.model import Port

__all__ = ["known_range"]


@dataclass(frozen=True)
class _Module:
    """A published module.

    Attributes:
      name: what its handle, or the folder that it was unpacked to, is called.
      range: a name in `RANGES`.
      latent_size: length of z; None for any.
      picture: (height, width, channels); None for any.
      node: what its latent's placeholder is called, to recognise it by in a folder of any name.
    """

    name: str
    range: str
    latent_size: int | None = None
    picture: tuple[int, int, int] | None = None
    node: str | None = None


_MODULES = (
    # The official tutorial (tensorflow/docs, tf_hub_generative_image_module.ipynb) compares its
    # output with pictures in [0, 1]; tfjs's converter tables call its placeholder "latent_vector";
    # the module's page gives the shapes.
    _Module("progan-128", "0,1", 512, (128, 128, 3), "latent_vector"),
    # The modules' pages: "a batch of images with shape [8, 128, 128, 3] and range [-1, 1]".
    _Module("deepmind/biggan", "-1,1"),
    _Module("deepmind/bigbigan", "-1,1"),
)


def known_range(
    path: str, latent: Port, latent_size: int, picture: tuple[int, ...]
) -> tuple[str, str] | None:
    """The range of a published module.

    Args:
      path: the handle or the folder, as the user wrote it.
      latent: the latent's input.
      latent_size: length of z.
      picture: (height, width, channels).

    Returns:
      A name in `RANGES`, and what the module is; None for all others.
    """
    node = latent.tensor.split(":")[0].rpartition("/")[2]
    for module in _MODULES:
        if module.latent_size not in (None, latent_size) or module.picture not in (None, picture):
            continue
        if _plain(module.name) in _plain(path) or (module.node is not None and node == module.node):
            return module.range, f"what is known of {module.name}"
    return None


def _plain(name: str) -> str:
    """A name between dashes, so that "progan-128" is in "google/progan-128_1" but not in others."""
    return "-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + "-"
