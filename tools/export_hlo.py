"""Writes the compiled loop of an inversion as StableHLO, with its inputs, to be run elsewhere.

    python tools/export_hlo.py --generator=dcgan_cifar10 --batch_size=32 --output_dir=loop
    python tools/run_hlo.py --loop=loop

OUTPUT_DIR holds loop.mlir (StableHLO text), loop.hlo.pb (the same as a serialised HloModuleProto),
inputs.npz and outputs.npz (the program's parameters and results, in their order: p00000, p00001
...), and loop.json. One call of the program makes a few dozen steps of every image: solver state
in, solver state out, and the weights are parameters too. Nothing in it calls the host; if anything
did, this tool would say so and write nothing.

Where no TensorFlow runs on an accelerator, any PJRT client does: tools/run_hlo.py uses JAX's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from absl import flags
from folders import check_new, make

from tfinv.commands import generator_flags
from tfinv.commands.main import import_tensorflow, run_main
from tfinv.errors import UserError

_LAYER = flags.DEFINE_string("layer", "dense", "Where to cut.")
_SOLVER = flags.DEFINE_string("solver", "lbfgs", "lbfgs or adam.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Pictures at once.", lower_bound=1)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write; it may not exist yet.")

_ENDLESS = 1_000_000_000  # evaluations: no image reaches its budget


def main(argv: list[str]) -> int:
    """Compiles, runs once, writes, says what it is."""
    del argv
    output = Path(_OUTPUT_DIR.value)
    check_new(output)
    import_tensorflow()
    import numpy as np
    import tensorflow as tf
    from bench.loop import export_loop, host_calls
    from bench.plain import Plain

    from tfinv.inversion.loop import CompiledStage
    from tfinv.inversion.losses import Loss
    from tfinv.inversion.solvers import SOLVERS
    from tfinv.inversion.stages import Batch, Stage

    if _SOLVER.value not in SOLVERS:
        raise UserError(f"solver {_SOLVER.value!r} is not known: it is one of {', '.join(SOLVERS)}")
    generator = generator_flags.load_flagged_generator()
    split = generator.split(_LAYER.value)
    count = _BATCH_SIZE.value
    latents, others = (generator.sample_latents(count, seed) for seed in (1, 2))
    labels = generator.sample_labels(count, seed=1)
    code = split.g1(latents, labels)
    solver = SOLVERS[_SOLVER.value](max_evaluations=_ENDLESS)
    stage = CompiledStage(Stage(_LAYER.value, Loss.parse("mse"), solver), split)
    batch = Batch(generator(others, labels), tf.constant(latents), labels, code, anchor=code)
    loop = export_loop(stage, batch)
    calls = host_calls(loop.stablehlo)
    if calls:
        raise UserError(f"the loop calls its host ({', '.join(calls)}): it cannot run elsewhere")
    gflop = Plain(generator, split).described(latents, labels).gflop()
    about = {
        "generator": _named(generator.path),
        "layer": _LAYER.value,
        "solver": _SOLVER.value,
        "batch": count,
        "steps": loop.steps,
        "gflop": gflop * count * loop.steps,
        "tensorflow": tf.__version__,
    }
    make(output)
    (output / "loop.mlir").write_text(loop.stablehlo, "utf-8")
    (output / "loop.hlo.pb").write_bytes(loop.hlo)
    for name, arrays in (("inputs", loop.inputs), ("outputs", loop.outputs)):
        np.savez(output / f"{name}.npz", **{f"p{k:05}": v for k, v in enumerate(arrays)})
    (output / "loop.json").write_text(json.dumps(about, indent=1), "utf-8")
    print(
        f"{output}: {loop.steps} steps of {count} pictures, {about['gflop']:.3g} GFLOP, "
        f"{len(loop.inputs)} inputs; no host call"
    )
    return 0


def _named(path: str) -> str:
    return Path(path).name  # where it lay on this machine is nobody's business


if __name__ == "__main__":
    flags.mark_flags_as_required(["generator", "output_dir"])
    sys.exit(run_main(main))
