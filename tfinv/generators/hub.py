"""TF-Hub handles: resolved to a folder by tensorflow_hub, then read like any other folder."""

from __future__ import annotations

import re

from tfinv.errors import UserError
from tfinv.generators import saved_model
from tfinv.generators.reading import Reading, Request

__all__ = ["is_handle", "read", "resolve"]

_HANDLE = re.compile(r"^(https?|gs)://")


def is_handle(source: str) -> bool:
    """Whether a source is an address rather than a path."""
    return bool(_HANDLE.match(source))


def resolve(handle: str) -> str:
    """Downloads a module unless it is cached, and returns its folder.

    The cache is the folder that the environment variable TFHUB_CACHE_DIR names, as for every user
    of tensorflow_hub.

    Raises:
      UserError: if the module can be neither found in the cache nor downloaded.
    """
    import tensorflow_hub  # slow to import, and needed for handles only

    try:
        return tensorflow_hub.resolve(handle)
    except Exception as error:  # whatever a network, a proxy or an archive can go wrong with
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{handle} could not be fetched ({type(error).__name__}: {reason}): download the "
            "module elsewhere and pass its folder, or set TFHUB_CACHE_DIR to a folder that holds it"
        ) from error


def read(source: str, request: Request) -> Reading:
    """Reads a module by its handle; see `saved_model.read`."""
    return saved_model.read(resolve(source), request)
