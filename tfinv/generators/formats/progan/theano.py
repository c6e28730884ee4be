"""Networks of the first, Theano-based ProGAN, with the names and layouts of the later one.

Such a file has no names, only a list of arrays in the order of the layers. A convolution's filter
is [out, in, k, k] and turned round; where weights are scaled, the scale follows each as a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tfinv.errors import UserError
from tfinv.generators.formats.pickles.arrays import to_array
from tfinv.generators.formats.pickles.machine import shown
from tfinv.networks.progan_settings import Settings

__all__ = ["KINDS", "arrays_by_name", "modern_settings"]

KINDS = {
    "G_paper": "G_paper",
    "G_progressive_8": "G_paper",
    "D_paper": "D_paper",
    "D_progressive_8": "D_paper",
}
"""What the networks of the paper were called, and are called now."""

_DEFAULTS = {"fmap_base": 4096, "fmap_max": 256}  # where they differ from the later version's
_REQUIRED = {
    "label_size": 0,
    "use_batchnorm": False,
    "use_layernorm": False,
    "tanh_at_end": None,
    "mbstat_func": "Tstdeps",
    "mbstat_avg": "all",
    "mbdisc_kernels": None,
}
_TRAINING_ONLY = ("func", "use_gdrop")

_RELU, _LINEAR = math.sqrt(2), 1.0


def modern_settings(spec: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The arguments that the later version would be called with for the same network.

    Args:
      spec: the file's `build_func_spec`.
      what: the file and the network, for messages.

    Raises:
      UserError: the network has a part that the later version has not.
    """
    for name, value in _REQUIRED.items():
        if spec.get(name, value) != value:
            raise UserError(
                f"{what} has {name}={shown(spec[name])}, and of Theano's networks only those "
                f"with {name}={value} are read"
            )
    kept = {k: v for k, v in spec.items() if k not in (*_REQUIRED, *_TRAINING_ONLY)}
    return {**_DEFAULTS, **kept, "fused_scale": False, "mbstd_group_size": 16}


def arrays_by_name(
    kind: str, values: Any, settings: Settings, largest: int, what: str
) -> dict[str, np.ndarray]:
    """The arrays of a network by the later version's names, and as it stores them.

    Args:
      kind: "G_paper" or "D_paper".
      values: the file's `param_values`.
      settings: how the network was made; `use_wscale` says that a scale follows each weight.
      largest: numbers that the largest array may have.
      what: the file and the network, for messages.

    Raises:
      UserError: there are more or fewer arrays than the layers need, or of other ranks.
    """
    if not isinstance(values, list | tuple):
        raise UserError(f"{what} has no list of arrays; the file is damaged")
    arrays = _arrays(values, largest, what)
    layers = (_generator if kind == "G_paper" else _discriminator)(settings.stages)
    named: dict[str, np.ndarray] = {}
    try:
        for name, gain, arrange in layers:
            weight = arrange(next(arrays))
            if settings.use_wscale:  # the later version multiplies by gain / sqrt(fan_in) itself
                weight = weight * next(arrays) * math.sqrt(math.prod(weight.shape[:-1])) / gain
            named[f"{name}/weight"], named[f"{name}/bias"] = weight, next(arrays)
    except StopIteration:
        raise UserError(
            f"{what} has {len(values)} arrays, too few for its layers; the file is damaged"
        ) from None
    except (IndexError, ValueError) as error:
        raise UserError(
            f"{what}: {name} has an array of another rank ({error}); the file is damaged"
        ) from error
    if next(arrays, None) is not None:
        raise UserError(f"{what} has more arrays than its layers: it is of another kind")
    return named


def _arrays(values: Iterable[Any], largest: int, what: str) -> Iterator[np.ndarray]:
    for k, value in enumerate(values):
        array = to_array(value, f"{what}: array {k}")
        if array.size > largest:
            raise UserError(f"{what}: array {k} has {array.size} numbers, too many for any layer")
        yield array


_Layers = Iterator[tuple[str, float, Any]]


def _filter(array: np.ndarray) -> np.ndarray:
    return array.transpose(2, 3, 1, 0)[::-1, ::-1]


def _colours(array: np.ndarray) -> np.ndarray:
    return array[None, None]


def _rows(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1)


def _generator(stages: int) -> _Layers:
    yield "4x4/Dense", _RELU / 4, lambda w: _rows(w.transpose(1, 0, 2, 3))
    yield "4x4/Conv", _RELU, _filter
    for stage in range(3, stages + 1):
        yield f"{2**stage}x{2**stage}/Conv0", _RELU, _filter
        yield f"{2**stage}x{2**stage}/Conv1", _RELU, _filter
    for lod in range(stages - 1):
        yield f"ToRGB_lod{lod}", _LINEAR, _colours


def _discriminator(stages: int) -> _Layers:
    yield "FromRGB_lod0", _RELU, _colours
    for stage in range(stages, 2, -1):
        yield f"{2**stage}x{2**stage}/Conv0", _RELU, _filter
        yield f"{2**stage}x{2**stage}/Conv1", _RELU, _filter
        yield f"FromRGB_lod{stages - stage + 1}", _RELU, _colours
    yield "4x4/Conv", _RELU, _filter
    yield "4x4/Dense0", _RELU, lambda w: _rows(w[:, :, ::-1, ::-1]).T
    yield "4x4/Dense1", _LINEAR, lambda w: w
