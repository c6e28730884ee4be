"""The flag that names a generator and batch sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tfinv.errors import UserError

__all__ = ["Case", "parse_case"]


@dataclass(frozen=True)
class Case:
    """A generator and batch sizes.

    Attributes:
      generator: as for --generator, or "biggan:WIDTH" for a stand-in of BigGAN-128.
      batches: images at once.
    """

    generator: str
    batches: tuple[int, ...]


def parse_case(text: str) -> Case:
    """Reads GENERATOR@BATCH,BATCH.

    Raises:
      UserError: if it is something else.
    """
    found = re.fullmatch(r"(?P<generator>.+)@(?P<batches>[1-9]\d*(,[1-9]\d*)*)", text)
    if found is None:
        raise UserError(f"case {text!r} is not understood: write GENERATOR@1,8,32")
    return Case(found["generator"], tuple(int(b) for b in found["batches"].split(",")))
