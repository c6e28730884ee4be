"""The compiled loop of a stage as a program of its own: its text, its inputs, its results."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.inversion.loop import CompiledStage
from tfinv.inversion.stages import Batch

__all__ = ["Exported", "export_loop", "host_calls"]

_MAIN = re.compile(r"func\.func (?:public )?@main\((.*?)\) -> ", re.DOTALL)
_TENSOR = re.compile(r"%arg\d+: tensor<([^>]*)>")
_DTYPES = {"i1": "bool", "ui32": "uint32", "i32": "int32", "i64": "int64", "f16": "float16"}
_DTYPES |= {"f32": "float32", "f64": "float64"}

# Operations by which a program would have to wait for its host.
_HOST = re.compile(
    r"\b(?:stablehlo|mhlo)\.(infeed|outfeed|send|recv)\b|"
    r"\b(?:stablehlo|mhlo)\.custom_call\s*@([\w.$]+)|"
    r"\s(infeed|outfeed|send|recv|send-done|recv-done)\(|"
    r'custom_call_target="([^"]*)"'
)


@dataclass(frozen=True)
class Exported:
    """One call of a loop: a few dozen steps.

    Attributes:
      stablehlo: its text, with the while loop in it; the weights are inputs.
      hlo: the same as a serialised HloModuleProto.
      inputs: in the order of the program's parameters.
      outputs: what it returned here.
      steps: evaluations of every image that it made.
    """

    stablehlo: str
    hlo: bytes
    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    steps: int


def export_loop(stage: CompiledStage, batch: Batch) -> Exported:
    """Compiles the loop for a batch, runs it once, and takes it apart.

    Raises:
      UserError: if XLA cannot compile it.
    """
    loop, arguments = stage.program(batch)
    whole = tf.function(lambda *given: loop(*given), jit_compile=True, autograph=False)
    traced = whole.get_concrete_function(*arguments)
    try:
        texts = whole.experimental_get_compiler_ir(*arguments)
        stablehlo, hlo = texts(stage="stablehlo"), texts(stage="hlo_serialized")
        found = traced(*arguments)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        raise UserError(f"XLA cannot compile this loop: {error}") from error
    given = [value.numpy() for value in [*tf.nest.flatten(arguments), *traced.captured_inputs]]
    outputs = [value.numpy() for value in tf.nest.flatten(found)]
    steps = int(tf.nest.flatten(found)[1].numpy().max())  # evaluations: see SolverState
    return Exported(stablehlo, hlo, _parameters(stablehlo, given), outputs, steps)


def _parameters(stablehlo: str, given: list[np.ndarray]) -> list[np.ndarray]:
    """Those of the values that became parameters.

    XLA takes some integers, such as shapes, for constants, and does not list them.
    """
    kept, rest = [], iter(given)
    for declared in _TENSOR.findall(_MAIN.search(stablehlo)[1]):
        *sizes, kind = declared.split("x")
        wanted = (tuple(map(int, sizes)), _DTYPES[kind])
        for value in rest:
            if (value.shape, value.dtype.name) == wanted:
                kept.append(value)
                break
            if value.dtype.kind not in "iu":
                raise UserError(f"a parameter {declared} is not what the loop was given")
    return kept


def host_calls(text: str) -> list[str]:
    """What in the text of a program (StableHLO or HLO) is not computed by the device itself.

    Infeeds, outfeeds, sends, receives, and every custom call, by name: a Python callback is one.
    """
    return sorted({next(filter(None, groups)) for groups in _HOST.findall(text)})
