"""Stored results for Python users, and for commands that start from an earlier run."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from tfinv.errors import UserError
from tfinv.results.record import ImageResult
from tfinv.results.shards import read_rows, read_shard
from tfinv.results.store import shard_paths

__all__ = ["StoredResults", "iterate_results", "load_results", "stored_shards"]


@dataclasses.dataclass(frozen=True, eq=False)
class StoredResults:
    """The results of one stage, sorted by the images' place in the run.

    Attributes:
      stage: its name.
      indices: int64 [N].
      names: N names.
      classes: N labels, None where there is none.
      codes: [N, ...], the values of the cut tensor.
      latents: [N, z_size], z as the stage left it, or None if they were not stored.
      labels: [N, ...], the images' own, or None if the generator takes none.
      label_weights: float32 [N, classes], what the generator was given in their place, or None
        unless they were optimised.
      images: float32 [N, H, W, C], in [0, 1], rounded to 8 bits.
      targets: float32 [N, H, W, C], in [0, 1], rounded to 8 bits.
      rmse: float64 [N].
      status: N texts.
      notes: N texts, what was done to each picture, such as "reduced from 600x512"; mostly "".
      failed: why, by name, for the images that have no result in this stage.
    """

    stage: str
    indices: np.ndarray
    names: list[str]
    classes: list[int | None]
    codes: np.ndarray
    latents: np.ndarray | None
    labels: np.ndarray | None
    label_weights: np.ndarray | None
    images: np.ndarray
    targets: np.ndarray
    rmse: np.ndarray
    status: list[str]
    notes: list[str]
    failed: dict[str, str]


def iterate_results(output_dir: str | Path) -> Iterator[ImageResult]:
    """Streams every stored result, all stages; memory holds one shard.

    Args:
      output_dir: the folder of a run, finished or not.

    Raises:
      UserError: if it is no such folder, or a shard in it is damaged.
    """
    for path in stored_shards(output_dir):
        yield from read_shard(path)


def load_results(
    output_dir: str | Path,
    stage: str | None = None,
    pictures: Collection[int | str] | None = None,
) -> StoredResults:
    """Reads all results of one stage into memory; see `iterate_results` for more than fit.

    Args:
      output_dir: the folder of a run, finished or not.
      stage: by default the last one.
      pictures: which images, by place in the run or by name, and in which order; by default all.

    Returns:
      The images with a code; those without are named in `failed`.

    Raises:
      UserError: if there is no such folder or stage, no image, or not one that was asked for, has a
        code there, or a shard is damaged.
    """
    paths = stored_shards(output_dir)
    # The rows alone say which stages there are, so that the arrays of only one are held.
    rows = [row for path in paths for row in read_rows(path)]
    stages = list(dict.fromkeys(row.stage for row in rows if not row.failed))
    if stage is None and stages:
        stage = stages[-1]
    if stage not in stages:
        there = ", ".join(stages) or "none; every image failed"
        raise UserError(f"{output_dir}: no results of stage {stage!r}; its stages: {there}")
    order = _places(output_dir, [row for row in rows if row.stage == stage], pictures)
    position = {index: place for place, index in enumerate(order)}
    found = [
        result
        for path in paths
        for result in read_shard(path, position)
        if result.stage == stage and result.code is not None
    ]
    found.sort(key=lambda result: position[result.index])
    have = {result.index for result in found}
    return StoredResults(
        stage=stage,
        indices=np.array([result.index for result in found], np.int64),
        names=[result.name for result in found],
        classes=[result.label for result in found],
        codes=_stack(found, "code"),
        latents=_stack(found, "latent"),
        labels=_stack(found, "labels"),
        label_weights=_stack(found, "label_weights"),
        images=_stack(found, "image"),
        targets=_stack(found, "target"),
        rmse=np.array([result.rmse for result in found]),
        status=[result.status for result in found],
        notes=[result.note for result in found],
        failed={row.name: row.status for row in rows if row.failed and row.index not in have},
    )


def _places(
    output_dir: str | Path, rows: Sequence[ImageResult], pictures: Collection[int | str] | None
) -> list[int]:
    """The places in the run of the images that are wanted."""
    if pictures is None:
        return sorted(row.index for row in rows if not row.failed)
    if not pictures:
        raise UserError(f"{output_dir}: none of its pictures is asked for: name one")
    by_place = {row.index: row for row in rows}
    by_name = {row.name: row for row in rows}
    found = []
    for wanted in pictures:
        row = by_place.get(wanted) if isinstance(wanted, int) else by_name.get(wanted)
        if row is None:
            near = difflib.get_close_matches(str(wanted), by_name, 3, 0.3) or list(by_name)[:3]
            raise UserError(
                f"{output_dir}: has no picture {wanted!r}; it has {len(rows)}, such as "
                f"{', '.join(near)}, or give their places in it, from 0"
            )
        if row.failed:
            raise UserError(f"{output_dir}: {row.name} has no code: {row.status}")
        if row.index not in found:
            found.append(row.index)
    return found


def stored_shards(output_dir: str | Path) -> list[Path]:
    """The files with results in the folder of a run, in the order in which they were written.

    Raises:
      UserError: if there is no such folder, or none in it.
    """
    folder = Path(output_dir).expanduser()
    if not os.path.isdir(folder):
        raise UserError(f"{output_dir}: no such folder; give the --output_dir of an earlier run")
    try:
        paths = shard_paths(folder)
    except OSError as error:
        raise UserError(f"{output_dir}: cannot be read: {error.strerror}") from error
    if not paths:
        raise UserError(f"{output_dir}: holds no results (no codes-*.npz)")
    return paths


def _stack(results: list[ImageResult], field: str) -> np.ndarray | None:
    values = [getattr(result, field) for result in results]
    return None if any(value is None for value in values) else np.stack(values)
