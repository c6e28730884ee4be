"""The half of a generator behind a cut, written down plainly: steps, shapes, arrays.

No TensorFlow is needed to read it, so that a program of another framework runs the same network
with the same weights.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Network", "Step", "read_network"]


@dataclass(frozen=True)
class Step:
    """One operation of TensorFlow's, by its name there.

    Attributes:
      op: such as "Conv2D".
      inputs: names of the arrays or of the outputs of earlier steps that it reads.
      output: the name of what it makes.
      shape: of the output, without the batch.
      attributes: those that the op needs; images are NHWC.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    shape: tuple[int, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Network:
    """From a code to a picture.

    Attributes:
      steps: in the order to run them in.
      code: name of the tensor that is optimised.
      code_shape: its shape, without the batch.
      output: name of the picture, raw.
      black: the value in `output` that is 0 in an image.
      white: the value that is 1.
      arrays: constants by name.
      rows: arrays with a row for each image, by name (the gains of a conditional batch norm).
    """

    steps: tuple[Step, ...]
    code: str
    code_shape: tuple[int, ...]
    output: str
    black: float
    white: float
    arrays: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]

    def write(self, folder: Path) -> None:
        """Writes network.json, arrays.npz and rows.npz."""
        plain = dataclasses.asdict(dataclasses.replace(self, arrays={}, rows={}))
        (folder / "network.json").write_text(json.dumps(plain, indent=1), "utf-8")
        np.savez(folder / "arrays.npz", **self.arrays)
        np.savez(folder / "rows.npz", **self.rows)

    def gflop(self) -> float:
        """GFLOP of one evaluation of one image: forward, and backward to the code.

        Counted of the network as it is written: products by the zeros that a transposed convolution
        puts between pixels are not, and what a clever program saves is not taken off. The backward
        pass of a product by a constant costs as much as the forward one; of a product of two
        tensors that both depend on the code, twice as much.
        """
        shapes = {step.output: step.shape for step in self.steps}
        shapes[self.code] = self.code_shape
        return sum(self._products(step, shapes) for step in self.steps) * 2 / 1e9

    def _products(self, step: Step, shapes: Mapping[str, tuple[int, ...]]) -> float:
        """Multiplications of a step, forward and backward."""
        if step.op == "Conv2D":
            taps = self.arrays[step.inputs[1]].shape
            return 2 * math.prod(step.shape[:2]) * math.prod(taps)
        if step.op == "Conv2DBackpropInput":
            taps = self.arrays[step.inputs[1]].shape
            return 2 * math.prod(shapes[step.inputs[2]][:2]) * math.prod(taps)
        if step.op == "MatMul":
            return 2 * math.prod(self.arrays[step.inputs[1]].shape)
        if step.op in ("BatchMatMul", "BatchMatMulV2"):
            first = shapes[step.inputs[0]]
            inner = first[-2] if step.attributes["adj_x"] else first[-1]
            return 3 * math.prod(step.shape) * inner
        return 0


def read_network(folder: Path) -> Network:
    """Reads what `Network.write` wrote."""
    plain = json.loads((folder / "network.json").read_text("utf-8"))
    steps = tuple(
        Step(**{k: tuple(v) if isinstance(v, list) else v for k, v in step.items()})
        for step in plain.pop("steps")
    )
    plain["code_shape"] = tuple(plain["code_shape"])
    arrays, rows = (dict(np.load(folder / f"{name}.npz")) for name in ("arrays", "rows"))
    return Network(**{**plain, "steps": steps, "arrays": arrays, "rows": rows})
