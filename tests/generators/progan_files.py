"""ProGAN files such as their authors' code writes, with random weights and few maps."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from graph import exports

from tfinv.errors import UserError
from tfinv.generators.load import load_generator
from tfinv.networks import progan
from tfinv.networks.progan_settings import (
    Settings,
    discriminator_shapes,
    generator_shapes,
    random_arrays,
)

SMALL = {"num_channels": 3, "resolution": 16, "fmap_base": 64, "fmap_max": 8}
"""Static arguments of a network of 16x16 pixels: latents of 8, maps 8, 8, 8."""

# The authors' pickles say which code is to be run; ours must see that it is not.
SOURCE = "raise SystemExit('the pickle was executed')"


@contextlib.contextmanager
def classes(*full_names: str) -> Iterator[list[type]]:
    """Classes of modules that do not exist, for as long as they are pickled."""

    def getstate(self):
        return self.state

    made, before = [], dict(sys.modules)
    for full in full_names:
        module, name = full.rsplit(".", 1)
        cls = type(name, (), {"__module__": module, "__getstate__": getstate})
        parts = module.split(".")
        for k in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:k]), types.ModuleType(parts[k - 1]))
        setattr(sys.modules[module], name, cls)
        made.append(cls)
    try:
        yield made
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]


def network(cls: type, state: dict) -> Any:
    """An object of a class with this state."""
    made = cls()
    made.state = state
    return made


def arrays(kind: str, kwargs: dict[str, Any], seed: int, lod: float = 0.0) -> dict:
    """Random weights and biases."""
    known = {k: v for k, v in kwargs.items() if k in Settings.__dataclass_fields__}
    shapes = (generator_shapes if kind == "G_paper" else discriminator_shapes)(Settings(**known))
    made = random_arrays(shapes, seed)
    rng = np.random.default_rng([seed, 1])
    for name, value in made.items():
        if name.endswith("bias"):
            made[name] = rng.normal(size=value.shape).astype(np.float32) / 4
    return {**made, "lod": np.float32(lod)}


def state(kind: str, kwargs: dict[str, Any], weights: dict, name: str = "G") -> dict[str, Any]:
    """What tfutil.Network writes of itself."""
    return {
        "version": 2,
        "name": name,
        "static_kwargs": kwargs,
        "build_module_src": SOURCE,
        "build_func_name": kind,
        "variables": list(weights.items()),
    }


def write(
    path,
    kwargs: dict | None = None,
    *,
    lod: float = 0.0,
    protocol: int = 4,
    contrast: float = 1.0,
) -> str:
    """Writes (G, D, Gs); Gs has the seed 2, D the seed 1.

    With random weights pictures leave [-1, 1]; a contrast of 0.2 keeps them in it.
    """
    kwargs = {**SMALL, **(kwargs or {})}
    with classes("tfutil.Network") as [cls]:
        parts = []
        for seed, (kind, name) in enumerate(
            (("G_paper", "G"), ("D_paper", "D"), ("G_paper", "Gs"))
        ):
            weights = arrays(kind, kwargs, seed, lod)
            weights.update({k: contrast * v for k, v in weights.items() if "ToRGB" in k})
            parts.append(network(cls, state(kind, kwargs, weights, name)))
        with open(path, "wb") as file:
            pickle.dump(tuple(parts), file, protocol)
    return str(path)


def write_hub_module(
    path, key: str, *, clipped: bool, lod: float = 0.0
) -> tuple[str, np.ndarray, np.ndarray]:
    """Writes a TF1-Hub module such as google/progan-128/1.

    Args:
      path: folder to write.
      key: of the one input, whose placeholder is called latent_vector.
      clipped: whether pictures are clipped to [0, 1] rather than just scaled.
      lod: as for `progan.generator`.

    Returns:
      The path; two latents; and the module's pictures of them, by a Session.
    """
    settings = Settings(num_channels=3, resolution=128, fmap_base=256, fmap_max=4)
    values = arrays("G_paper", dataclasses.asdict(settings), 0)
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        z = v1.placeholder(tf.float32, [None, settings.latent], "latent_vector")
        with v1.variable_scope("generator"):
            weights = {
                name: v1.get_variable(name, initializer=value, use_resource=False)
                for name, value in values.items()
            }
        images = tf.transpose(progan.generator(settings, weights, z, lod=lod), [0, 2, 3, 1])
        images = images / 8 + 0.5
        images = tf.clip_by_value(images, 0.0, 1.0) if clipped else images
        session.run(v1.global_variables_initializer())
        latents = np.random.default_rng(0).standard_normal((2, settings.latent), np.float32)
        drawn = session.run(images, {z: latents})
        exports.save_session(path, session, {"default": ({key: z}, {"default": images})}, tags=())
    with open(os.path.join(str(path), "tfhub_module.pb"), "wb") as file:
        file.write(b"\x08\x03")
    return str(path), latents, drawn


def refused(path, *words: str, **options) -> None:
    """The file is, with one short line that holds the words."""
    with pytest.raises(UserError) as raised:
        load_generator(path, **options)
    text = str(raised.value)
    assert "\n" not in text and str(path) in text and len(text) < 500
    for word in words:
        assert word in text, text
