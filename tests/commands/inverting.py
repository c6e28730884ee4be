"""What tests of `python -m tfinv.invert` share: a quick run, and what is read of its folder."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from commands.running import Done, run

from tfinv.results.load import iterate_results

QUICK = ("--solver=adam", "--max_evaluations=20", "--batch_size=4")
LEFT = {
    "config.cfg",
    "contact_sheet.png",
    "events",
    "images.csv",
    "report.html",
    "run.json",
    "summary.json",
}


def inverting(saved: Mapping[str, str], folder: Path) -> Callable[..., Done]:
    """Inverts two samples of a tiny generator into `folder/out`, unless told otherwise.

    Args:
      saved: generators by name.
      folder: of the test.
    """

    def call(*more: str, generator="dcgan", images="sample:2", output_dir=None) -> Done:
        return run(
            "tfinv.invert",
            f"--generator={saved.get(generator, generator)}",
            f"--images={images}",
            f"--output_dir={output_dir or folder / 'out'}",
            *QUICK,
            *more,
        )

    return call


def rows(folder) -> list[dict[str, str]]:
    """Those of images.csv."""
    with open(folder / "images.csv", newline="") as file:
        return list(csv.DictReader(file))


def codes(folder) -> dict:
    """By image and stage, of those that did not fail."""
    return {(r.index, r.stage): r.code for r in iterate_results(folder) if not r.failed}


def same(one: dict, other: dict) -> bool:
    """Whether these are the same codes, bit for bit."""
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)
