"""contact_sheet.png: target and every stage side by side, the picture of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tfinv.images.grids import contact_sheet
from tfinv.results.pictures import Shown
from tfinv.results.record import ImageResult
from tfinv.results.store import Store
from tfinv.results.tally import Tally

__all__ = ["write_contact_sheet"]


def write_contact_sheet(
    store: Store, shown: Collection[Shown], stages: Sequence[str], tally: Tally
) -> None:
    """Writes the sheet: a row an image, RMSE beneath each reconstruction.

    Args:
      store: where it goes.
      shown: the images to show.
      stages: titles of the columns after the target.
      tally: the run's numbers; if more images were done than are shown, the sheet says so.

    Raises:
      UserError: if it cannot be written.
    """
    sheet = contact_sheet(
        [[image.target, *image.images] for image in shown],
        [_title(image) for image in shown],
        ["target", *stages],
        captions=[[None, *map(_caption, image.rows)] for image in shown],
        footer=_footer(len(shown), tally),
    )
    store.write("contact_sheet.png", lambda file: sheet.save(file, "PNG"))


def _footer(shown: int, tally: Tally) -> str | None:
    parts = []
    done = tally.images - tally.failed
    if shown < done:
        parts.append(f"The first {shown} of {done} inverted images; report.html shows more.")
    if tally.failed:
        parts.append(f"{tally.failed} of {tally.images} images failed; images.csv says why.")
    return " ".join(parts) or None


def _title(image: Shown) -> str:
    return "\n".join([image.rows[0].name, *image.sentence.split(", ")]).strip()


def _caption(row: ImageResult) -> str:
    return "failed" if row.failed else f"RMSE {row.rmse:.3f}"
