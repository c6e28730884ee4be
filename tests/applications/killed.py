"""A process that inverts samples of the tiny generator, to be killed at any moment."""

from __future__ import annotations

import sys

import tfinv
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.pictures import read_pictures
from tfinv.results.store import Store


def invert(folder: str, generator, count: int, devices=(None,), save_every=0.2, **options) -> None:
    """Inverts, or goes on; easy and hard pictures are mixed."""
    inverter = tfinv.Inverter(generator, max_evaluations=(40, 80), restarts=1, batch_size=8)
    specs = [f"sample:{count // 2}", f"noise:{count // 2}"]
    with Store(folder, config_text="--seed=0") as store:
        pictures = read_pictures(generator, specs, is_done=store.is_finished)
        print("begins", flush=True)
        options = {"devices": devices, "save_every": save_every, **options}
        invert_pictures(inverter, pictures, store, **options)


if __name__ == "__main__":
    from tfinv.generators.load import load_generator

    invert(sys.argv[1], load_generator(sys.argv[2]), int(sys.argv[3]))
