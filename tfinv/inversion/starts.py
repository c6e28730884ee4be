"""Where the first stage starts; later stages start where the one before ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.split import Split

__all__ = ["STARTS", "Start", "find_start", "stored"]

_SMALL = 1e-3  # half width of the thesis's uniform start


def _none(split: Split, indices: Sequence[int], seed: int) -> None:
    del split, indices, seed


@dataclass(frozen=True)
class Start:
    """A way to propose latents and codes.

    Attributes:
      latents: (split, indices of the images, seed) to float32 [B, latent_size].
      codes: the same arguments to float32 [B, *code_shape], or None for `g1(latents)`.
      label_weights: the same arguments to float32 [B, classes], or None for the images' own labels.
    """

    latents: Callable[[Split, Sequence[int], int], np.ndarray]
    codes: Callable[[Split, Sequence[int], int], np.ndarray | None] = _none
    label_weights: Callable[[Split, Sequence[int], int], np.ndarray | None] = _none


def _rows(indices: Sequence[int], seed: int, purpose: int) -> list[np.random.Generator]:
    # One stream an image: neither the batch size nor the order of the images changes a start.
    # The purpose is last and not 0, or streams would be those of `Generator.sample_latents`, whose
    # key is shorter (NumPy takes missing numbers for 0), and a start would be the answer.
    return [np.random.default_rng([seed, index, purpose]) for index in indices]


def _prior(split: Split, indices: Sequence[int], seed: int) -> np.ndarray:
    size = split.latent_size
    rows = [rng.standard_normal(size) for rng in _rows(indices, seed, 1)]
    return np.asarray(rows, np.float32)


def _small(split: Split, indices: Sequence[int], seed: int) -> np.ndarray:
    size = split.latent_size
    rows = [rng.uniform(-_SMALL, _SMALL, size) for rng in _rows(indices, seed, 2)]
    return np.asarray(rows, np.float32)


STARTS: dict[str, Start] = {
    "prior": Start(_prior),
    "small": Start(_small),
}


def find_start(name: str) -> Start:
    """Looks a start up by name; raises UserError that lists the names."""
    if name not in STARTS:
        raise UserError(
            f"start {name!r} is not known: it is one of {', '.join(STARTS)}, or what "
            "tfinv.inversion.starts.stored returns"
        )
    return STARTS[name]


def stored(
    latents: Mapping[int, np.ndarray] | np.ndarray,
    codes: Mapping[int, np.ndarray] | np.ndarray | None = None,
    label_weights: Mapping[int, np.ndarray] | np.ndarray | None = None,
) -> Start:
    """A start from an earlier result.

    Args:
      latents: float32 [latent_size] by the image's place in the run; an array has it as its rows.
      codes: float32 [*code_shape] likewise, for the layer of the first stage; None for
        `g1(latents)`.
      label_weights: float32 [classes] likewise, of a run that optimised them; None for the images'
        own labels.
    """

    def pick(values: Any, shape: tuple[int, ...], indices: Sequence[int]) -> np.ndarray:
        try:
            rows = np.asarray([values[index] for index in indices], np.float32)
        except (KeyError, IndexError):
            raise UserError(
                "an image has no stored code to start from: give the images of the stored run, in "
                "their order"
            ) from None
        if rows.shape[1:] != tuple(shape):
            raise UserError(
                f"stored values of shape {list(rows.shape[1:])} do not fit this stage, which takes "
                f"{list(shape)}: store them at the same layer of the same generator"
            )
        return rows

    def pick_codes(split: Split, indices: Sequence[int], seed: int) -> np.ndarray | None:
        del seed
        return None if codes is None else pick(codes, split.code_shape, indices)

    def pick_weights(split: Split, indices: Sequence[int], seed: int) -> np.ndarray | None:
        del seed
        if label_weights is None:
            return None
        return pick(label_weights, (split.classes,), indices)

    def pick_latents(split: Split, indices: Sequence[int], seed: int) -> np.ndarray:
        del seed
        return pick(latents, (split.latent_size,), indices)

    return Start(pick_latents, pick_codes, pick_weights)
