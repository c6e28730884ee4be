"""Sheets of pictures: plain grids for samples, and captioned contact sheets fit for a paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfinv.images.ranges import to_rgb8

__all__ = ["contact_sheet", "enlarge", "grid"]

_CELL = 128
_LARGEST = 256
_GAP = 8
_MARGIN = 20
_TEXT = 14
_SMALL = 12
_INK = (20, 20, 20)
_GREY = (115, 115, 115)
_BLANK = (242, 242, 242)
_WHITE = (255, 255, 255)
_TITLE_CHARACTERS = 26


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Lays pictures side by side on white, as near to a square as their number allows.

    Args:
      images: [N, H, W, C], C of 1 or 3; uint8, or float in [0, 1].
      columns: pictures a row; by default the square root of N, rounded up.
      gap: white pixels between two pictures.

    Returns:
      uint8 [rows*(H+gap)-gap, columns*(W+gap)-gap, 3].

    Raises:
      ValueError: if there is no picture.
    """
    if len(images) == 0:
        raise ValueError("a grid needs at least one picture")
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = to_rgb8(image)
    return sheet


def enlarge(image: np.ndarray, side: int = _CELL, largest: int = _LARGEST) -> Image.Image:
    """Brings a picture to a size at which it can be looked at, without inventing detail.

    Args:
      image: [H, W, C], C of 1 or 3; uint8, or float in [0, 1].
      side: small pictures are repeated by the whole factor that brings their longer side nearest
        below or to this.
      largest: pictures with a longer side above this are reduced to it, antialiased.

    Returns:
      An RGB picture.
    """
    picture = Image.fromarray(to_rgb8(image))
    longer = max(picture.size)
    if longer > largest:
        size = tuple(max(1, round(s * largest / longer)) for s in picture.size)
        return picture.resize(size, Image.Resampling.LANCZOS)
    factor = max(1, side // longer)
    return picture.resize(tuple(s * factor for s in picture.size), Image.Resampling.NEAREST)


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray | None]],
    row_titles: Sequence[str] | None = None,
    column_titles: Sequence[str] | None = None,
    *,
    captions: Sequence[Sequence[str | None]] | None = None,
    footer: str | None = None,
) -> Image.Image:
    """Draws pictures in rows and columns with titles and captions, dark text on white.

    Args:
      rows: pictures [H, W, C], C of 1 or 3, uint8 or float in [0, 1]; None leaves a pale cell.
        Rows may differ in length and pictures in size.
      row_titles: one for each row, at its left; the first line is dark, further lines are grey.
      column_titles: one for each column, above it.
      captions: what to write beneath each picture, in the shape of `rows`.
      footer: a line beneath everything.

    Returns:
      An RGB picture. Small pictures are enlarged by a whole factor, see `enlarge`.
    """
    cells = [[None if image is None else enlarge(image) for image in row] for row in rows]
    sizes = [image.size for row in cells for image in row if image is not None]
    side = (_CELL, _CELL) if not sizes else tuple(max(s[i] for s in sizes) for i in (0, 1))
    columns = max([len(row) for row in cells] + [len(column_titles or ())] + [1])
    text, small = ImageFont.load_default(_TEXT), ImageFont.load_default(_SMALL)

    titles = [_lines(title) for title in row_titles] if row_titles else [[] for _ in cells]
    lines = [(line, small if i else text) for title in titles for i, line in enumerate(title)]
    left = _MARGIN + max([round(font.getlength(line)) + 2 * _GAP for line, font in lines] + [0])
    top = _MARGIN + (_TEXT + _GAP if column_titles else 0)
    below = _SMALL + _GAP if captions else 0
    step = (side[0] + _GAP, side[1] + below + _GAP)
    bottom = _SMALL + 2 * _GAP if footer else 0
    width = left + columns * step[0] - _GAP + _MARGIN
    if footer:
        width = max(width, 2 * _MARGIN + round(small.getlength(footer)))
    height = top + max(1, len(cells)) * step[1] - _GAP + bottom + _MARGIN

    sheet = Image.new("RGB", (width, height), _WHITE)
    draw = ImageDraw.Draw(sheet)
    for c, title in enumerate(column_titles or ()):
        middle = left + c * step[0] + side[0] / 2
        draw.text((middle, _MARGIN), _fit(title, text, side[0]), _INK, text, anchor="ma")
    for r, row in enumerate(cells):
        y = top + r * step[1]
        _draw_title(draw, titles[r], y + side[1] / 2, (text, small))
        for c, image in enumerate(row):
            x = left + c * step[0]
            _draw_cell(sheet, draw, image, (x, y), side)
            caption = captions[r][c] if captions else None
            if caption:
                place = (x + side[0] / 2, y + side[1] + _GAP // 2)
                draw.text(place, _fit(caption, small, side[0]), _GREY, small, anchor="ma")
    if footer:
        draw.text((_MARGIN, height - _MARGIN), footer, _GREY, small, anchor="ls")
    return sheet


def _draw_cell(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    image: Image.Image | None,
    corner: tuple[int, int],
    side: tuple[int, int],
) -> None:
    x, y = corner
    if image is None:
        draw.rectangle((x, y, x + side[0] - 1, y + side[1] - 1), fill=_BLANK)
        return
    sheet.paste(image, (x + (side[0] - image.width) // 2, y + (side[1] - image.height) // 2))


def _draw_title(draw: ImageDraw.ImageDraw, lines: list[str], middle: float, fonts) -> None:
    heights = [_TEXT + 5 if i == 0 else _SMALL + 4 for i in range(len(lines))]
    y = middle - sum(heights) / 2
    for i, line in enumerate(lines):
        draw.text((_MARGIN, y), line, _GREY if i else _INK, fonts[1 if i else 0], anchor="lt")
        y += heights[i]


def _lines(title: str) -> list[str]:
    """Splits a row's title and shortens its lines in the middle, where names differ least."""
    half = _TITLE_CHARACTERS // 2
    return [
        line if len(line) <= _TITLE_CHARACTERS else f"{line[: half - 1]}...{line[-half + 2 :]}"
        for line in title.split("\n")
    ]


def _fit(line: str, font, width: float) -> str:
    """Cuts a line to a width in pixels, its end replaced by dots."""
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "...") > width:
        line = line[:-1]
    return line + "..."
