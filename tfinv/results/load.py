"""Stored results for Python users, and for commands that start from an earlier run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfinv.errors import UserError
from tfinv.results.record import ImageResult
from tfinv.results.shards import read_rows, read_shard
from tfinv.results.store import shard_paths

__all__ = ["StoredResults", "iterate_results", "load_results"]


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
    failed: dict[str, str]


def iterate_results(output_dir: str | Path) -> Iterator[ImageResult]:
    """Streams every stored result, all stages; memory holds one shard.

    Args:
      output_dir: the folder of a run, finished or not.

    Raises:
      UserError: if it is no such folder, or a shard in it is damaged.
    """
    for path in _shards(output_dir):
        yield from read_shard(path)


def load_results(output_dir: str | Path, stage: str | None = None) -> StoredResults:
    """Reads all results of one stage into memory; see `iterate_results` for more than fit.

    Args:
      output_dir: the folder of a run, finished or not.
      stage: by default the last one.

    Returns:
      The images with a code; those without are named in `failed`.

    Raises:
      UserError: if there is no such folder or stage, no image has a code, or a shard is damaged.
    """
    paths = _shards(output_dir)
    # The rows alone say which stages there are, so that the arrays of only one are held.
    rows = [row for path in paths for row in read_rows(path)]
    stages = list(dict.fromkeys(row.stage for row in rows if not row.failed))
    if stage is None and stages:
        stage = stages[-1]
    if stage not in stages:
        there = ", ".join(stages) or "none; every image failed"
        raise UserError(f"{output_dir}: no results of stage {stage!r}; its stages: {there}")
    found = [
        result
        for path in paths
        for result in read_shard(path)
        if result.stage == stage and result.code is not None
    ]
    found.sort(key=lambda result: result.index)
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
        failed={row.name: row.status for row in rows if row.failed and row.index not in have},
    )


def _shards(output_dir: str | Path) -> list[Path]:
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
