"""One contestant in a process of its own, told over standard input what to do next.

    python worker.py CONTESTANT FOLDER

Every line in is a JSON object, and so is every line out. {"do": "start", "batch": 8} makes the
program; {"do": "run", "seconds": 1.0} times it, and a matrix product beside it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench.contestants import CONTESTANTS, Contestant, Problem

_SIZE = 2048  # of the matrix product whose speed is called the peak
_PRODUCTS = 4


def main(name: str, folder: str) -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    contestant: Contestant | None = None
    pace = 0.0  # seconds a step
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "start":
                begun = time.perf_counter()
                problem = Problem.read(Path(folder), order["batch"])
                contestant = CONTESTANTS[name].make(problem)
                loss, norm = contestant.check()
                contestant.run(1)
                answer = {"loss": loss, "gradient": norm, "seconds": time.perf_counter() - begun}
                contestant.multiply(_SIZE)
                steps, seconds = contestant.run(3)
                pace = seconds / steps
            else:
                steps, seconds = contestant.run(max(1, round(order["seconds"] / pace)))
                answer = {"ms": 1e3 * seconds / steps, "steps": steps, "peak": _peak(contestant)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".split("\n")[0][:300]}
        answers.write(json.dumps(answer) + "\n")


def _peak(contestant: Contestant) -> float:
    """GFLOP/s of a matrix product, the best of a few."""
    seconds = []
    for _ in range(_PRODUCTS):
        begun = time.perf_counter()
        contestant.multiply(_SIZE)
        seconds.append(time.perf_counter() - begun)
    return 2 * _SIZE**3 / min(seconds) / 1e9


if __name__ == "__main__":
    main(*sys.argv[1:])
