"""The programs that are timed: each steps the same codes towards the same targets."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

__all__ = ["CONTESTANTS", "LEAK", "LEARNING_RATE", "Contestant", "Entry", "Problem"]

LEAK = 0.1  # share of a negative gradient that a closed ReLU lets through, in all of them
LEARNING_RATE = 0.1  # of Adam, as in the thesis


@dataclass(frozen=True)
class Problem:
    """What every program is given.

    Attributes:
      folder: with the network of `bench.network`.
      generator: where the generator itself is.
      layer: where it is cut, as for `Generator.split`.
      targets: float32 [N, H, W, C] in [0, 1].
      codes: float32 [N, *code_shape], where the optimisation starts.
      latents: float32 [N, latent_size], for what is read behind the cut.
      labels: int32 [N] or None, likewise.
    """

    folder: Path
    generator: str
    layer: str
    targets: np.ndarray
    codes: np.ndarray
    latents: np.ndarray
    labels: np.ndarray | None

    def write(self) -> None:
        """Writes problem.npz into its folder."""
        rows = {k: v for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        np.savez(self.folder / "problem.npz", generator=self.generator, layer=self.layer, **rows)

    @classmethod
    def read(cls, folder: Path, batch: int) -> Problem:
        """Reads the first images of what `write` wrote."""
        stored = dict(np.load(folder / "problem.npz"))
        generator, layer = (str(stored.pop(name)) for name in ("generator", "layer"))
        stored.setdefault("labels", None)
        rows = {name: v if v is None else v[:batch] for name, v in stored.items()}
        return cls(folder, generator, layer, **rows)


class Contestant(Protocol):
    """A program that optimises a problem, made of it by the class's constructor."""

    def check(self) -> tuple[float, float]:
        """The loss at the start, summed over images, and the norm of its gradient."""

    def run(self, steps: int) -> tuple[int, float]:
        """Makes at least so many steps; returns how many, and the seconds that they took."""

    def multiply(self, size: int) -> None:
        """One product of two square float32 matrices, waited for."""


@dataclass(frozen=True)
class Entry:
    """How a contestant is found.

    Attributes:
      title: its name in tables.
      module: where its class is, imported only in its own process.
      name: of the class.
      torch: whether it runs in the Python of --torch_python.
      options: arguments of the constructor.
    """

    title: str
    module: str
    name: str
    torch: bool = False
    options: Mapping[str, object] = field(default_factory=dict)

    def make(self, problem: Problem) -> Contestant:
        """Starts the program on a problem."""
        made = getattr(importlib.import_module(self.module), self.name)
        return made(problem, **self.options)


CONTESTANTS: Mapping[str, Entry] = {
    "tfinv": Entry("tfinv, L-BFGS", "bench.tfinv_loop", "TfinvLoop", options={"solver": "lbfgs"}),
    "tfinv_adam": Entry("tfinv, Adam", "bench.tfinv_loop", "TfinvLoop", options={"solver": "adam"}),
    "session": Entry("the thesis's loop (v1 Session)", "bench.session_loop", "SessionLoop"),
    "eager": Entry("eager TensorFlow, Keras Adam", "bench.eager_loop", "EagerLoop"),
    "torch": Entry("PyTorch eager", "bench.torch_loop", "TorchLoop", torch=True),
    "torch_channels_last": Entry(
        "PyTorch eager, channels last",
        "bench.torch_loop",
        "TorchLoop",
        torch=True,
        options={"channels_last": True},
    ),
    "torch_compile": Entry(
        "PyTorch, torch.compile",
        "bench.torch_loop",
        "TorchLoop",
        torch=True,
        options={"compiled": True},
    ),
}
