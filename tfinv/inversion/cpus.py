"""How many logical CPU devices are asked for: known before TensorFlow, which makes them, is."""

from __future__ import annotations

import re

__all__ = ["count_cpus"]

_CPUS = re.compile(r"cpu:([1-9][0-9]?)", re.IGNORECASE)


def count_cpus(wanted: str) -> int | None:
    """The number in "cpu:4", in capitals or not; None for other devices."""
    match = _CPUS.fullmatch(wanted)
    return None if match is None else int(match[1])
