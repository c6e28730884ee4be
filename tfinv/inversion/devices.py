"""Which devices of this machine a run uses: each has stages and images of its own."""

from __future__ import annotations

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.inversion.cpus import count_cpus

__all__ = ["AUTO", "find_devices"]

AUTO = "auto"


def find_devices(wanted: str = AUTO) -> tuple[str, ...]:
    """The names of devices, as `tf.device` takes them.

    Args:
      wanted: "auto" for all GPUs, or all cores of a TPU, or else the CPU; "cpu", "gpu" or "tpu" for
        all of a kind; "cpu:2" for two logical CPU devices, which somebody must have made before
        TensorFlow was first used; or names such as "gpu:0+gpu:2".

    Raises:
      UserError: if there is no such device.
    """
    if wanted == AUTO:
        return _tpu_cores() or _logical("GPU") or _logical("CPU")[:1]
    if (cpus := count_cpus(wanted)) is not None:
        wanted = "+".join(f"cpu:{k}" for k in range(cpus))
    found: list[str] = []
    for name in wanted.lower().split("+"):
        kind = name.partition(":")[0]
        if kind == "tpu":
            _tpu_cores()
        there = _logical(kind.upper()) if kind in ("cpu", "gpu", "tpu") else ()
        named = [device for device in there if name in (kind, device.lower().lstrip("/"))]
        if not named:
            every = ", ".join(device.lstrip("/").lower() for device in _every())
            raise UserError(f"device {name!r} is not here: there are {every}")
        found += named
    return tuple(dict.fromkeys(found))


def _logical(kind: str) -> tuple[str, ...]:
    return tuple(f"/{kind}:{k}" for k in range(len(tf.config.list_logical_devices(kind))))


def _every() -> tuple[str, ...]:
    return tuple(name for kind in ("CPU", "GPU", "TPU") for name in _logical(kind))


def _tpu_cores() -> tuple[str, ...]:
    """The cores of a local TPU, which must be woken before they are devices."""
    if tf.config.list_physical_devices("TPU") and not _logical("TPU"):
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
        tf.tpu.experimental.initialize_tpu_system(resolver)
    return _logical("TPU")
