"""What is optimised: a generator, and the problem that every program is given of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.case import Case
from bench.contestants import Problem
from bench.network import Network
from bench.plain import Plain
from tfinv.generators.generator import Generator
from tfinv.generators.load import load_generator

__all__ = ["load", "write_problem"]

_REPLICA = "biggan"


def load(case: Case, scratch: Path) -> Generator:
    """Loads the generator; a stand-in is written first, into a folder of `scratch`."""
    name, _, width = case.generator.partition(":")
    if name != _REPLICA or not width.isdigit():
        return load_generator(case.generator)
    from tfinv.networks.biggan import write_biggan

    folder = scratch / f"{name}-{width}"
    if not folder.exists():
        write_biggan(str(folder), resolution=128, deep=False, ch=int(width), classes=1000, seed=0)
    return load_generator(str(folder))


def write_problem(generator: Generator, layer: str, batch: int, folder: Path) -> Network:
    """Writes what the programs read: samples of the generator, to be found from other samples."""
    split = generator.split(layer)
    latents = generator.sample_latents(batch, seed=1)
    labels = generator.sample_labels(batch, seed=1)
    targets = generator(generator.sample_latents(batch, seed=2), labels).numpy()
    codes = split.g1(latents, labels).numpy()
    problem = Problem(
        folder, generator.path, layer, np.asarray(targets, np.float32), codes, latents, labels
    )
    problem.write()
    network = Plain(generator, split).described(latents, labels)
    network.write(folder)
    return network
