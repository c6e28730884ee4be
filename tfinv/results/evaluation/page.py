"""report.html of an evaluation, in one file, and the contact sheet of each set."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from PIL import Image

from tfinv.images.grids import contact_sheet
from tfinv.results.evaluation.cells import METRICS
from tfinv.results.evaluation.figure import draw_bars
from tfinv.results.evaluation.tables import Evaluated, rows_of, write_evaluation_tables
from tfinv.results.evaluation.verdict import sentence_of
from tfinv.results.files import write_atomically
from tfinv.results.pictures import Shown, choose_first, gather
from tfinv.results.report_style import CSS, POLICY
from tfinv.results.store import Store

__all__ = ["write_evaluation"]

_ROWS = 12
_TITLES = {"rmse": "RMSE", "psnr": "PSNR, dB", "ssim": "SSIM"}


def write_evaluation(
    folder: Path, evaluated: Evaluated, stores: Mapping[tuple[str, str], Store]
) -> None:
    """Writes all that an evaluation leaves beside its cells.

    Args:
      folder: the evaluation's.
      evaluated: what there is to say.
      stores: of the cells, by set and layer, in folders beneath it.

    Raises:
      UserError: if the file system refuses, or a shard is damaged.
    """
    write_evaluation_tables(folder, evaluated)
    bars = draw_bars(evaluated)
    write_atomically(folder / "evaluation.png", functools.partial(_write, bars))
    sheets = {}
    for name in evaluated.sets:
        by_layer = {layer: stores[name, layer] for layer in evaluated.layers}
        sheet = _sheet(by_layer)
        if sheet is not None:
            data = _png(sheet)
            sheets[name] = data
            write_atomically(folder / name / "contact_sheet.png", functools.partial(_write, data))
    page = "".join(_page(evaluated, bars, sheets, stores, folder))
    data = page.encode("utf-8", "backslashreplace")
    write_atomically(folder / "report.html", functools.partial(_write, data))


def _sheet(stores: Mapping[str, Store]) -> Image.Image | None:
    """The first pictures of a set and what every layer makes of them; None if there are none."""
    # Pictures are chosen by their place, so that every layer shows the same ones.
    chosen = choose_first(next(iter(stores.values())), _ROWS)
    shown = {layer: gather(store, chosen) for layer, store in stores.items()}
    rows, titles, captions = [], [], []
    for index in chosen:
        there = {layer: found.get(index) for layer, found in shown.items()}
        first = next(one for one in there.values() if one is not None)
        rows.append(
            [first.target, *(None if one is None else one.images[-1] for one in there.values())]
        )
        titles.append("\n".join([first.rows[0].name, *first.sentence.split(", ")]).strip())
        captions.append([None, *(_caption(one) for one in there.values())])
    if not rows:
        return None
    return contact_sheet(rows, titles, ["target", *stores], captions=captions)


def _png(sheet: Image.Image) -> bytes:
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _write(data: bytes, file: BinaryIO) -> None:
    file.write(data)


def _caption(shown: Shown | None) -> str:
    if shown is None:
        return "not done"
    return "failed" if shown.rows[-1].failed else f"RMSE {shown.rmse:.4f}"


def _page(
    evaluated: Evaluated,
    bars: bytes,
    sheets: Mapping[str, bytes],
    stores: Mapping[tuple[str, str], Store],
    folder: Path,
) -> Iterator[str]:
    title = f"Evaluation of {escape(evaluated.generator.rstrip('/').split('/')[-1])}"
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title><style>{CSS}</style></head>\n<body><h1>{title}</h1>"
    bad = "" if evaluated.verdict.trusted else ' class="bad"'
    yield f"<p{bad}><b>{escape(evaluated.verdict.sentence)}</b></p>"
    if evaluated.partial:
        yield '<p class="bad">The evaluation ended before all its pictures were done.</p>'
    if evaluated.failed:
        count = f"{evaluated.failed} failed pictures"
        yield f'<p class="bad">{count}: the report of each cell names them.</p>'
    yield f'<p class="soft">{escape(evaluated.generator)}</p>'
    for metric in METRICS:
        yield f"<h2>{_TITLES[metric]}, mean (SD over the pictures)</h2>"
        yield _table(evaluated, metric, stores, folder)
    yield '<p class="soft">RMSE is of pictures in [0, 1]; below about 0.02 the eye sees no '
    yield "difference. Each number leads to the report of its cell.</p>"
    yield f"<h2>RMSE</h2>{_image(bars, 'mean RMSE by layer and set')}"
    if evaluated.comparisons:
        yield f"<h2>{escape(' against '.join(evaluated.pair))}</h2>"
        for comparison in evaluated.comparisons:
            yield f"<p>{escape(sentence_of(comparison, evaluated.pair))}</p>"
    for name, sheet in sheets.items():
        yield f"<h2>{escape(name)}</h2>"
        yield _image(sheet, f"pictures of {name}")
    yield "<details><summary>Flags of this evaluation</summary>"
    yield f"<pre>{escape(evaluated.config)}</pre></details></body></html>\n"


def _table(
    evaluated: Evaluated, metric: str, stores: Mapping[tuple[str, str], Store], folder: Path
) -> str:
    heads = "".join(f"<th>{_breakable(layer)}</th>" for layer in evaluated.layers)
    lines = [f"<tr><th>set</th>{heads}<th>images</th></tr>"]
    for name, *texts in rows_of(evaluated, metric):
        cells = []
        for layer, text in zip(evaluated.layers, texts, strict=True):
            report = stores[name, layer].folder / "report.html"
            where = quote(report.relative_to(folder).as_posix())
            link = f'<a href="{where}">{escape(text)}</a>' if report.exists() else escape(text)
            cells.append(f"<td>{link}</td>")
        count = max(evaluated.cells[name, layer].count for layer in evaluated.layers)
        lines.append(f"<tr><td>{escape(name)}</td>{''.join(cells)}<td>{count}</td></tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _breakable(layer: str) -> str:
    """A layer's name that a narrow column may break where its scopes end."""
    return escape(layer).replace("/", "/<wbr>")


def _image(data: bytes, what: str) -> str:
    text = base64.b64encode(data).decode()
    return (
        f'<img alt="{escape(what)}" style="max-width:100%;height:auto" '
        f'src="data:image/png;base64,{text}">'
    )
