"""Where a stage starts: the first one anywhere, later ones with open units or where one ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.split import Split

__all__ = ["BEFORE", "STARTS", "Start", "find_start", "find_starts", "nth_seed", "stored"]

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
      keeps_latents: whether a later stage takes the code alone, so that z, which g2 may read beside
        it and delta is measured from, stays what the stage before found.
      candidates: how many proposals are made, each from a seed of its own; every image starts from
        the one with the least loss, and each costs it an evaluation.
      is_random: whether another seed is another start.
      behind: whether it is for layers behind the latent only.
      hinged: whether it is only for layers that have a hinge (see `tfinv.graph.hinge`); and images
        that the stage before has recovered go on from what it found instead.
    """

    latents: Callable[[Split, Sequence[int], int], np.ndarray]
    codes: Callable[[Split, Sequence[int], int], np.ndarray | None] = _none
    label_weights: Callable[[Split, Sequence[int], int], np.ndarray | None] = _none
    keeps_latents: bool = False
    candidates: int = 1
    is_random: bool = True
    behind: bool = False
    hinged: bool = False


def nth_seed(seed: int, number: int, purpose: int = 0) -> int:
    """The seed of the n-th proposal of a start; number 0 has the seed itself.

    The candidates of one attempt and the attempts have purposes of their own, or a candidate of the
    first attempt would be where a later attempt begins.
    """
    if number == 0:
        return seed
    return int(np.random.SeedSequence([seed, number, purpose]).generate_state(1, np.uint64)[0])


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


def _positive(split: Split, indices: Sequence[int], seed: int) -> np.ndarray:
    rows = [rng.uniform(0.0, 1.0, split.code_shape) for rng in _rows(indices, seed, 5)]
    return np.asarray(rows, np.float32)


def _open(split: Split, indices: Sequence[int], seed: int) -> np.ndarray:
    del seed
    code = split.hinge.open.reshape(split.code_shape)
    return np.broadcast_to(code, (len(indices), *split.code_shape))


STARTS: dict[str, Start] = {
    "prior": Start(_prior),
    "small": Start(_small),
    "positive": Start(_prior, _positive, keeps_latents=True, behind=True),
    "open": Start(_prior, _open, keeps_latents=True, is_random=False, behind=True, hinged=True),
    "generated": Start(_prior, keeps_latents=True),
}
"""`prior`: z from N(0, I), and the code that it has. `small`: z within 0.001 of 0. `positive`: a
code from U(0, 1), so that every ReLU right behind the layer is open ("full activation", thesis,
section 4.7). `open`: the same with no chance in it, and on the scale of the generator: every unit
as far open as open units are on average in what the generator draws itself; but an image that the
stage before has recovered (RMSE below 0.02) goes on from there. `generated`: the code
of a fresh z from N(0, I), which is the distribution that the generator was trained on at this layer
(section 4.6).
"""

BEFORE = Start(_none, is_random=False)
"""`before`: what the stage before found, carried on to this layer (section 4.7)."""

_BEFORE, _BEST = "before", "best"


def find_start(name: str) -> Start:
    """Looks a start up by name, one of `STARTS`, "before", or "best:N" for the best of N priors.

    Raises:
      UserError: for other names; it lists these.
    """
    kind, _, count = name.partition(":")
    if kind == _BEST and count.isdecimal() and int(count) > 1:
        return dataclasses.replace(STARTS["prior"], candidates=int(count))
    if kind == _BEST:
        raise UserError(f"start {name!r} is not understood: write best:8 for the best of 8 priors")
    if name == _BEFORE:
        return BEFORE
    if name not in STARTS:
        raise UserError(
            f"start {name!r} is not known: it is one of {', '.join(STARTS)}, {_BEFORE}, {_BEST}:N, "
            "or what tfinv.inversion.starts.stored returns"
        )
    return STARTS[name]


def find_starts(
    starts: str | Start | Sequence[str | Start],
    splits: Sequence[Split],
    restarts: int,
    rests: Sequence[bool],
) -> list[Start]:
    """The starts of all stages.

    Args:
      starts: one for the first stage, the others being `BEFORE`, but "open" for one that follows
        the latent and whose closed units rest; or one for each.
      splits: of the stages.
      rests: of the stages, whether closed units rest at their hinge there.
      restarts: how often the first one may be made again.

    Raises:
      UserError: if a name is unknown, or a start does not fit its stage or the restarts.
    """
    given = [starts] if isinstance(starts, (str, Start)) else list(starts)
    found = [start if isinstance(start, Start) else find_start(start) for start in given]
    if len(found) == 1:
        # What z reaches leaves most units closed. Behind another layer's codes little is to be won.
        opens = [a.is_latent and at_hinge for a, at_hinge in zip(splits, rests[1:], strict=False)]
        found += [STARTS["open"] if starts_open else BEFORE for starts_open in opens]
    if len(found) != len(splits):
        raise UserError(
            f"{len(found)} starts do not fit {len(splits)} stages: give one for the first, or one "
            "each"
        )
    if found[0] is BEFORE:
        raise UserError(f"the first stage cannot start from {_BEFORE}: choose prior, for example")
    if any(start.behind and split.is_latent for start, split in zip(found, splits, strict=True)):
        raise UserError(
            "the starts positive and open open the units behind a layer, and latent has none right "
            "behind: choose small or prior there"
        )
    for start, split in zip(found, splits, strict=True):
        if start.hinged and split.hinge is None:
            raise UserError(
                f"the start open is for layers that a ReLU alone reads, which {split.layer.name} "
                "is not: choose before, generated or positive there"
            )
    if restarts < 0:
        raise UserError(f"{restarts} restarts are too few: it is 0 or more")
    if restarts and not found[0].is_random:
        raise UserError(
            "restarts need another start each time, and stored codes or open units are always the "
            "same: drop one"
        )
    return found


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

    return Start(pick_latents, pick_codes, pick_weights, is_random=False)
