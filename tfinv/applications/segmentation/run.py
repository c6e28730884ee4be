"""Segments the pictures of an earlier run into a folder."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from tfinv.applications.inverted import Inverted
from tfinv.applications.outcome import Outcome
from tfinv.applications.segmentation.clustering import segment
from tfinv.applications.segmentation.maps import attention_matrix
from tfinv.applications.segmentation.scores import adjusted_rand_index, mean_iou
from tfinv.applications.segmentation.show import mean_colours, sheet
from tfinv.errors import UserError
from tfinv.graph.attention import AttentionMap
from tfinv.images.labels import MAX_REGIONS, indexed_picture, resize_labels
from tfinv.images.ranges import to_rgb8
from tfinv.results.files import slug
from tfinv.results.parts import Parts

__all__ = ["FILES", "Row", "check_clusters", "segment_picture", "segment_pictures"]

FILES = (
    "labels-*.npy",
    "labels-*.png",
    "means-*.png",
    "sheet-*.png",
    "segments.csv",
    "segments.json",
)
"""Every name that `segment_pictures` uses."""

_SHEET_ROWS = 12


class Row(NamedTuple):
    """One picture in one number of regions; a line of segments.csv.

    Attributes:
      picture: its name.
      regions: how many.
      largest: share of the picture's pixels in the largest, in [0, 1].
      reference: number of regions of the mask; None without one.
      adjusted_rand_index: against the mask, at most 1; None without one.
      mean_iou: likewise, in [0, 1].
    """

    picture: str
    regions: int
    largest: float
    reference: int | None = None
    adjusted_rand_index: float | None = None
    mean_iou: float | None = None


def check_clusters(clusters: Sequence[int], found: AttentionMap) -> None:
    """Refuses numbers of regions that there cannot be.

    Raises:
      UserError: then.
    """
    positions = len(found.queries.order)
    most = min(positions, MAX_REGIONS)
    if wrong := [count for count in clusters if not 1 <= count <= most]:
        why = (
            f"{found.name} has {positions} positions"
            if positions < MAX_REGIONS
            else "an indexed PNG has no more colours"
        )
        raise UserError(f"{wrong[0]} regions: take 1 to {most}, {why}")


def segment_picture(
    inverted: Inverted, place: int, found: AttentionMap, clusters: Sequence[int]
) -> np.ndarray:
    """Regions of one picture on the grid of the attention map's queries.

    Args:
      inverted: the pictures of a run.
      place: which of them, from 0.
      found: the map, see `tfinv.applications.segmentation.maps.find_map`.
      clusters: numbers of regions.

    Returns:
      int32 [len(clusters), H, W], see `tfinv.applications.segmentation.clustering.segment`.

    Raises:
      UserError: if the code does not decide the map, or the map is not finite.
    """
    matrix = attention_matrix(inverted.split, inverted.points.take([place]), found)
    if not np.isfinite(matrix).all():
        name = inverted.results.names[place]
        raise UserError(f"{found.name} is not finite for the code of {name}: leave it out")
    queries, keys = ((grid.height, grid.width) for grid in (found.queries, found.keys))
    return segment(matrix, queries, keys, clusters)


def segment_pictures(
    inverted: Inverted,
    found: AttentionMap,
    clusters: Sequence[int],
    parts: Parts,
    masks: Sequence[np.ndarray] | None = None,
    on_picture: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Row]:
    """Segments all pictures; what the folder has already is not computed again.

    Args:
      inverted: N pictures of a run.
      found: the map.
      clusters: numbers of regions.
      parts: the folder.
      masks: reference regions, int [H, W] for each picture, or None.
      on_picture: called after each picture is safe.

    Returns:
      A row for each picture and number of regions.

    Raises:
      UserError: as `segment_picture`, or if the folder cannot be written.
    """
    size = inverted.generator.image_shape[:2]
    rows: list[Row] = []
    shown: list[np.ndarray] = []
    for place in range(len(inverted)):
        labels = _grid_labels(inverted, place, found, clusters, parts)
        regions = np.stack([resize_labels(one, *size) for one in labels])
        _write_picture(parts, inverted, place, clusters, regions)
        mask = None if masks is None else masks[place]
        name = inverted.results.names[place]
        rows += [_row(name, count, r, mask) for count, r in zip(clusters, regions, strict=True)]
        shown.append(regions)
        if len(shown) == _SHEET_ROWS or place == len(inverted) - 1:
            _write_sheet(parts, inverted, place + 1 - len(shown), clusters, shown, masks)
            shown = []
        on_picture(Outcome(1, 0, inverted.results.rmse[place : place + 1]))
    _write_tables(parts, found, clusters, rows)
    return rows


def _grid_labels(inverted, place, found, clusters, parts) -> np.ndarray:
    """Of one picture, from the folder or computed."""
    name = inverted.results.names[place]
    point, code = inverted.points.take([place]), hashlib.sha256()
    for values in (point.codes, point.latents, point.labels):  # all of which may decide the map
        code.update(b"" if values is None else np.ascontiguousarray(values))
    part, names = f"{inverted.results.indices[place]:05d}", (name, code.hexdigest()[:16])
    done = parts.find(part, names)
    if done is not None:
        return done["regions"]
    regions = segment_picture(inverted, place, found, clusters)
    parts.add(part, names, {"regions": regions})
    return regions


def _row(name: str, count: int, regions: np.ndarray, mask: np.ndarray | None) -> Row:
    largest = float(np.bincount(regions.ravel()).max() / regions.size)
    if mask is None:
        return Row(name, count, largest)
    scores = adjusted_rand_index(regions, mask), mean_iou(regions, mask)
    return Row(name, count, largest, len(np.unique(mask)), *scores)


def _write_picture(parts, inverted, place, clusters, regions) -> None:
    stem = os.path.splitext(os.path.basename(inverted.results.names[place]))[0]
    stem = f"{inverted.results.indices[place]:05d}-{slug(stem)}"
    for count, labels in zip(clusters, regions, strict=True):
        means = mean_colours(inverted.results.targets[place], labels)
        parts.write_picture(f"labels-{stem}-{count}.png", indexed_picture(labels))
        parts.write_picture(f"means-{stem}-{count}.png", Image.fromarray(to_rgb8(means)))
        parts.write(f"labels-{stem}-{count}.npy", lambda file, labels=labels: np.save(file, labels))


def _write_sheet(parts, inverted, first, clusters, shown, masks) -> None:
    results, rows = inverted.results, slice(first, first + len(shown))
    pictures, drawn = results.targets[rows], results.images[rows]
    reference = None if masks is None else masks[rows]
    made = sheet(results.names[rows], pictures, drawn, shown, clusters, reference)
    parts.write_picture(f"sheet-{first // _SHEET_ROWS:03d}.png", made)


def _write_tables(
    parts: Parts, found: AttentionMap, clusters: Sequence[int], rows: Sequence[Row]
) -> None:
    def write_csv(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Row._fields)
        for row in rows:
            cells = (f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row)
            writer.writerow("" if cell is None else cell for cell in cells)
        text.flush()
        text.detach()

    facts = {
        "attention": found.name,
        "positions": [found.queries.height, found.queries.width],
        "keys": [found.keys.height, found.keys.width],
        "pictures": len({row.picture for row in rows}),
        "regions": {count: _means(rows, count) for count in clusters},
    }
    parts.write("segments.csv", write_csv)
    text = json.dumps(facts, indent=2) + "\n"
    parts.write("segments.json", lambda file: file.write(text.encode()))


def _means(rows: Sequence[Row], count: int) -> dict[str, float | None]:
    """Over pictures; None where there are no masks."""
    means = {}
    for name in ("largest", "adjusted_rand_index", "mean_iou"):
        values = [getattr(row, name) for row in rows if row.regions == count]
        known = None not in values
        means[name] = float(f"{np.mean(values):.6g}") if known else None
    return means
