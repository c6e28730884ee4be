"""PyTorch: the same network with the same weights, eager or compiled, stepped by its own Adam."""

from __future__ import annotations

import os
import time
from typing import Any

import torch

from bench.contestants import LEAK, LEARNING_RATE, Problem
from bench.network import read_network
from bench.torch_network import TorchNetwork

__all__ = ["TorchLoop"]


class TorchLoop:
    """A tensor, `backward`, `torch.optim.Adam`, a Python loop.

    Args:
      problem: what to optimise.
      channels_last: PyTorch's memory format.
      compiled: by `torch.compile`, the loss with its gradient.
    """

    def __init__(self, problem: Problem, channels_last: bool = False, compiled: bool = False):
        torch.set_num_threads(os.cpu_count() or 1)
        description = read_network(problem.folder)
        network = TorchNetwork(description, len(problem.codes), LEAK, channels_last)
        self._start = torch.tensor(problem.codes)
        self._code = self._start.clone().requires_grad_(True)
        targets = network.pictures(torch.tensor(problem.targets))
        scale = description.white - description.black

        def loss(code: torch.Tensor) -> torch.Tensor:
            images = (network(code) - description.black) / scale
            return (images - targets).square().mean((1, 2, 3)).sum()

        self._loss = torch.compile(loss) if compiled else loss
        self._adam = torch.optim.Adam([self._code], lr=LEARNING_RATE)
        self._matrix: Any = None

    def check(self) -> tuple[float, float]:
        """See `Contestant`."""
        with torch.no_grad():
            self._code.copy_(self._start)
        self._code.grad = None
        loss = self._loss(self._code)
        loss.backward()
        return loss.item(), self._code.grad.norm().item()

    def run(self, steps: int) -> tuple[int, float]:
        """See `Contestant`."""
        begun = time.perf_counter()
        for _ in range(steps):
            self._adam.zero_grad(set_to_none=True)
            self._loss(self._code).backward()
            self._adam.step()
        return steps, time.perf_counter() - begun

    def multiply(self, size: int) -> None:
        """See `Contestant`."""
        if self._matrix is None:
            self._matrix = torch.randn(size, size)
        torch.mm(self._matrix, self._matrix)
