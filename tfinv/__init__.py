"""tfinv: the numbers inside a trained GAN generator that draw a given picture.

generator = tfinv.load_generator("dcgan_cifar10")
result = tfinv.Inverter(generator).run(images)      # float32 [N, 32, 32, 3] in [0, 1]
result.codes, result.rmse, result.status
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfinv._version import __version__
from tfinv.errors import UserError

if TYPE_CHECKING:
    from tfinv.applications.inverted import load_inverted
    from tfinv.features.network import FeatureNetwork
    from tfinv.generators.generator import Generator
    from tfinv.generators.load import load_generator
    from tfinv.inversion.engine import Inverter
    from tfinv.inversion.result import InversionResult

__all__ = [
    "FeatureNetwork",
    "Generator",
    "InversionResult",
    "Inverter",
    "UserError",
    "__version__",
    "load_generator",
    "load_inverted",
]

# Imported when first used: TensorFlow takes seconds to import, and a wrong flag should not.
_HOMES = {
    "FeatureNetwork": "tfinv.features.network",
    "Generator": "tfinv.generators.generator",
    "InversionResult": "tfinv.inversion.result",
    "Inverter": "tfinv.inversion.engine",
    "load_generator": "tfinv.generators.load",
    "load_inverted": "tfinv.applications.inverted",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tfinv' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
