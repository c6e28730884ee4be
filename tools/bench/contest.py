"""Processes that take turns: all are ready, one at a time is working."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.contestants import CONTESTANTS
from tfinv.errors import UserError

__all__ = ["Measured", "Worker", "in_turns", "workers"]

_TOOLS = Path(__file__).resolve().parents[1]
_ALIKE = 1e-2  # relative difference that rounding may make in a deep network


@dataclass
class Measured:
    """What one contestant did.

    Attributes:
      loss: at the start, summed over the images.
      gradient: its norm there.
      first: seconds until the first step was made, compilation included.
      ms: milliseconds a step, in each round.
      peak: GFLOP/s of a matrix product in the same process, right after.
    """

    loss: float
    gradient: float
    first: float
    ms: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)


class Worker:
    """A contestant's process.

    Args:
      name: out of `CONTESTANTS`.
      folder: of the problem.
      python: the interpreter that runs it.
    """

    def __init__(self, name: str, folder: Path, python: str):
        self.name = name
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed by close()
        # A thread that waits for its next product shall leave the processor to the others.
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(
                [str(_TOOLS), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            "OMP_WAIT_POLICY": "passive",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "",
        }
        self._process = subprocess.Popen(
            [python, str(_TOOLS / "bench" / "worker.py"), name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        """Gives an order and waits for the answer.

        Raises:
          UserError: if the contestant cannot do it.
        """
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline() or "{}")
        except BrokenPipeError:
            answer = {}
        if answer and "error" not in answer:
            return answer
        self._log.seek(0)
        last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"{self.name} cannot run: {answer.get('error', last)}")

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()


@contextlib.contextmanager
def workers(names: Sequence[str], folder: Path, torch_python: str | None) -> Iterator[list[Worker]]:
    """Starts a process for each contestant, and ends them whatever happens."""
    started: list[Worker] = []
    try:
        for name in names:
            python = torch_python if CONTESTANTS[name].torch else sys.executable
            started.append(Worker(name, folder, python))
        yield started
    finally:
        for worker in started:
            worker.close()


def in_turns(
    group: Sequence[Worker], batch: int, repeats: int, seconds: float
) -> tuple[Mapping[str, Measured], list[str]]:
    """Times every contestant, one after another, again and again.

    Args:
      group: their processes.
      batch: images at once.
      repeats: rounds; in each, every contestant has one turn.
      seconds: of a turn, about.

    Returns:
      What was measured, by name, and a line for each contestant that is left out.

    Raises:
      UserError: if they do not compute the same loss and gradient.
    """
    results: dict[str, Measured] = {}
    notes: list[str] = []
    for worker in group:
        try:
            begun = worker.ask(do="start", batch=batch)
        except UserError as error:
            notes.append(f"left out: {error}")
            continue
        results[worker.name] = Measured(begun["loss"], begun["gradient"], begun["seconds"])
    _compare(results)
    for _ in range(repeats):
        for worker in group:
            if worker.name in results:
                answer = worker.ask(do="run", seconds=seconds)
                results[worker.name].ms.append(answer["ms"])
                results[worker.name].peak.append(answer["peak"])
    return results, notes


def _compare(results: Mapping[str, Measured]) -> None:
    """Refuses to time programs that compute different things."""
    first = next(iter(results.values()), None)
    for name, found in results.items():
        for what in ("loss", "gradient"):
            value, expected = getattr(found, what), getattr(first, what)
            if not abs(value - expected) <= _ALIKE * abs(expected):
                raise UserError(
                    f"{name} finds a {what} of {value:.5g} at the start, others {expected:.5g}: "
                    "it is not the same network"
                )
