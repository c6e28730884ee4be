"""report.html: one file that shows a run and opens anywhere, without a network."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Collection, Iterable, Iterator
from html import escape

import numpy as np
from PIL import Image

from tfinv.results.pictures import DIFFERENCE_GAIN, Shown
from tfinv.results.plots import rmse_histogram
from tfinv.results.record import ImageResult
from tfinv.results.report_style import CSS, POLICY, SCRIPT
from tfinv.results.store import Store
from tfinv.results.tally import RunInfo, Tally

__all__ = ["write_report"]

_SIDE = 128
_MOST_FAILURES = 100


def write_report(store: Store, info: RunInfo, tally: Tally, shown: Collection[Shown]) -> None:
    """Writes the report: summary, stages, histogram, failures, pictures, flags.

    Args:
      store: where it goes, and where the failures are read from.
      info: what the rows do not say.
      tally: the run's numbers.
      shown: the images to show.

    Raises:
      UserError: if it cannot be written.
    """
    page = "".join(_page(store, info, tally, shown))
    store.write("report.html", lambda file: file.write(page.encode("utf-8", "backslashreplace")))


def _page(store: Store, info: RunInfo, tally: Tally, shown: Collection[Shown]) -> Iterator[str]:
    title = f"Inversion into {escape(info.generator.rstrip('/').split('/')[-1])}"
    yield "<!doctype html>\n"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title><style>{CSS}</style></head>\n<body>"
    yield f"<h1>{title}</h1>"
    yield _summary(info, tally)
    yield _stages(tally)
    histogram = rmse_histogram(tally)
    if histogram:
        yield f'<h2>Distribution of RMSE</h2><div class="plot">{histogram}</div>'
    if tally.failed:
        yield from _failures(store.rows(), tally.failed)
    if shown:
        yield from _images(shown, tally.images - tally.failed)
    yield "<details><summary>Flags of this run</summary>"
    yield f"<pre>{escape(store.config_text)}</pre></details>"
    yield f"<script>{SCRIPT}</script></body></html>\n"


def _summary(info: RunInfo, tally: Tally) -> str:
    done = tally.images - tally.failed
    solved = tally.images if info.solved is None else info.solved
    parts = [f"{done} of {_count(tally.images, 'image')} inverted"]
    if tally.failed:
        parts.append(f'<span class="bad">{tally.failed} failed</span>')
    parts.append(f"stages {escape(', '.join(info.stages))}")
    parts.append(f"solver {escape(info.solver)}")
    if info.seconds > 0 and solved:
        parts.append(f"{_duration(info.seconds)}, {info.seconds / solved:.2f} s an image")
    text = f"<p>{' &middot; '.join(parts)}</p>"
    if info.partial:
        text += '<p class="bad">The run ended before all images were done.</p>'
    return text + f'<p class="soft">{escape(info.generator)}</p>'


def _stages(tally: Tally) -> str:
    head = "<tr><th>stage</th><th>images</th><th>RMSE, mean &plusmn; std</th><th>median</th>"
    head += "<th>PSNR, dB</th><th>SSIM</th><th>evaluations</th></tr>"
    rows = []
    for stage, numbers in tally.stages.items():
        cells = ["-"] * 5
        if numbers.count:
            rmse = numbers.rmse
            cells = [
                f"<b>{rmse.mean():.4f}</b> &plusmn; {rmse.std():.4f}",
                f"{np.median(rmse):.4f}",
                f"{numbers.mean('psnr'):.1f}",
                f"{numbers.mean('ssim'):.3f}",
                f"{numbers.mean('evaluations'):.0f}",
            ]
        rows.append(f"<tr><td>{escape(stage)}</td><td>{numbers.count}</td>{_cells(cells)}</tr>")
    return (
        f'<h2>Stages</h2><div class="wide"><table>{head}{"".join(rows)}</table></div>'
        '<p class="soft">RMSE is the root mean square difference, per pixel and channel, of images '
        "in [0, 1]; below about 0.02 the eye sees none.</p>"
    )


def _failures(rows: Iterable[ImageResult], count: int) -> Iterator[str]:
    yield '<h2>Failed</h2><table class="failures"><tr><th>image</th><td>why</td></tr>'
    seen: dict[int, ImageResult] = {}
    for row in rows:
        if row.failed and row.index not in seen:
            seen[row.index] = row
            if len(seen) == _MOST_FAILURES:
                break
    for row in seen.values():
        why = row.status.partition(":")[2].strip() or row.status
        why = why.removeprefix(f"{row.name}: ")
        yield f"<tr><td>{escape(row.name)}</td><td>{escape(why)}</td></tr>"
    yield "</table>"
    if count > len(seen):
        yield f'<p class="soft">And {count - len(seen)} more, all named in images.csv.</p>'


def _images(shown: Collection[Shown], done: int) -> Iterator[str]:
    yield "<h2>Images</h2>"
    if len(shown) < done:
        half = len(shown) - len(shown) // 2
        yield (
            f'<p class="soft">The {half} best and the {len(shown) // 2} worst of {done} by RMSE '
            "of the last stage; all of them are in images.csv and in the shards.</p>"
        )
    yield (
        '<p class="soft">The difference is absolute, of the last stage, and '
        f"{DIFFERENCE_GAIN} times as bright as it is.</p>"
        '<div class="sort"><span class="soft">Sort by</span>'
        '<button data-sort="index" aria-pressed="true">order given</button>'
        '<button data-sort="worst" aria-pressed="false">worst first</button>'
        '<button data-sort="best" aria-pressed="false">best first</button></div>'
    )
    yield '<div id="images">'
    for image in shown:
        yield _image(image)
    yield "</div>"


def _image(image: Shown) -> str:
    first = image.rows[0]
    # An RMSE of NaN would make the order of the sort undefined.
    rmse = f"{image.rmse:.6g}" if np.isfinite(image.rmse) else "9"
    note = f"<span>{escape(image.sentence)}</span>" if image.sentence else ""
    figures = [_figure(image.target, "<b>target</b>")]
    for row, picture in itertools.zip_longest(image.rows, image.images):
        figures.append(_figure(picture, _caption(row)))
    if image.difference is not None:
        figures.append(_figure(image.difference, f"<b>difference</b> &times;{DIFFERENCE_GAIN}"))
    return (
        f'<div class="image" data-index="{image.index}" data-rmse="{rmse}">'
        f'<h3>{escape(first.name)}{note}</h3><div class="pictures">{"".join(figures)}</div></div>\n'
    )


def _caption(row: ImageResult) -> str:
    stage = f"<b>{escape(row.stage)}</b>"
    if row.failed:
        return f'{stage}<br><span class="bad">{escape(row.status)}</span>'
    return (
        f"{stage} RMSE {row.rmse:.4f}<br>{row.psnr:.1f} dB, SSIM {row.ssim:.3f}"
        f"<br>{row.evaluations} evaluations<br>{escape(row.status)}"
    )


def _figure(picture: np.ndarray | None, caption: str) -> str:
    if picture is None:
        shape = f'<div class="none" style="width:{_SIDE}px;height:{_SIDE}px"></div>'
        return f"<figure>{shape}<figcaption>{caption}</figcaption></figure>"
    height, width = picture.shape[:2]
    factor = max(1, _SIDE // max(height, width))
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><img width="{width * factor}" height="{height * factor}" alt="" '
        f'src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )


def _cells(texts: Iterable[str]) -> str:
    return "".join(f"<td>{text}</td>" for text in texts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
