"""The flags of films that a command writes; it adopts them."""

from __future__ import annotations

from absl import flags

from tfinv.errors import UserError

__all__ = ["FILM", "FLAGS", "RATE", "USUAL_RATE", "check_films"]

USUAL_RATE = 12.0

FILM = flags.DEFINE_list(
    "film",
    [],
    "Films that are written: gif, mp4 (pip install 'tfinv[video]'), or both. (tfinv.video: by "
    "default mp4.)",
)
RATE = flags.DEFINE_float(
    "rate",
    None,
    f"Frames of a film a second; by default {USUAL_RATE:g}, or those of the video that it is of.",
    0.1,
    120.0,
)

FLAGS = ("film", "rate")


def check_films() -> None:
    """Refuses films that cannot be written, before anything is drawn.

    Raises:
      UserError: for a kind that is not known, or needs what is not installed, and for a rate of
        no film.
    """
    from tfinv.images.films import FILMS, import_video

    for kind in FILM.value:
        if FILM.value.count(kind) > 1:
            raise UserError(f"--film={kind} is given twice: drop one")
        if kind not in FILMS:
            raise UserError(f"--film={kind} is not known: it is one of {', '.join(FILMS)}")
    if RATE.value is not None and not FILM.value:
        raise UserError("--rate says nothing without --film: add one, such as --film=gif")
    if "mp4" in FILM.value:
        import_video("--film=mp4")
