"""What a video's inversion says in numbers and on one sheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from tfinv.applications.video.run import Job, Taken, write_films
from tfinv.applications.video.steadiness import code_steps, pixel_steps, steadiness
from tfinv.images.grids import contact_sheet
from tfinv.results.parts import Parts

__all__ = ["COLUMNS", "FILES", "sheet", "summary", "table", "write_report"]

FILES = (
    "video.*",
    "beside.*",
    "class-*",
    "sheet.png",
    "frames.csv",
    "codes.npz",
    "summary.json",
    "steadiness.md",
)
"""What a job writes beside its parts, as `Parts` wants to know."""

COLUMNS = (
    "take",
    "stage",
    "frame",
    "name",
    "rmse",
    "code_step",
    "pixel_step",
    "evaluations",
    "status",
)
"""The columns of frames.csv."""

_SHOWN = 8  # frames of a sheet


def write_report(
    job: Job, done: Mapping[str, Taken], parts: Parts, kinds: Sequence[str], rate: float
) -> None:
    """Writes tables, a sheet, films and codes.

    Args:
      job: what was done.
      done: what `run_job` has found.
      parts: the folder.
      kinds: of films, "gif" and "mp4".
      rate: frames a second.
    """
    facts = summary(job, done)
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    parts.write("summary.json", lambda file: file.write(text.encode()))
    parts.write("steadiness.md", lambda file: file.write(table(facts).encode()))
    parts.write("frames.csv", lambda file: file.write(_frames_csv(job, done).encode()))
    picture = sheet(job, done)
    parts.write("sheet.png", lambda file: picture.save(file, "PNG", optimize=True))
    last = done[job.takes[0]].stages[-1]
    arrays = {"names": np.asarray(job.frames.names, np.str_), "codes": last.codes}
    arrays["latents"] = last.latents
    if job.label is not None:
        arrays["labels"] = np.full(len(last.codes), job.label, np.int32)
    parts.write("codes.npz", lambda file: np.savez_compressed(file, **arrays))
    write_films(job, dict(done), parts, kinds, rate)


def summary(job: Job, done: Mapping[str, Taken]) -> dict:
    """What summary.json holds: the steadiness of each stage in each take, and of each class."""
    layers = [stage.stage.layer for stage in job.video.stages]
    return {
        "frames": len(job.frames),
        "video_pixel_step": _short(float(pixel_steps(job.frames.pixels).mean())),
        "weights": dict(zip(layers, map(float, job.weights), strict=True)),
        "frames_at_once": job.video.at_once,
        "stages": {
            take: {
                layer: {k: _short(v) for k, v in steadiness(found)._asdict().items()}
                for layer, found in zip(layers, taken.stages, strict=True)
            }
            for take, taken in done.items()
        },
        "classes": {
            take: {
                str(label): {"pixel_step": _short(float(pixel_steps(images).mean()))}
                for label, images in taken.classes.items()
            }
            for take, taken in done.items()
        },
    }


def table(facts: Mapping) -> str:
    """The steadiness as a table in Markdown.

    Args:
      facts: of `summary`.
    """
    lines = [
        "| frames inverted | stage | RMSE | code step | pixel step |",
        "| --- | --- | --- | --- | --- |",
    ]
    for take, stages in facts["stages"].items():
        for layer, numbers in stages.items():
            cells = (_cell(numbers[name]) for name in ("rmse", "code_step", "pixel_step"))
            lines.append(f"| {_TAKES[take]} | {layer} | {' | '.join(cells)} |")
    for take, classes in facts["classes"].items():
        for label, numbers in classes.items():
            step = _cell(numbers["pixel_step"])
            lines.append(f"| {_TAKES[take]} | drawn in class {label} | – | – | {step} |")
    lines.append(f"| the video itself | – | – | – | {_cell(facts['video_pixel_step'])} |")
    return "\n".join(lines) + "\n"


_TAKES = {
    "together": "together, with the term",
    "without": "together, without the term",
    "apart": "each on its own",
}


def sheet(job: Job, done: Mapping[str, Taken]) -> Image.Image:
    """Some frames, evenly chosen: the video, and what every stage, take and class draws of it."""
    chosen = np.unique(np.linspace(0, len(job.frames) - 1, _SHOWN).round().astype(int))
    layers = [stage.stage.layer for stage in job.video.stages]
    first = done[job.takes[0]]
    rows = [("the video", job.frames.pixels)]
    rows += [
        (_titled(layer, steadiness(found)), found.images)
        for layer, found in zip(layers, first.stages, strict=True)
    ]
    for take in job.compare:
        found = done[take].stages[-1]
        name = f"{layers[-1]}, {'no term' if take == 'without' else take}"
        rows.append((_titled(name, steadiness(found)), found.images))
    for take, taken in done.items():
        rows += [
            (f"class {label}\n{_TAKES[take]}", images) for label, images in taken.classes.items()
        ]
    return contact_sheet(
        [[images[frame] for frame in chosen] for _, images in rows],
        [title for title, _ in rows],
        [f"frame {frame}" for frame in chosen],
    )


def _titled(name: str, numbers) -> str:
    return f"{name}\nRMSE {numbers.rmse:.4f}\ncode step {numbers.code_step:.3f}"


def _frames_csv(job: Job, done: Mapping[str, Taken]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for take, taken in done.items():
        for stage, found in zip(job.video.stages, taken.stages, strict=True):
            steps = [
                np.concatenate([[0.0], values])
                for values in (code_steps(found.codes), pixel_steps(found.images))
            ]
            numbers = zip(found.rmse, *steps, strict=True)
            for frame, values in enumerate(numbers):
                row = [take, stage.stage.layer, frame, job.frames.names[frame]]
                row += [f"{value:.6g}" for value in values]
                writer.writerow([*row, int(found.evaluations[frame]), str(found.status[frame])])
    return text.getvalue()


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
