"""Paths into a folder: a strip and the codes of each, one sheet and one table of all, a film."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
from PIL import Image

from tfinv.applications.interpolation.paths import Path
from tfinv.applications.interpolation.travel import Journey, travel
from tfinv.applications.outcome import Outcome
from tfinv.generators.split import Split
from tfinv.images.films import write_film
from tfinv.images.grids import contact_sheet, grid
from tfinv.images.ranges import to_rgb8, to_uint8
from tfinv.results.parts import Parts

__all__ = ["COLUMNS", "FILES", "film_of", "interpolate", "sheet_of"]

FILES = ("strip-*.png", "path-*.npz", "paths.csv", "grid.png", "film.gif", "film.mp4")
"""What `interpolate` writes, as `Parts` wants to know."""

COLUMNS = ("path", "first", "last", "stages", "frame", "a", "rmse_first", "rmse_last", "step")
"""The columns of paths.csv."""

MOST_ROWS = 24
"""How many paths a sheet and a film show."""


def interpolate(
    split: Split,
    paths: Sequence[Path],
    a: np.ndarray,
    parts: Parts,
    *,
    way: str = "linear",
    hold: Collection[str] = (),
    films: Collection[str] = (),
    rate: float = 12.0,
    as_chain: bool = False,
    on_path: Callable[[Outcome], None] = lambda outcome: None,
) -> None:
    """Draws paths and writes them, path by path.

    Args:
      split: the cut of their ends.
      paths: at least one.
      a: float64 [F], positions; see `blends.positions`.
      parts: the folder, opened for `FILES`.
      way: see `travel`; so is the next.
      hold: likewise.
      films: out of "gif" and "mp4".
      rate: frames a second.
      as_chain: whether a film shows the paths one after another; else it does side by side.
      on_path: called after each path.

    Raises:
      UserError: as `travel` does, or if a file cannot be written.
    """
    shown: list[Journey] = []
    rows: list[list[object]] = []
    for number, path in enumerate(paths):
        journey = travel(split, path, a, way=way, hold=hold)
        _write_path(parts, number, journey)
        rows += _rows(number, path, journey)
        if number < MOST_ROWS:
            shown.append(journey)
        on_path(Outcome(1, 0, np.empty(0)))
    parts.write("paths.csv", lambda file: _write_table(file, rows))
    sheet = sheet_of(paths, shown)
    parts.write_picture("grid.png", sheet)
    if films:
        frames = film_of(shown, as_chain)
    for kind in films:
        parts.write(f"film.{kind}", partial(write_film, kind=kind, images=frames, rate=rate))


def film_of(journeys: Sequence[Journey], as_chain: bool) -> np.ndarray:
    """The frames of a film.

    Args:
      journeys: of equally many pictures.
      as_chain: whether they come one after another; else side by side.

    Returns:
      uint8 [N, H, W, 3]. Where one journey begins with the picture that the one before ended with,
      that picture comes once.
    """
    if not as_chain:
        moments = zip(*(journey.images for journey in journeys), strict=True)
        return np.stack([grid(np.stack(images)) for images in moments])
    frames: list[np.ndarray] = []
    for journey in journeys:
        images = [to_rgb8(image) for image in journey.images]
        meets = bool(frames) and np.array_equal(frames[-1], images[0])
        frames += images[1:] if meets else images
    return np.stack(frames)


def sheet_of(paths: Sequence[Path], journeys: Sequence[Journey]):
    """A sheet with a row for each path, fit for print.

    Args:
      paths: all that there are.
      journeys: of the first of them, all at the same positions.

    Returns:
      An RGB picture: at the left what the first end was to draw, then the pictures with their
      positions above and their errors beneath, and at the right what the last end was to draw,
      where that is another picture.
    """
    shown = list(zip(paths, journeys, strict=False))
    two = [not np.array_equal(path.first.target, path.last.target) for path, _ in shown]
    # What a sample was to draw is itself.
    right = any(
        path.last.image is not None for (path, _), differ in zip(shown, two, strict=True) if differ
    )
    rows, captions = [], []
    for (path, journey), differ in zip(shown, two, strict=True):
        rows.append([path.first.target, *journey.images, *([path.last.target] * right)])
        captions.append([None, *(_errors(e, differ) for e in journey.rmse), *([None] * right)])
    titles = ["picture", *(f"a = {a:.3g}" for a in journeys[0].a), *(["picture"] * right)]
    said = "Beneath each: RMSE to the picture that the first end was found for"
    said += ", and to that of the last." if any(two) else "."
    if len(paths) > len(shown):
        said = f"The first {len(shown)} of {len(paths)} paths. {said}"
    return contact_sheet(
        rows,
        [path.title for path, _ in shown],
        titles,
        captions=captions,
        footer=said,
    )


def _errors(errors: np.ndarray, two: bool) -> str:
    return f"{errors[0]:.3f} / {errors[1]:.3f}" if two else f"{errors[0]:.4f}"


def _write_path(parts: Parts, number: int, journey: Journey) -> None:
    # A plain strip: its pixels are those drawn, and at a stored end those that are stored.
    strip = grid(to_uint8(journey.images), columns=len(journey.images))
    parts.write_picture(f"strip-{number:04d}.png", Image.fromarray(strip))
    arrays = {"a": journey.a, "codes": journey.points.codes, "images": to_uint8(journey.images)}
    beside = {"latents": journey.points.latents, "labels": journey.points.labels}
    arrays |= {name: value for name, value in beside.items() if value is not None}
    parts.write(f"path-{number:04d}.npz", lambda file: np.savez_compressed(file, **arrays))


def _rows(number: int, path: Path, journey: Journey) -> list[list[object]]:
    stages = f"{path.first.stage} to {path.last.stage}" if path.first.stage else ""
    return [
        [number, path.first.name, path.last.name, stages, frame]
        + [f"{value:.6g}" for value in (journey.a[frame], *journey.rmse[frame], step)]
        for frame, step in enumerate(journey.steps)
    ]


def _write_table(file: BinaryIO, rows: Sequence[Sequence[object]]) -> None:
    text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    text.flush()
    text.detach()
