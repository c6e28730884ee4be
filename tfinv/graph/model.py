"""A generator's graph as everything above tfinv.graph sees it: flat, frozen, function-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

__all__ = ["GraphModel", "Port", "dtype_name", "split_tensor_name", "tensor_name"]

NodeDef = tf.compat.v1.NodeDef


@dataclass(frozen=True)
class Port:
    """One input or output of a model.

    Attributes:
        key: the name the signature gives it, such as "z".
        tensor: the tensor it stands for, "node:0".
        dtype: its element type.
        shape: one entry a dimension, None where unknown; None for unknown rank.
        default: the value that an input has where nothing is fed; None if it must be fed.
    """

    key: str
    tensor: str
    dtype: tf.DType
    shape: tuple[int | None, ...] | None
    default: np.ndarray | None = field(default=None, compare=False)


@dataclass(frozen=True)
class GraphModel:
    """A graph without functions, variables, control inputs or cycles, pruned to its outputs.

    Attributes:
        nodes: every node by its name, producers before consumers. An input is written "name"
            (output 0) or "name:k". Attributes that begin with "_", devices and control inputs are
            gone. Every model input is a Placeholder, whether an output reads it or not.
        weights: arrays by node name: the value of each variable and of each large constant. Such a
            node has op "Const", its "dtype" attribute and no "value" (a GraphDef over 2 GB cannot
            hold its weights), so whoever evaluates a Const asks here first.
        inputs: what the model is fed, in the order of its signature.
        outputs: what it returns, in the order of its signature.
        producer: what wrote it, for messages: "TF1-Hub module", "TF2 SavedModel", "Keras 3 file".
        path: where it was read from, as the user wrote it.
        unsized: the nodes that have an output of a size that is not known before the graph runs.
    """

    nodes: Mapping[str, NodeDef]
    weights: Mapping[str, np.ndarray]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    producer: str
    path: str
    unsized: frozenset[str] = frozenset()


def split_tensor_name(name: str) -> tuple[str, int]:
    """Splits "node:k" into the node's name and k; "node" means output 0."""
    node, colon, index = name.rpartition(":")
    return (node, int(index)) if colon else (name, 0)


def tensor_name(node: str, index: int) -> str:
    """The way GraphModel writes output `index` of `node` as an input: "node" or "node:k"."""
    return f"{node}:{index}" if index else node


def dtype_name(number: int) -> str:
    """What a message calls a dtype that a file gives as a number, which may be any."""
    try:
        return tf.as_dtype(number).name
    except TypeError:
        return "of no known type"
