"""Which tensors a generator can be cut at.

A cut is exact anywhere: the second half still reads the latent and the labels where later layers
do, so g2(g1(z), z, y) = G(z, y). What is offered is what a person would call a layer:

- the last tensor of every linear stage (a matrix product with its bias and frozen batch norm, a
  residual sum, a conditional scale and shift);
- every activation.

Left out are tensors that are not per image, steps in between, gains and biases that only steer a
larger tensor, and what is already the picture.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfinv.errors import UserError
from tfinv.graph.dense import first_dense_tensor, require_dense_tensor
from tfinv.graph.model import GraphModel
from tfinv.graph.plan import Step
from tfinv.graph.structure import ELEMENTWISE, PRODUCTS, Structure

__all__ = ["Layer", "cuttable_layers", "find_layer", "first_dense_layer"]

_RECTIFIERS = {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Maximum", "Minimum", "ClipByValue"}
_SMOOTH = {"Tanh", "Sigmoid", "Softmax", "LogSoftmax", "Softplus", "Softsign"}
_ACTIVATIONS = _RECTIFIERS | _SMOOTH


@dataclass(frozen=True)
class Layer:
    """A tensor that a generator can be cut at.

    Attributes:
      name: the tensor, "node:k".
      op: the op that makes it.
      shape: its shape without the batch dimension.
      size: how many numbers that is.
      dense: whether it is the first dense layer.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    size: int
    dense: bool


def cuttable_layers(
    model: GraphModel,
    latent: str,
    output: str,
    constants: Mapping[str, np.ndarray | float] | None = None,
) -> list[Layer]:
    """Lists the tensors on offer, in the order in which the graph computes them.

    Args:
      model: the graph.
      latent: the tensor of the latent; it is not in the list.
      output: the tensor of the picture; it is not in the list either.
      constants: values of inputs that do not change from picture to picture (a truncation).
        The inputs that are in neither place, such as labels, are taken to vary with the batch.

    Raises:
      UserError: the output does not depend on the latent, an op cannot be run, or a condition
        hangs on an input that is not among the constants.
    """
    structure = Structure(model, latent, output, constants)
    dense = first_dense_tensor(structure)
    chosen = _choose(structure)
    layers = []
    for step in structure.steps:
        for name in step.outputs:
            if name in chosen or (name and name == dense):
                shape = structure.shapes[name]
                layers.append(Layer(name, step.node.op, shape, math.prod(shape), name == dense))
    return layers


def first_dense_layer(
    model: GraphModel,
    latent: str,
    output: str,
    constants: Mapping[str, np.ndarray | float] | None = None,
) -> str:
    """Returns the tensor of the first dense layer, found by structure (see `tfinv.graph.dense`).

    It is the one that `cuttable_layers` marks with `dense=True`. Arguments as there.

    Raises:
      UserError: the generator has none; or as `cuttable_layers`.
    """
    structure = Structure(model, latent, output, constants)
    return require_dense_tensor(structure, model.path)


def find_layer(layers: Sequence[Layer], query: str) -> Layer:
    """Finds the layer that a person means.

    Args:
      layers: what `cuttable_layers` returned.
      query: a tensor "a/b/c:0", its node "a/b/c", or the end of one after a "/": "b/c".

    Raises:
      UserError: no layer, or several, fit; the message lists them, or the nearest names.
    """
    wanted = query.strip()
    exact = [layer for layer in layers if wanted in (layer.name, layer.name.removesuffix(":0"))]
    if exact:
        return exact[0]
    fitting = [
        layer
        for layer in layers
        if wanted and f"/{layer.name}".removesuffix(":0").endswith(f"/{wanted.removesuffix(':0')}")
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = _listed([layer.name for layer in fitting])
        raise UserError(f"{len(fitting)} layers are called {query!r}: {names}; give one in full")
    names = [layer.name for layer in layers]
    nearest = difflib.get_close_matches(wanted, names, n=5, cutoff=0.3) or names[:5]
    raise UserError(
        f"no layer is called {query!r}; the nearest are {_listed(nearest)}; "
        "python -m tfinv.inspect lists all"
    )


def _listed(names: Sequence[str], most: int = 8) -> str:
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def _choose(structure: Structure) -> set[str]:
    """Returns the tensors of a structure that are on offer."""
    chosen = set()
    steering = _steering(structure)
    for step in structure.steps:
        for name in structure.path.intersection(step.outputs):
            if step.node.op in _ACTIVATIONS and not _is_gate(structure, step, name):
                chosen.add(name)
            elif (end := _stage(structure, step)) is not None:
                chosen.add(end)
    return {
        name
        for name in chosen
        if name in structure.shapes and name not in steering and not structure.is_picture(name)
    }


def _stage(structure: Structure, step: Step) -> str | None:
    """Returns the end of the stage that a step begins, if it begins one that is worth a cut.

    A stage begins with a matrix product, or with a sum or product of two things of which neither
    is constant; of several such sums and scales in a row, only the last is worth it.
    """
    if step.node.op not in PRODUCTS and not _combines(structure, step):
        return None
    end = structure.end_of_stage(step.outputs[0])
    readers = structure.readers(end)
    if step.node.op in ELEMENTWISE and len(readers) == 1 and _combines(structure, readers[0]):
        return None
    return end


def _combines(structure: Structure, step: Step) -> bool:
    """Whether a step adds or multiplies two things of which neither is constant."""
    return step.node.op in ELEMENTWISE and not structure.is_linear(step)


def _is_gate(structure: Structure, step: Step, name: str) -> bool:
    """Whether an activation only multiplies something, as in x * sigmoid(x)."""
    readers = structure.readers(name)
    return step.node.op == "Sigmoid" and all(reader.node.op == "Mul" for reader in readers)


def _steering(structure: Structure) -> set[str]:
    """Returns the tensors that are gains and biases: from here on they only steer larger ones."""
    found: set[str] = set()
    for step in reversed(structure.steps):
        for name in step.outputs:
            readers = structure.readers(name) if name in structure.path else []
            if readers and all(_steers(structure, name, reader, found) for reader in readers):
                found.add(name)
    return found


def _steers(structure: Structure, name: str, reader: Step, found: set[str]) -> bool:
    if name not in structure.trunk_inputs(reader):
        return True
    if reader.node.op in PRODUCTS or reader.node.op in _ACTIVATIONS:
        return False
    return found.issuperset(structure.path.intersection(reader.outputs))
