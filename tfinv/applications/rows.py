"""The rows of a run: what is stored of a picture that went through all stages, or that failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tfinv.applications.pictures import Picture
from tfinv.images import metrics
from tfinv.inversion.tickets import Ticket
from tfinv.results.record import FAILED, ImageResult

__all__ = ["failed_rows", "rows_of"]

_NAN = float("nan")


def rows_of(ticket: Ticket) -> Iterator[ImageResult]:
    """A row for each stage of an image that has all of them behind it."""
    about = ticket.about
    whole = ticket.target if ticket.whole is None else ticket.whole
    target = whole[np.newaxis]
    for number, stage in enumerate(ticket.found):
        spent = 0 if number else about["evaluations"]
        weights = stage.label_weights
        row = ImageResult(
            index=ticket.index,
            name=about["name"],
            label=about["label"],
            stage=stage.layer,
            rmse=float(metrics.rmse(stage.images, target)[0]),
            psnr=float(metrics.psnr(stage.images, target)[0]),
            ssim=float(metrics.ssim(stage.images, target)[0]),
            evaluations=int(stage.evaluations[0]) + spent,
            status=stage.status[0],
            note=about["note"],
            code=stage.codes[0],
            latent=stage.latents[0],
            labels=_own_label(ticket),
            label_weights=None if weights is None else weights[0],
            target=whole,
            image=stage.images[0],
            observation=None if ticket.whole is None else ticket.target,
        )
        yield _without_values(row) if row.failed else row


def failed_rows(picture: Picture, fault: str, stages: Sequence[str]) -> Iterator[ImageResult]:
    """A row for each stage of a picture that cannot be inverted."""
    for stage in stages:
        yield ImageResult(
            index=picture.index,
            name=picture.name,
            label=picture.label,
            stage=stage,
            rmse=_NAN,
            psnr=_NAN,
            ssim=_NAN,
            evaluations=0,
            status=f"{FAILED}: {fault}",
            note=picture.note,
        )


def _own_label(ticket: Ticket) -> np.ndarray | None:
    """The label that it was given to start from; none where that were weights all alike."""
    if ticket.label is None or ticket.about["label"] is None:
        return None
    return np.int32(ticket.about["label"])


def _without_values(row: ImageResult) -> ImageResult:
    """A diverged image's row: what it left is no result."""
    arrays = dict.fromkeys(("code", "latent", "labels", "label_weights", "image", "observation"))
    return dataclasses.replace(row, rmse=_NAN, psnr=_NAN, ssim=_NAN, **arrays)
