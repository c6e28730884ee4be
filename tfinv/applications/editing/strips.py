"""What an edit leaves: strips of pictures, from one strength to the next, and their numbers."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from tfinv.applications.codes import Codes
from tfinv.applications.inverted import Inverted
from tfinv.images import metrics
from tfinv.images.grids import contact_sheet
from tfinv.images.ranges import to_rgb8, to_uint8
from tfinv.results.files import slug
from tfinv.results.parts import Parts

__all__ = ["FILES", "Strip", "failures", "file_names", "write_strips"]

FILES = (
    "strip-*.png",
    "edited-*.png",
    "edits-*.npz",
    "vector-*.npz",
    "edits.csv",
    "edit.json",
)
"""What the output folder of an edit may hold beside its parts and its configuration."""


@dataclasses.dataclass(frozen=True, eq=False)
class Strip:
    """One edit of N pictures at S strengths.

    Attributes:
      name: of what is edited.
      said: a line about it.
      strengths: S of them.
      points: S times N points.
      images: float32 [S, N, H, W, C] in [0, 1]; at strength 0 the stored reconstructions.
      numbers: float [S, N] by the name of the column.
      beside: what is shown left of the strengths, float32 [N, H, W, C] by title.
      titles: of the strengths' columns.
      captions: of each picture, [S][N]; None for none.
    """

    name: str
    said: str
    strengths: tuple[float, ...]
    points: tuple[Codes, ...]
    images: np.ndarray
    numbers: Mapping[str, np.ndarray]
    beside: Mapping[str, np.ndarray]
    titles: tuple[str, ...]
    captions: Sequence[Sequence[str]] | None = None


def file_names(names: Sequence[str]) -> list[str]:
    """Names of edits as parts of names of files, all different; letters of any script stay."""
    found: list[str] = []
    for name in names:
        own = other = slug(name)
        number = 2
        while other.casefold() in map(str.casefold, found):  # alike on some file systems
            other, number = f"{own}-{number}", number + 1
        found.append(other)
    return found


def failures(inverted: Inverted, strips: Sequence[Strip]) -> list[str]:
    """A line for each picture that could not be edited."""
    return [
        f"{name}, {strip.name} at {strength:g}: {status}"
        for strip in strips
        for strength, row in zip(strip.strengths, strip.numbers.get("status", ()), strict=False)
        for name, status in zip(inverted.results.names, row, strict=True)
        if str(status).startswith("failed")
    ]


def write_strips(parts: Parts, inverted: Inverted, strips: Sequence[Strip]) -> list[str]:
    """Writes strips, every picture on its own, the codes, and one table.

    Args:
      parts: the folder.
      inverted: the N pictures.
      strips: of these.

    Returns:
      The names of the strips' files.
    """
    names, places = inverted.results.names, inverted.results.indices
    sheets = []
    for strip, file in zip(strips, file_names([strip.name for strip in strips]), strict=True):
        for place, strength in enumerate(strip.strengths):
            for number, image in zip(places, strip.images[place], strict=True):
                picture = Image.fromarray(to_rgb8(image))
                parts.write_picture(f"edited-{file}-{number:05d}-{strength:g}.png", picture)
        arrays = _arrays(strip, names)
        parts.write(f"edits-{file}.npz", lambda f, arrays=arrays: np.savez_compressed(f, **arrays))
        sheets.append(f"strip-{file}.png")
        parts.write_picture(sheets[-1], _sheet(strip, names))
    text = _table(inverted, strips)
    parts.write("edits.csv", lambda file: file.write(text.encode("utf-8", "backslashreplace")))
    return sheets


def _sheet(strip: Strip, names: Sequence[str]) -> Image.Image:
    """A row a picture, a column a strength."""
    columns = [*strip.beside.values(), *strip.images]
    rows = [[column[row] for column in columns] for row in range(len(names))]
    captions = None
    if strip.captions is not None:
        blank = [None] * len(strip.beside)
        captions = [
            [*blank, *(column[row] for column in strip.captions)] for row in range(len(names))
        ]
    return contact_sheet(
        rows, names, [*strip.beside, *strip.titles], captions=captions, footer=strip.said
    )


def _arrays(strip: Strip, names: Sequence[str]) -> dict[str, np.ndarray]:
    """All that a Python user needs to go on from the edited codes."""
    arrays = {
        "names": np.asarray(names, np.str_),
        "strengths": np.asarray(strip.strengths),
        "codes": np.stack([points.codes for points in strip.points]),
        "images": to_uint8(strip.images),
    }
    for part in ("latents", "labels"):
        values = [getattr(points, part) for points in strip.points]
        if values[0] is not None:
            arrays[part] = np.stack(values)
    return arrays


def _table(inverted: Inverted, strips: Sequence[Strip]) -> str:
    """edits.csv: a row for each picture, edit and strength."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    more = list(dict.fromkeys(key for strip in strips for key in strip.numbers))
    writer.writerow(["name", "edit", "strength", "rmse_from_reconstruction", *more])
    for strip in strips:
        for place, strength in enumerate(strip.strengths):
            changed = metrics.rmse(strip.images[place], inverted.results.images)
            for row, name in enumerate(inverted.results.names):
                numbers = [strip.numbers[k][place][row] if k in strip.numbers else "" for k in more]
                cells = [n if isinstance(n, str) else f"{n:.6g}" for n in (changed[row], *numbers)]
                writer.writerow([name, strip.name, f"{strength:g}", *cells])
    return text.getvalue()
