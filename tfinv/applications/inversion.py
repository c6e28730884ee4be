"""A whole inversion job: pictures in, a folder of results out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfinv.applications.labels import find_labels, labels_to_give
from tfinv.applications.pictures import Picture
from tfinv.errors import UserError
from tfinv.images import metrics
from tfinv.inversion.engine import Inverter, OnProgress
from tfinv.inversion.labels import LabelSearch
from tfinv.inversion.result import InversionResult
from tfinv.inversion.starts import Start, stored
from tfinv.results.load import iterate_results
from tfinv.results.record import FAILED, ImageResult
from tfinv.results.store import Store

__all__ = ["Outcome", "StoredStart", "invert_pictures", "stored_start"]

_NAN = float("nan")
_MOST = 4  # times the batch size: pictures that wait to be stored, where many cannot be read


class Outcome(NamedTuple):
    """What one batch added to a run; RMSE is of the last stage, NaN where it failed."""

    images: int
    failed: int
    rmse: np.ndarray


class StoredStart(NamedTuple):
    """Where an earlier run ended.

    Attributes:
      start: for the first stage.
      names: of the pictures that have codes, by their place in the run.
    """

    start: Start
    names: dict[int, str]


def stored_start(folder: str | Path, layer: str) -> StoredStart:
    """A start from the results in a folder.

    Args:
      folder: of an earlier run.
      layer: of the first stage, as that run named it; where it has no codes there, `g1` of the
        latents with which it ended is the start.

    Raises:
      UserError: if there is nothing stored there.
    """
    latents, codes, weights, names = {}, {}, {}, {}
    for result in iterate_results(folder):
        # What belongs to a code is what its own stage found, and no later one.
        if result.latent is None or result.index in codes:
            continue
        latents[result.index], names[result.index] = result.latent, result.name
        if result.label_weights is not None:
            weights[result.index] = result.label_weights
        if result.stage == layer:
            codes[result.index] = result.code
    if not latents:
        raise UserError(f"{folder}: no picture has codes there; every one of them failed")
    return StoredStart(stored(latents, codes or None, weights or None), names)


def invert_pictures(
    inverter: Inverter,
    pictures: Iterable[Picture],
    store: Store,
    *,
    stored_names: Mapping[int, str] | None = None,
    label_search: LabelSearch | None = None,
    on_batch: Callable[[Outcome], None] = lambda outcome: None,
    on_progress: OnProgress | None = None,
) -> None:
    """Inverts what the store does not hold yet, and adds it batch by batch.

    Which images share a batch changes no result, and a picture that could not be read is one row
    with its fault.

    Args:
      inverter: what is done with each picture.
      pictures: each of the generator's size, or with its fault.
      store: where results go; one shard a batch.
      stored_names: pictures that the inverter's start knows; others fail, each on its own.
      label_search: finds the label of pictures that have none. Without, they start from weights of
        the classes that are all alike, which the inverter should optimise.
      on_batch: called after each batch is safe.
      on_progress: called every few dozen steps of a stage.
    """
    done = store.finished_indices()
    todo = (_with_start(picture, stored_names) for picture in pictures if picture.index not in done)
    for batch in _batches(todo, inverter.batch_size):
        readable = [picture for picture in batch if picture.pixels is not None]
        rows = [row for p in batch if p.pixels is None for row in _failed_rows(inverter, p)]
        if readable and label_search is not None:
            readable = find_labels(label_search, readable, on_progress)
        if readable:
            rows += _rows(readable, _invert(inverter, readable, on_progress))
        store.add(sorted(rows, key=lambda row: row.index))
        last = [row for row in rows if row.stage == inverter.stages[-1].layer]
        on_batch(
            Outcome(
                images=len(batch),
                failed=sum(row.failed for row in last),
                rmse=np.asarray([row.rmse for row in last]),
            )
        )


def _with_start(picture: Picture, names: Mapping[int, str] | None) -> Picture:
    if names is None or picture.fault or names.get(picture.index) == picture.name:
        return picture
    fault = "no codes are stored for it at this place: give the stored run's --images, in order"
    return dataclasses.replace(picture, pixels=None, fault=fault)


def _batches(pictures: Iterable[Picture], size: int) -> Iterator[list[Picture]]:
    """Groups pictures so that each group has at most `size` readable ones, and is not endless."""
    batch: list[Picture] = []
    readable = 0
    for picture in pictures:
        batch.append(picture)
        readable += picture.pixels is not None
        if readable == size or len(batch) >= _MOST * size:
            yield batch
            batch, readable = [], 0
    if batch:
        yield batch


def _invert(
    inverter: Inverter, pictures: Sequence[Picture], on_progress: OnProgress | None
) -> InversionResult:
    return inverter.run_batch(
        np.stack([picture.pixels for picture in pictures]),
        [picture.index for picture in pictures],
        labels_to_give(inverter.generator, pictures),
        on_progress,
    )


def _rows(pictures: Sequence[Picture], result: InversionResult) -> list[ImageResult]:
    targets = np.stack([picture.pixels for picture in pictures])
    rows = []
    for number, stage in enumerate(result.stages):
        psnr, ssim = metrics.psnr(stage.images, targets), metrics.ssim(stage.images, targets)
        for k, picture in enumerate(pictures):
            row = ImageResult(
                index=picture.index,
                name=picture.name,
                label=picture.label,
                stage=stage.layer,
                rmse=float(stage.rmse[k]),
                psnr=float(psnr[k]),
                ssim=float(ssim[k]),
                evaluations=int(stage.evaluations[k]) + (0 if number else picture.evaluations),
                status=stage.status[k],
                note=picture.note,
                code=stage.codes[k],
                latent=stage.latents[k],
                labels=None if result.labels is None else result.labels[k],
                label_weights=None if stage.label_weights is None else stage.label_weights[k],
                target=picture.pixels,
                image=stage.images[k],
            )
            rows.append(_without_values(row) if row.failed else row)
    return rows


def _without_values(row: ImageResult) -> ImageResult:
    """A diverged image's row: what it left is no result."""
    arrays = dict.fromkeys(("code", "latent", "labels", "label_weights", "image"))
    return dataclasses.replace(row, rmse=_NAN, psnr=_NAN, ssim=_NAN, **arrays)


def _failed_rows(inverter: Inverter, picture: Picture) -> Iterator[ImageResult]:
    for stage in inverter.stages:
        yield ImageResult(
            index=picture.index,
            name=picture.name,
            label=picture.label,
            stage=stage.layer,
            rmse=_NAN,
            psnr=_NAN,
            ssim=_NAN,
            evaluations=0,
            status=f"{FAILED}: {picture.fault}",
            note=picture.note,
        )
