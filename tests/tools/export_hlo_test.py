"""tools/export_hlo.py: the loop as a program, in which nothing calls the host."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from generators import tiny

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))

from bench.loop import export_loop, host_calls  # noqa: E402

from tfinv.inversion.loop import CompiledStage  # noqa: E402
from tfinv.inversion.losses import Loss  # noqa: E402
from tfinv.inversion.solvers import SOLVERS  # noqa: E402
from tfinv.inversion.stages import Batch, Stage  # noqa: E402

PLANTED = {
    "  %3 = stablehlo.custom_call @xla_ffi_python_cpu_callback(%0) : (tensor<f32>)": [
        "xla_ffi_python_cpu_callback"
    ],
    '  %o = "stablehlo.outfeed"(%0, %1) <{outfeed_config = ""}>': ["outfeed"],
    '  %c = f32[] custom-call(f32[] %x), custom_call_target="EagerPyFunc"': ["EagerPyFunc"],
    "  %s = (f32[], u32[], token[]) send(f32[] %x, token[] %t), channel_id=1": ["send"],
    "  %4 = stablehlo.add %2, %3 : tensor<f32>": [],
}


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(TOOLS / tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(("line", "calls"), PLANTED.items())
def test_a_host_call_is_seen(line, calls):
    assert host_calls(line) == calls


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("layer", "conditional"), [("dense", True), ("latent", False)])
def test_the_loop_of_every_solver_has_no_host_call(solver, layer, conditional):
    generator = tiny.loaded(conditional)
    split, labels = generator.split(layer), np.array([1, 4]) if conditional else None
    z = generator.sample_latents(2, 0)
    code = split.g1(z, labels)
    batch = Batch(generator(z, labels), z, labels, code, anchor=code)
    stage = CompiledStage(Stage(layer, Loss.parse("mse"), SOLVERS[solver]()), split)
    loop = export_loop(stage, batch)
    assert "stablehlo.while" in loop.stablehlo and host_calls(loop.stablehlo) == []
    state = stage.run(batch)  # the stage is as it was
    assert int(state.evaluations[0]) >= loop.steps > 1


def test_what_is_written(tmp_path):
    path = tiny.dcgan(tmp_path / "m")
    out = tmp_path / "loop"
    done = run("export_hlo.py", f"--generator={path}", "--batch_size=2", f"--output_dir={out}")
    assert done.returncode == 0, done.stderr
    assert "no host call" in done.stdout
    about = json.loads((out / "loop.json").read_text())
    inputs, outputs = np.load(out / "inputs.npz"), np.load(out / "outputs.npz")
    # In the order of the parameters: status and evaluations are first.
    assert not inputs["p00001"].any() and set(outputs["p00001"]) == {about["steps"]}
    declared = re.search(r"@main\((.*?)\) -> ", (out / "loop.mlir").read_text(), re.DOTALL)[1]
    assert declared.count("%arg") == len(inputs.files)
    for k, text in enumerate(re.findall(r"tensor<([^>]*)>", declared)):
        assert [int(n) for n in text.split("x")[:-1]] == list(inputs[f"p{k:05}"].shape)
    assert (out / "loop.hlo.pb").stat().st_size > 0
    again = run("export_hlo.py", f"--generator={path}", f"--output_dir={out}")
    assert again.returncode == 2 and "exists already" in again.stderr


def test_running_something_else():
    done = run("run_hlo.py", "--loop=nowhere")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
