"""One shard: the results of a batch in one .npz file that numpy alone can read.

A shard holds `rows` (JSON, as bytes), the metrics `rmse`, `psnr` and `ssim` [R] (float64), for each
stage the stacked arrays `<stage>/code`, `<stage>/latent`, `<stage>/labels`,
`<stage>/label_weights`, `<stage>/image` and `<stage>/observation`, and the `targets`, once an
image. Pictures are kept as uint8: they are there to be looked at, the metrics were taken before
rounding, and floats would make them, and not the codes, most of a run. `sha256` (JSON) has the
digest of every other array, and each is checked when it is read; that a shard's rows can be read
without its arrays is what makes taking up a long run fast.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfinv.errors import UserError
from tfinv.images.ranges import to_float, to_uint8
from tfinv.packing import pack_json, unpack_json
from tfinv.results.arrays import CheckedArrays, checked_arrays, write_arrays
from tfinv.results.record import ImageResult

__all__ = ["read_rows", "read_shard", "write_shard"]

_FORMAT = 1
_METRICS = ("rmse", "psnr", "ssim")
_FACTS = ("index", "name", "label", "stage", "evaluations", "status", "note")
_ARRAYS = ("code", "latent", "labels", "label_weights", "image", "observation")


def write_shard(file: BinaryIO, results: Sequence[ImageResult]) -> None:
    """Writes results as one shard.

    Args:
      file: open for writing.
      results: at least one; within a stage, all codes have one shape, all latents too, and so on.

    Raises:
      ValueError: if they have not.
      OSError: if the file system refuses.
    """
    rows: list[dict] = []
    stacks: dict[str, list[np.ndarray]] = {}
    targets: dict[int, int] = {}
    for result in results:
        row = {fact: getattr(result, fact) for fact in _FACTS}
        for field in _ARRAYS:
            value = getattr(result, field)
            if value is None:
                continue
            stack = stacks.setdefault(f"{result.stage}/{field}", [])
            row[field] = len(stack)
            stack.append(to_uint8(value) if field == "image" else np.asarray(value))
        if result.target is not None:
            if result.index not in targets:
                targets[result.index] = len(targets)
                stacks.setdefault("targets", []).append(to_uint8(result.target))
            row["target"] = targets[result.index]
        rows.append(row)
    members = {key: np.stack(values) for key, values in stacks.items()}
    for metric in _METRICS:
        members[metric] = np.array([getattr(result, metric) for result in results], np.float64)
    members["rows"] = pack_json({"format": _FORMAT, "rows": rows})
    write_arrays(file, members)


def read_rows(path: Path) -> list[ImageResult]:
    """Reads what a shard says about its images, without codes and pictures.

    Raises:
      UserError: if the file is damaged or not a shard.
    """
    with checked_arrays(path, _damaged) as get:
        return [result for result, _ in _facts(get)]


def read_shard(path: Path, wanted: Collection[int] | None = None) -> Iterator[ImageResult]:
    """Reads whole results; memory holds one shard.

    Args:
      path: the shard.
      wanted: indices of images to read, by default all; a shard with none of them costs no more
        than its rows.

    Yields:
      The results in the order in which they were added, pictures as float32 rounded to 8 bits.

    Raises:
      UserError: if the file is damaged or not a shard.
    """
    with checked_arrays(path, _damaged) as get:
        facts = [
            (result, row) for result, row in _facts(get) if wanted is None or result.index in wanted
        ]
        found = []
        for result, row in facts:
            arrays = {
                field: get(f"{result.stage}/{field}")[row[field]]
                for field in _ARRAYS
                if field in row
            }
            if "target" in row:
                arrays["target"] = get("targets")[row["target"]]
            found.append((result, arrays))
    for result, arrays in found:
        for field in ("image", "target"):
            if field in arrays:
                arrays[field] = to_float(arrays[field])
        yield dataclasses.replace(result, **arrays)


def _facts(get: CheckedArrays) -> list[tuple[ImageResult, dict]]:
    meta = unpack_json(get("rows"))
    if meta["format"] != _FORMAT:
        raise ValueError(f"its format is {meta['format']}, this version of tfinv reads {_FORMAT}")
    metrics = [get(metric) for metric in _METRICS]
    return [
        (
            ImageResult(
                **{fact: row[fact] for fact in _FACTS},
                **{m: float(values[i]) for m, values in zip(_METRICS, metrics, strict=True)},
            ),
            row,
        )
        for i, row in enumerate(meta["rows"])
    ]


def _damaged(path: Path, why: str) -> UserError:
    return UserError(
        f"{path}: the shard is damaged ({why}); delete it and run the command again, "
        "and only its images are done again"
    )
