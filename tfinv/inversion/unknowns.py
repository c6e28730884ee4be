"""What a stage optimises: the code and what is free beside it, one row of numbers an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.inputs.inputs import Labels
from tfinv.generators.split import BESIDE, LATENT, Split

__all__ = ["CODE", "PARTS", "check_freedom", "free_names", "join", "take_apart"]

CODE = "code"
PARTS = (CODE, *BESIDE)
"""What can be optimised. The code always is."""


def join(split: Split, code: tf.Tensor, latents: tf.Tensor, labels: Labels) -> tf.Tensor:
    """Puts the unknowns of a stage into rows.

    Args:
      split: says what is free.
      code: float32 [B, *code_shape].
      latents: float32 [B, latent_size].
      labels: int [B], or float [B, classes]; None if unconditional.

    Returns:
      float32 [B, D + latent_size + classes], without what is not free.
    """
    rows = [tf.reshape(code, [len(code), -1])]
    if "latent" in split.free:
        rows.append(latents)
    if "labels" in split.free:
        rows.append(split.label_weights(labels))
    return tf.concat(rows, 1) if len(rows) > 1 else rows[0]


def take_apart(split: Split, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    """The unknowns in rows of `join`, by name and flat; what is held is not there."""
    if not split.free:
        return {CODE: rows}
    names = (CODE, *split.free)
    sizes = {CODE: int(np.prod(split.code_shape)), LATENT: split.latent_size, "labels": -1}
    return dict(zip(names, tf.split(rows, [sizes[name] for name in names], axis=1), strict=True))


def free_names(optimize: Sequence[str] | None) -> tuple[str, ...]:
    """What is to be free beside the code.

    Args:
      optimize: names out of `PARTS`; None for the method of the thesis, which optimises the part of
        a hierarchical latent that is injected behind the cut together with the code (section 6.3).

    Raises:
      UserError: for names that are not known, or if the code is not among them.
    """
    if optimize is None:
        return (LATENT,)
    optimize = [optimize] if isinstance(optimize, str) else list(optimize)
    unknown = [name for name in optimize if name not in PARTS]
    if unknown:
        raise UserError(f"{unknown[0]!r} cannot be optimised: {', '.join(PARTS)} can")
    if CODE not in optimize:
        raise UserError(
            f"the code is always optimised: write optimize={','.join((CODE, *optimize))}"
        )
    return tuple(name for name in BESIDE if name in optimize)


def check_freedom(optimize: Sequence[str] | None, splits: Sequence[Split], path: str) -> None:
    """Refuses a wish that none of the cuts can fulfil.

    Args:
      optimize: as for `free_names`.
      splits: those it is meant for.
      path: of the generator.

    Raises:
      UserError: if g2 reads nothing of the kind behind any of them.
    """
    if optimize is None:
        return
    for name in free_names(optimize):
        if any(name in split.free for split in splits):
            continue
        behind = [split.layer.name for split in splits if name == "labels" or not split.is_latent]
        if not behind:
            raise UserError(f"at the layer latent the code is z itself: drop {name} from optimize")
        raise UserError(
            f"{path} reads no {name} behind {' or '.join(behind)}: drop {name} from optimize, or "
            "choose an earlier layer"
        )
