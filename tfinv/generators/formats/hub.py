"""TF-Hub handles: resolved to a folder by tensorflow_hub, then read like any other folder."""

from __future__ import annotations

import re
import urllib.parse

from tfinv.errors import UserError
from tfinv.generators.formats import saved_model
from tfinv.generators.formats.reading import Reading, Request

__all__ = ["is_handle", "read", "resolve"]

_HANDLE = re.compile(r"^(https?|gs)://")
_FORMAT = "tf-hub-format"


def is_handle(source: str) -> bool:
    """Whether a source is an address rather than a path."""
    return bool(_HANDLE.match(source))


def resolve(handle: str) -> str:
    """Downloads a module unless it is cached, and returns its folder.

    The cache is the folder that the environment variable TFHUB_CACHE_DIR names, as for every user
    of tensorflow_hub; what is in it needs no network. An address copied from a download
    ("...?tf-hub-format=compressed") means the module that it downloads.

    Args:
      handle: "https://tfhub.dev/...", "https://www.kaggle.com/models/..." or "gs://...".

    Raises:
      UserError: if the module can be neither found in the cache nor downloaded.
    """
    import tensorflow_hub  # slow to import, and needed for handles only

    handle = _plain(handle)
    try:
        return tensorflow_hub.resolve(handle)
    except Exception as error:  # whatever a network, a proxy or an archive can go wrong with
        reason = " ".join(str(error).split())[:200]
        advice = "copy the module here and pass its folder"
        if handle.startswith("http"):
            advice = (
                f"download {handle}?{_FORMAT}=compressed elsewhere and pass that file "
                "(--generator=module.tar.gz) or the folder that it unpacks to"
            )
        raise UserError(
            f"{handle} could not be fetched ({type(error).__name__}: {reason}): {advice}, or set "
            "TFHUB_CACHE_DIR to a folder that tensorflow_hub has downloaded it to"
        ) from error


def _plain(handle: str) -> str:
    """The handle under which tensorflow_hub keeps a module: no slash or format at its end."""
    parts = urllib.parse.urlsplit(handle)
    query = [pair for pair in urllib.parse.parse_qsl(parts.query) if pair[0] != _FORMAT]
    path = parts.path.rstrip("/")
    return urllib.parse.urlunsplit(parts._replace(path=path, query=urllib.parse.urlencode(query)))


def read(source: str, request: Request) -> Reading:
    """Reads a module by its handle; see `saved_model.read`."""
    return saved_model.read(resolve(source), request)
