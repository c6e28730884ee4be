"""Measures what inverting pictures into a generator costs on this machine.

    python tools/measure_cost.py --generator=dcgan_cifar10 --batch_size=32

It reads the generator and cuts it, then optimises samples of its own, twice: the first time XLA
compiles, the second time only the evaluations are left. Seconds are the processor's, of all its
cores together, which other programs change less than those of a clock. The flags of the generator
are those of `python -m tfinv.invert`.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass

from absl import flags

from tfinv.commands import generator_flags
from tfinv.commands.main import import_tensorflow, run_main

_LAYER = flags.DEFINE_string("layer", "dense", "Where to cut.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 4, "Pictures at once.", lower_bound=1)
_EVALUATIONS = flags.DEFINE_integer("evaluations", 8, "How many to measure.", lower_bound=1)


@dataclass(frozen=True)
class Cost:
    """What was measured; seconds of processor time.

    Attributes:
      live: operations that run at every evaluation while z is held.
      live_free: and while what is read of z behind the cut is optimised too.
      first: seconds of a first evaluation, compilation included.
      each: seconds of every further one.
    """

    live: int
    live_free: int
    first: float
    each: float


def measure(generator, layer: str, batch_size: int, evaluations: int) -> Cost:
    """Inverts a batch of samples at a layer, twice."""
    import tfinv

    labels = generator.sample_labels(batch_size, seed=1)
    images = generator(generator.sample_latents(batch_size, seed=1), labels).numpy()
    inverter = tfinv.Inverter(
        generator,
        layer,
        labels=labels,
        max_evaluations=evaluations,
        batch_size=batch_size,
    )
    seconds = []
    for _ in range(2):
        start = time.process_time()
        found = inverter.run(images.clip(0, 1))
        seconds.append(time.process_time() - start)
    each = seconds[1] / found.evaluations.max()  # a solver may be content with fewer
    nodes = [generator.split(layer, free).live_nodes for free in ((), ("latent",))]
    return Cost(*nodes, seconds[0] - seconds[1] + each, each)


def main(argv: list[str]) -> int:
    """Prints one line for each thing that takes time."""
    del argv
    import_tensorflow()
    start = time.process_time()
    generator = generator_flags.load_flagged_generator()
    generator.split(_LAYER.value)
    read = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # from KiB
    print("seconds of processor time, over all cores")
    print(f"read and cut: {read:.1f} s, {peak:.2f} GiB at most")
    cost = measure(generator, _LAYER.value, _BATCH_SIZE.value, _EVALUATIONS.value)
    print(f"live operations: {cost.live}, and {cost.live_free} with z optimised beside the code")
    print(f"first evaluation, compiled: {cost.first:.1f} s")
    print(f"each further one: {cost.each:.3f} s for a batch of {_BATCH_SIZE.value}")
    return 0


if __name__ == "__main__":
    flags.mark_flags_as_required(["generator"])
    sys.exit(run_main(main))
