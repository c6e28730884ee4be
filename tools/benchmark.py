"""Times a step of this engine beside other ways to invert the same generator, in one run.

    python tools/benchmark.py --torch_python=torchenv/bin/python --output_dir=benchmark

A step is one evaluation of a batch, forward and backward, and what the optimiser does with it. The
programs are: this engine; the thesis's loop (a TensorFlow 1 Session that steps Adam from Python);
eager TensorFlow with Keras's Adam; PyTorch, eager and compiled. Each runs in a process of its own
and has the same network, weights, codes and targets: their losses and gradients are compared before
anything is timed. They take turns, one working at a time, so that what disturbs the machine
disturbs all; a ratio is the median of the ratios within the rounds. Beside each turn a matrix
product is timed in the same process: the share of the peak is measured against that.

PyTorch needs an environment of its own:

    python -m venv torchenv
    torchenv/bin/pip install torch==2.13.0 numpy

With --to_rmse and --images, it also finds the evaluations that L-BFGS and Adam need to bring the
mean RMSE of photographs below a value (a run for each budget, by this engine), and multiplies them
by what a step takes in each program: nobody waits for the thesis's 30,000 slow steps.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags
from bench.case import parse_case
from bench.contestants import CONTESTANTS
from folders import make

from tfinv.commands.main import import_tensorflow, run_main
from tfinv.errors import UserError

_CASE = flags.DEFINE_multi_string(
    "case",
    ["dcgan_cifar10@1,8,32", "biggan:16@1,8", "biggan:96@1"],
    "A generator and batch sizes, GENERATOR@1,8; may be given several times. biggan:WIDTH is the "
    "stand-in of BigGAN-128 that tools/make_biggan.py writes.",
)
_LAYER = flags.DEFINE_string("layer", "dense", "Where the generators are cut.")
_PROGRAMS = flags.DEFINE_list(
    "programs",
    None,
    "Which to time, in this order: tfinv, tfinv_adam, session, eager, torch, torch_channels_last, "
    "torch_compile. By default all; those of PyTorch only with --torch_python.",
)
_TORCH_PYTHON = flags.DEFINE_string("torch_python", None, "A Python that can import torch.")
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Turns of each program.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 1.0, "Of a turn, about.", lower_bound=0.01)
_TO_RMSE = flags.DEFINE_float("to_rmse", None, "Mean RMSE to reach; needs --images.", lower_bound=0)
_IMAGES = flags.DEFINE_list("images", [], "Photographs for --to_rmse, as for tfinv.invert.")
_BUDGETS = flags.DEFINE_list(
    "budgets", ["60", "80", "100", "125", "150", "200", "250", "300"], "Of L-BFGS, rising."
)
_ADAM_BUDGETS = flags.DEFINE_list("adam_budgets", ["1000", "3000", "10000", "30000"], "Of Adam.")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for benchmark.json and benchmark.md; printed only if not given."
)


def main(argv: list[str]) -> int:
    """Times every case, prints a table for each."""
    del argv
    programs = _programs()
    budgets = {"lbfgs": _numbers("budgets"), "adam": _numbers("adam_budgets")}
    if bool(_IMAGES.value) != (_TO_RMSE.value is not None):
        raise UserError("--to_rmse and --images go together: give both or neither")
    output = None if _OUTPUT_DIR.value is None else Path(_OUTPUT_DIR.value)
    if output is not None:
        make(output, exist_ok=True)
    cases = [parse_case(text) for text in _CASE.value]
    import_tensorflow()
    report, texts = {"machine": _machine(), "cases": []}, []
    with tempfile.TemporaryDirectory() as scratch:
        for case in cases:
            for record, text in _measure(case, programs, budgets, Path(scratch)):
                report["cases"].append(record)
                texts.append(text)
                print(text, flush=True)
                if output is not None:  # what there is stays if the rest is interrupted
                    (output / "benchmark.json").write_text(json.dumps(report, indent=1), "utf-8")
                    (output / "benchmark.md").write_text("\n".join(texts), "utf-8")
    return 0


def _programs() -> list[str]:
    """The programs to time."""
    python = _TORCH_PYTHON.value
    if python is not None and shutil.which(python) is None:
        raise UserError(f"--torch_python={python} is no program")
    chosen = _PROGRAMS.value
    for name in chosen or ():
        if name not in CONTESTANTS:
            raise UserError(f"program {name!r} is not known: it is one of {', '.join(CONTESTANTS)}")
        if CONTESTANTS[name].torch and python is None:
            raise UserError(f"{name} needs --torch_python: a Python that can import torch")
    if chosen is not None:
        if python is not None and not any(CONTESTANTS[name].torch for name in chosen):
            raise UserError("--torch_python is given, but none of --programs is PyTorch's")
        return list(dict.fromkeys(chosen))
    if python is None:
        print("PyTorch is left out: --torch_python names a Python that can import it\n")
    return [name for name, entry in CONTESTANTS.items() if python or not entry.torch]


def _numbers(flag: str) -> list[int]:
    try:
        values = [int(text) for text in flags.FLAGS[flag].value]
    except ValueError:
        values = []
    if not values or values != sorted(set(values)) or values[0] < 1:
        raise UserError(f"--{flag} must be whole numbers that rise: 100,200,300")
    return values


def _machine() -> dict[str, Any]:
    import tensorflow as tf

    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
    }


def _measure(case, programs: list[str], budgets: Mapping[str, list[int]], scratch: Path):
    """Yields the record and the text of every batch size of a case."""
    from bench.cases import load, write_problem
    from bench.contest import in_turns, workers
    from bench.tables import markdown, rows

    generator = load(case, scratch)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    network = write_problem(generator, _LAYER.value, max(case.batches), folder)
    gflop = network.gflop()
    for batch in case.batches:
        with workers(programs, folder, _TORCH_PYTHON.value) as group:
            results, notes = in_turns(group, batch, _ROUNDS.value, _SECONDS.value)
        records = rows(results, batch, gflop)
        text = markdown(case.generator, _LAYER.value, batch, gflop, records)
        record: dict[str, Any] = {
            "generator": case.generator,
            "layer": _LAYER.value,
            "batch": batch,
            "gflop": gflop,
            "programs": records,
            "notes": notes,
        }
        if _TO_RMSE.value is not None and batch == max(case.batches):
            reached, more = _reach(generator, batch, budgets, records)
            record["to_rmse"], text = reached, f"{text}\n{more}"
        yield record, "\n".join([text, *(f"{note}\n" for note in notes)])


def _reach(generator, batch: int, budgets: Mapping[str, list[int]], records: list[dict[str, Any]]):
    """What --to_rmse asks for: a record and a table."""
    from bench.reach import evaluations_to, read_images
    from bench.tables import reach_table

    images = read_images(_IMAGES.value, batch, generator)
    labels = generator.sample_labels(len(images), seed=1)
    needed, errors = {}, {}
    for solver, tried in budgets.items():
        needed[solver], errors[solver] = evaluations_to(
            _TO_RMSE.value, generator, _LAYER.value, images, labels, solver=solver, budgets=tried
        )
    text = reach_table(_TO_RMSE.value, batch, needed, records)
    for solver, found in errors.items():
        listed = ", ".join(f"{rmse:.4f} at {budget}" for budget, rmse in found.items())
        text += f"\n{solver}, mean RMSE of {len(images)} images: {listed}\n"
    record = {"rmse": _TO_RMSE.value, "evaluations": needed, "errors": errors}
    return record, text


if __name__ == "__main__":
    sys.exit(run_main(main))
