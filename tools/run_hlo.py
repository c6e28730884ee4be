"""Runs a loop that tools/export_hlo.py wrote, by JAX's PJRT client, on whatever device JAX has.

    pip install jax            # or jax[cuda12], or jax[tpu]; no TensorFlow and no tfinv is needed
    python run_hlo.py --loop=loop

It checks the results against those that TensorFlow had, and prints milliseconds a step and TFLOP/s.
JAX serves as a door to the device only: the program is the one in the file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

_EXPLANATION = __doc__.partition("\n\n")[0]


def main() -> int:
    """Compiles, runs, compares, times."""
    parser = argparse.ArgumentParser(description=_EXPLANATION)
    parser.add_argument("--loop", required=True, help="folder that tools/export_hlo.py wrote")
    parser.add_argument("--calls", type=int, default=5, help="how often to time it")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="relative, of the losses")
    flags = parser.parse_args()
    folder = Path(flags.loop)
    if flags.calls < 1 or not (folder / "loop.json").is_file():
        print(
            "error: --loop is a folder of tools/export_hlo.py, --calls at least 1", file=sys.stderr
        )
        return 2
    import jax
    import numpy as np

    about = json.loads((folder / "loop.json").read_text("utf-8"))
    inputs, outputs = (_arrays(np.load(folder / f"{n}.npz")) for n in ("inputs", "outputs"))
    device = jax.devices()[0]
    begun = time.perf_counter()
    program = _compiled((folder / "loop.mlir").read_text("utf-8"), device)
    given = [jax.device_put(value, device) for value in inputs]
    found = _call(program, given)
    first = time.perf_counter() - begun
    seconds = []
    for _ in range(flags.calls):
        begun = time.perf_counter()
        _call(program, given)
        seconds.append(time.perf_counter() - begun)
    took = float(np.median(seconds))
    print(f"{about['generator']}, layer {about['layer']}, batch {about['batch']}, {device}")
    print(f"first call, compiled: {first:.1f} s")
    print(f"{1e3 * took / about['steps']:.3g} ms a step, {about['gflop'] / took / 1e3:.3g} TFLOP/s")
    worst = max(
        float(np.abs(a.astype(np.float64) - b).max() / max(np.abs(b).max(), 1e-30))
        for a, b in zip(found, outputs, strict=True)
        if a.dtype.kind == "f" and a.ndim == 1 and np.isfinite(b).all()
    )
    print(f"largest relative difference of what is kept for each image: {worst:.2g}")
    return 0 if worst <= flags.tolerance else 1


def _compiled(text: str, device):
    """The program, loaded on one device."""
    from jaxlib import xla_client

    options = xla_client.CompileOptions()
    options.num_replicas = options.num_partitions = 1
    devices = xla_client.DeviceList((device,))
    return device.client.compile_and_load(text, devices, options)


def _call(program, given: list) -> list:
    """One call, waited for; the results on the host."""
    import numpy as np

    results = program.execute_sharded(given).disassemble_into_single_device_arrays()
    for [result] in results:
        result.block_until_ready()
    return [np.asarray(result) for [result] in results]


def _arrays(stored) -> list:
    return [stored[name] for name in sorted(stored.files)]


if __name__ == "__main__":
    sys.exit(main())
