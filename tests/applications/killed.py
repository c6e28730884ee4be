"""A process that inverts samples of the tiny generator, and kills itself where it is told to."""

from __future__ import annotations

import os
import signal
import sys

import tfinv
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.pictures import read_pictures
from tfinv.results.store import Store


def invert(
    folder: str,
    generator,
    count: int,
    devices=(None,),
    save_every=0.2,
    store: type[Store] = Store,
    **options,
) -> None:
    """Inverts, or goes on; easy and hard pictures are mixed."""
    inverter = tfinv.Inverter(generator, max_evaluations=(40, 80), restarts=1, batch_size=8)
    specs = [f"sample:{count // 2}", f"noise:{count // 2}"]
    with store(folder, config_text="--seed=0") as opened:
        pictures = read_pictures(generator, specs, is_done=opened.is_finished)
        options = {"devices": devices, "save_every": save_every, **options}
        invert_pictures(inverter, pictures, opened, **options)


class Deadly(Store):
    """Kills its process right after a state with work in it has been written so often."""

    left = 0

    def keep(self, state) -> None:
        super().keep(state)
        if state.begun.names:
            Deadly.left -= 1
            if Deadly.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    from tfinv.generators.load import load_generator

    Deadly.left = int(sys.argv[4])
    invert(sys.argv[1], load_generator(sys.argv[2]), int(sys.argv[3]), store=Deadly)
