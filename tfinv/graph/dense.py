"""The first dense layer of a generator, found by what the graph does and not by its names.

z --- split --- MatMul --- bias --- Reshape --+-- norm, ReLU, conv ... --+--- picture
        |                                     |                          |
        |                                     +------- shortcut ---------+
        +------ MatMul --- gain of a norm (not the trunk)

                                        ^ the cut: after the last linear step,
                                          before anything that branches
"""

from __future__ import annotations

import math

from tfinv.errors import UserError
from tfinv.graph import ops, walk
from tfinv.graph.plan import Step
from tfinv.graph.structure import ELEMENTWISE, PRODUCTS, Structure

__all__ = ["first_dense_tensor", "require_dense_tensor"]

# What may stand between the latent and its first matrix product, besides arithmetic: taking a part
# of it, joining a label to it, rearranging it.
_JOINING = {"Split", "SplitV", "StridedSlice", "Slice", "Concat", "ConcatV2", "GatherV2"}
_ARRANGING = {"Pack", "Unpack", "Pad", "PadV2", "Tile", "Reshape", "Transpose", "Squeeze"}
_PLAIN = {"ExpandDims", "Cast", "StopGradient", "IdentityN", "BiasAdd", "Neg"}
_PASSING = _JOINING | _ARRANGING | _PLAIN | ELEMENTWISE


def first_dense_tensor(structure: Structure) -> str | None:
    """Returns the tensor to cut at for "the first dense layer", or None if there is none.

    It starts at the first matrix product of the latent, or of a part of it, on the trunk that the
    picture grows from: what is broadcast over something larger, such as the gain of a conditional
    batch norm, is not on it. A convolution of a 1x1 image is a matrix product too. From there it
    goes on through bias, frozen batch norm, reshape and transpose, to the last tensor before
    anything that is not linear, that depends on another input, or that branches.
    """
    trunk = walk.ancestors(_trunk_reads(structure), [structure.output])
    still_latent = {structure.latent}
    products: list[Step] = []
    for step in structure.steps:
        grows_from = structure.trunk_inputs(step)
        if not grows_from or not still_latent.issuperset(grows_from):
            continue
        if not trunk.intersection(step.outputs):
            continue
        if _is_dense(structure, step):
            products.append(step)
        elif step.node.op in _PASSING:
            still_latent.update(step.outputs)
    if not products:
        return None
    # Where several parts of the latent enter the trunk, the picture grows from the one that has
    # the longest way to go; the first of equals.
    depth = _depths(structure)
    start = max(products, key=lambda step: depth.get(step.outputs[0], 0))
    return structure.end_of_stage(start.outputs[0])


def require_dense_tensor(structure: Structure, path: str) -> str:
    """Returns `first_dense_tensor`, or says that there is none and what to do.

    Raises:
      UserError: the generator has no dense layer.
    """
    found = first_dense_tensor(structure)
    if found is None:
        raise UserError(
            f"{path}: this generator has no dense layer: its picture does not grow from a matrix "
            f"product of {structure.latent!r} (a nonlinear step comes first, or it is only read "
            "as styles); give --stages=latent, or a layer with --layer (python -m tfinv.inspect "
            "lists them)"
        )
    return found


def _trunk_reads(structure: Structure):
    producer = {name: step for step in structure.steps for name in step.outputs}

    def reads(name: str) -> list[str]:
        return structure.trunk_inputs(producer[name]) if name in producer else []

    return reads


def _is_dense(structure: Structure, step: Step) -> bool:
    if step.node.op not in PRODUCTS:
        return False
    operand = PRODUCTS[step.node.op]
    if operand is None:
        others = [t for t in step.inputs if t not in structure.carried(step)]
        return len(others) == 1 and structure.is_constant(others[0])
    shape, filters = structure.shapes.get(step.inputs[operand]), step.inputs[1]
    if shape is None or not structure.is_constant(filters):
        return False
    channels_first = ops.attribute(step.node, "data_format").startswith("NC")
    return math.prod(shape[1:] if channels_first else shape[:-1]) == 1


def _depths(structure: Structure) -> dict[str, int]:
    """Returns, for each tensor, the number of matrix products on the longest way to the output."""
    depth: dict[str, int] = {}
    for step in reversed(structure.steps):
        own = max((depth.get(name, 0) for name in step.outputs), default=0)
        own += step.node.op in PRODUCTS
        for tensor in structure.trunk_inputs(step):
            depth[tensor] = max(depth.get(tensor, 0), own)
    return depth
