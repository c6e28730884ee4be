"""Everything that a run leaves besides its codes, made from the shards alone."""

from __future__ import annotations

import json
from typing import NamedTuple

from tfinv.results.contact_sheet import write_contact_sheet
from tfinv.results.events import write_events
from tfinv.results.pictures import choose_extremes, choose_first, gather, shown_pixels
from tfinv.results.report import write_report
from tfinv.results.store import Store
from tfinv.results.tables import write_tables
from tfinv.results.tally import RunInfo, Tally

__all__ = ["Earlier", "earlier", "finish"]

_SHEET_ROWS = 24
_REPORT_IMAGES = 200
_REPORT_PIXELS = 8_000_000  # some 20 MB of PNG


class Earlier(NamedTuple):
    """What summary.json says was spent before this sitting; nothing if there is none to go by.

    Attributes:
      seconds: of all sittings.
      computed: evaluations of every slot.
      wasted: those of them that no image had.
    """

    seconds: float = 0.0
    computed: int = 0
    wasted: int = 0


def earlier(store: Store) -> Earlier:
    """Reads it."""
    try:
        summary = json.loads((store.folder / "summary.json").read_bytes())
        slots = summary.get("slots") or {}
        computed, wasted = slots.get("computed", 0), slots.get("wasted", 0)
        return Earlier(float(summary["seconds"]), int(computed), int(wasted))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Earlier()


def finish(
    store: Store,
    info: RunInfo,
    *,
    sheet_rows: int = _SHEET_ROWS,
    report_images: int = _REPORT_IMAGES,
) -> Tally:
    """Writes images.csv, summary.json, contact_sheet.png, report.html and TensorBoard events.

    Memory does not grow with the run but for a few numbers an image, and the pictures shown are
    limited; sheet and report say when they leave images out. May be called again, after more
    images or for a run that was cut short.

    Args:
      store: the run's folder.
      info: what its shards do not say.
      sheet_rows: at most so many images, the run's first, on the contact sheet.
      report_images: at most so many in the report, the best and the worst; fewer if their pictures
        are large.

    Returns:
      The run's numbers; `failed` decides the exit status.

    Raises:
      UserError: if a file cannot be written or a shard is damaged.
    """
    tally = write_tables(store, info)
    first = gather(store, choose_first(store, sheet_rows)).values()
    write_contact_sheet(store, first, info.stages, tally)
    area = max(1, shown_pixels(store) * (len(tally.stages) + 2))
    room = min(report_images, max(8, _REPORT_PIXELS // area))
    chosen = choose_extremes(store, list(tally.stages)[-1], room) if tally.stages else []
    write_report(store, info, tally, gather(store, chosen).values())
    write_events(store, store.rows(), tally, first)
    return tally
