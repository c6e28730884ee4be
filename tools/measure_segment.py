"""Measures what cutting one picture into regions takes on this machine.

    python tools/measure_segment.py --results=biggan

It takes up the results of an earlier tfinv.invert as `python -m tfinv.segment` does, then segments
its pictures one by one, and prints processor seconds, of all cores together, and how far the
process's memory rose above what it held before. The first picture also compiles and warms caches.
The rise is read from /proc, so this runs on Linux.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from absl import flags

from tfinv.commands import generator_flags, results_flags
from tfinv.commands.main import import_tensorflow, run_main
from tfinv.errors import UserError

_CLUSTERS = (8, 20, 40)
_PROCESS = Path("/proc/self")


def main(argv: list[str]) -> int:
    """Measures, prints, returns the exit status."""
    del argv
    if not _PROCESS.is_dir():
        raise UserError("there is no /proc here to read the memory from: run this on Linux")
    results_flags.check_results()
    import_tensorflow()
    from tfinv.applications.segmentation.maps import find_map
    from tfinv.applications.segmentation.run import segment_picture

    start = time.process_time()
    inverted = results_flags.load_flagged_results()
    found = find_map(inverted.generator)
    positions, keys = len(found.queries.order), len(found.keys.order)
    print(f"{found.name}: {positions} positions, {keys} keys")
    print(f"loaded and found in {time.process_time() - start:.1f} s")
    for place, name in enumerate(inverted.results.names):
        before = _forget_peak()
        start = time.process_time()
        segment_picture(inverted, place, found, _CLUSTERS)
        seconds = time.process_time() - start
        print(f"{name}: {seconds:.2f} s, {_memory('VmHWM') - before:.0f} MiB")
    return 0


def _forget_peak() -> float:
    """Makes the peak what is held now, and returns that, in MiB."""
    (_PROCESS / "clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(line: str) -> float:
    """A line of /proc/self/status in MiB."""
    text = (_PROCESS / "status").read_text()
    return int(re.search(rf"{line}:\s+(\d+) kB", text)[1]) / 1024


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(results_flags)
    flags.mark_flags_as_required(["results"])
    sys.exit(run_main(main))
