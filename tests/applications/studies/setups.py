"""Small studies: the tiny generator, a few pictures, a few evaluations."""

from __future__ import annotations

import functools

from generators import tiny

from tfinv.applications.studies.study import Options, PictureSet, Setup, gather

COUNT, EVALUATIONS = 3, 40


@functools.cache
def pictures(conditional: bool = False, kind: str = "sample", count: int = COUNT) -> PictureSet:
    generator = tiny.loaded(conditional)
    return gather(generator, [f"{kind}:{count}"], count, name=f"{kind}s")


def setup(conditional: bool = False, sets=None, network=None, **options) -> Setup:
    """A setup; options as those of `Options`."""
    given = {"solver": "adam", "max_evaluations": EVALUATIONS, "batch_size": COUNT, **options}
    if sets is None:
        one = pictures(conditional)
        sets = {one.name: one}
    return Setup(tiny.loaded(conditional), sets, Options(**given), network)


def quiet(stage, state) -> None:
    """Progress that nobody watches."""
