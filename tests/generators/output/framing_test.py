"""Measuring a range: what large pictures cost, and that little of them tells as much."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest

from tfinv.generators.output import framing
from tfinv.generators.output.border import RANGES, range_of_samples

LARGE, MIB = (1024, 1024, 3), 2**20


@pytest.mark.parametrize("name", RANGES)
def test_a_hundred_large_pictures_are_never_held_together(name):
    low, high = RANGES[name]
    drawn = []

    def draw(picks):
        """Smooth pictures, a few of them dark, with black and white in corners."""
        drawn.extend(picks)
        assert len(picks) == 1  # of this size, a batch's activations would be many times as large
        ramp = np.linspace(0, 1, LARGE[0], dtype=np.float32) ** (1 + picks[0] % 3)
        picture = np.broadcast_to(ramp[:, None, None], LARGE)
        return (picture * (high - low) + low)[None]

    tracemalloc.start()
    try:
        assert framing.measure_range(draw, np.prod(LARGE)) == name
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert drawn == list(range(framing.SAMPLES))
    assert peak < 120 * MIB  # one picture is 12 MiB, all of them are 1,200


def test_small_pictures_are_looked_at_whole_and_drawn_together():
    rng = np.random.default_rng(0)
    pictures = rng.random((framing.SAMPLES, 4, 5, 3)).astype(np.float32)
    pictures[::50] = -9.0  # two of a hundred: just enough for a percentile to see
    batches = []

    def draw(picks):
        batches.append(len(picks))
        return pictures[list(picks)]

    assert framing.measure_range(draw, 60) == range_of_samples(pictures) == "-1,1"
    assert batches == [20] * 5


def test_no_channel_or_column_is_overlooked():
    """One channel of three goes down to -1, or one column of eight."""
    for axis, step in ((2, 3), (1, 8)):
        picture = np.full((256, 256, 3), 0.5, np.float32)
        index = [slice(None)] * 3
        index[axis] = slice(0, None, step)
        picture[tuple(index)] = -1.0
        drawn = np.broadcast_to(picture, (framing.SAMPLES, *picture.shape))
        found = framing.measure_range(lambda picks, d=drawn: d[list(picks)], picture.size)
        assert found == "-1,1"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
