"""What a restoration leaves: the restored pictures, a row for each, a sheet, and a summary."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from tfinv.applications.restoration.findings import Finding
from tfinv.images.grids import contact_sheet
from tfinv.images.ranges import to_rgb8
from tfinv.results.record import ImageResult
from tfinv.results.store import Store

__all__ = ["FILES", "Restoration", "write_restoration"]

FILES = ("restored-*.png", "restored.csv")
"""What there is in the folder beside what an inversion may leave."""

_SHEET_ROWS = 24
_COUNTED = ("label", "evaluations", "status", "note")


class Restoration:
    """What a run comes to.

    Attributes:
      images: how many there are, failed ones included.
      failed: how many of them failed.
      scores: means by name of the picture ("restored", "drawn", and guesses): of PSNR in decibels,
        each at most `findings.MOST_DECIBELS`, and of SSIM; empty if the truth is not known.
      seen_rmse: mean; NaN of no image.
    """

    def __init__(self, rows: Iterable[tuple[bool, float, Mapping[str, tuple[float, float]]]]):
        rows = list(rows)
        done = [row for row in rows if not row[0]]
        self.images, self.failed = len(rows), len(rows) - len(done)
        self.seen_rmse = float(np.mean([row[1] for row in done])) if done else math.nan
        self.scores: dict[str, tuple[float, float]] = {}
        for name in done[0][2] if done else ():
            psnr, ssim = np.mean([row[2][name] for row in done], 0)
            self.scores[name] = (float(psnr), float(ssim))

    def sentence(self) -> str:
        """PSNR of what was restored, and of the guesses beside it."""
        if not self.scores:
            return "no truth to compare with"
        texts = [f"{name} {psnr:.2f} dB" for name, (psnr, _) in self.scores.items()]
        return "PSNR " + ", ".join(texts)


def write_restoration(
    store: Store, found: Iterable[Finding], about: Mapping[str, Any], *, truth: bool
) -> Restoration:
    """Writes restored-*.png, restored.csv, contact_sheet.png and summary.json.

    Memory does not grow with the run but for a row of numbers an image.

    Args:
      store: the folder.
      found: in any order.
      about: what summary.json says beside the numbers.
      truth: whether the targets are the true pictures.

    Raises:
      UserError: if a file cannot be written.
    """
    first = set(sorted(store.finished_indices())[:_SHEET_ROWS])
    rows: list[dict[str, Any]] = []
    numbers, shown = [], {}
    for finding in found:
        result = finding.result
        rows.append(_row(finding))
        numbers.append((result.failed, finding.seen_rmse, finding.scores))
        if not result.failed:
            picture = Image.fromarray(to_rgb8(finding.pictures["restored"]))
            store.write(_file(result), lambda file, p=picture: p.save(file, "PNG"))
            if result.index in first:
                shown[result.index] = finding
    restoration = Restoration(numbers)
    rows.sort(key=lambda row: row["index"])
    _write_csv(store, rows)
    _write_sheet(store, [shown[index] for index in sorted(shown)], truth, restoration)
    text = json.dumps({**about, **_summary(restoration)}, indent=2, allow_nan=False) + "\n"
    store.write("summary.json", lambda file: file.write(text.encode()))
    return restoration


def _file(result: ImageResult) -> str:
    return f"restored-{result.index:05d}.png"


def _row(finding: Finding) -> dict[str, Any]:
    result = finding.result
    row: dict[str, Any] = {"index": result.index, "name": result.name}
    row["file"] = "" if result.failed else _file(result)
    row["seen_rmse"] = "" if result.failed else f"{finding.seen_rmse:.6g}"
    for name, (psnr, ssim) in finding.scores.items():
        row[f"psnr_{name}"], row[f"ssim_{name}"] = f"{psnr:.6g}", f"{ssim:.6g}"
    return {**row, **{name: getattr(result, name) for name in _COUNTED}}


def _write_csv(store: Store, rows: list[dict[str, Any]]) -> None:
    scores = {name: None for row in rows for name in row if name[:5] in ("psnr_", "ssim_")}
    columns = ("index", "name", "file", "seen_rmse", *scores, *_COUNTED)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode("utf-8", "backslashreplace")
    store.write("restored.csv", lambda file: file.write(data))


def _write_sheet(store: Store, shown: list[Finding], truth: bool, restoration: Restoration) -> None:
    """A row an image: what was seen, the best guess without a generator, restored, the truth."""
    pictures = list(shown[0].pictures) if shown else []
    names = [*pictures[2:][-1:], "restored"]
    rows, captions = [], []
    for finding in shown:
        last = [finding.result.target] if truth else []
        rows.append([finding.seen, *(finding.pictures[name] for name in names), *last])
        scores = [finding.scores.get(name) for name in names]
        captions.append([None, *(s and f"{s[0]:.1f} dB" for s in scores), *[None] * len(last)])
    done, footer = restoration.images - restoration.failed, None
    if len(shown) < done:
        footer = f"The first {len(shown)} of {done} restored images."
    sheet = contact_sheet(
        rows,
        [finding.result.name for finding in shown],
        ["seen", *names, *(["truth"] if truth else [])],
        captions=captions,
        footer=footer,
    )
    store.write("contact_sheet.png", lambda file: sheet.save(file, "PNG"))


def _summary(restoration: Restoration) -> dict[str, Any]:
    def rounded(number: float) -> float | None:
        return float(f"{number:.6g}") if math.isfinite(number) else None

    return {
        "images": restoration.images,
        "failed": restoration.failed,
        "seen_rmse": rounded(restoration.seen_rmse),
        "psnr": {name: rounded(psnr) for name, (psnr, _) in restoration.scores.items()},
        "ssim": {name: rounded(ssim) for name, (_, ssim) in restoration.scores.items()},
    }
