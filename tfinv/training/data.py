"""Training pictures in memory: at 32x32 a million take 3 GB, and every batch is one gather."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from tfinv.errors import UserError
from tfinv.images.decode import decode
from tfinv.images.ranges import to_uint8
from tfinv.images.resize import fit
from tfinv.images.sources import count_images, list_images

__all__ = ["load_images"]

_SHOWN = 5  # faults that are printed one by one


def load_images(specs: Sequence[str], *, size: int) -> np.ndarray:
    """Reads all pictures, square and of one size.

    Pictures that cannot be read are left out; the first few are named on stderr, the others
    counted.

    Args:
      specs: as for `tfinv.images.sources.list_images`.
      size: wanted height and width, in pixels.

    Returns:
      uint8 [M, size, size, 3].

    Raises:
      UserError: if nothing is found or nothing can be read.
    """
    images, faults = [], []
    records = tqdm(
        list_images(specs), total=count_images(specs), desc="reading", unit="image", leave=False
    )
    for record in records:
        try:
            images.append(to_uint8(fit(decode(record.read(), record.name), size, size)[0]))
        except UserError as fault:
            faults.append(str(fault))
    for fault in faults[:_SHOWN]:
        print(f"left out: {fault}", file=sys.stderr)
    if len(faults) > _SHOWN:
        print(f"left out: {len(faults) - _SHOWN} more", file=sys.stderr)
    if not images:
        raise UserError(f"none of {len(faults)} images in {', '.join(specs)} can be read")
    return np.stack(images)
