"""A network of `bench.network` in PyTorch, channels first, as its users write it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as nn

from bench.network import Network, Step

__all__ = ["TorchNetwork"]

_CHANNELS_FIRST, _CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)

Run = Callable[[list[torch.Tensor]], torch.Tensor]


class _LeakingRelu(torch.autograd.Function):
    """The thesis's modified gradient (section 4.7)."""

    @staticmethod
    def forward(ctx, x, leak):
        ctx.save_for_backward(x)
        ctx.leak = leak
        return torch.relu(x)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, dy, ctx.leak * dy.clamp(max=0)), None


class TorchNetwork:
    """Runs the steps one after another; tensors of four axes have their channels first.

    TensorFlow pads a transposed convolution of stride 2 less before than after, which PyTorch
    cannot say. The mirror image of such a network pads more before, which it can, without copying
    a border off: so all filters and pictures are mirrored.

    Args:
      network: the description.
      batch: how many codes at once.
      leak: of a closed ReLU.
      channels_last: the memory format of images.
    """

    def __init__(self, network: Network, batch: int, leak: float, channels_last: bool):
        self._network, self._leak = network, leak
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._mirrored = any(_mirrors(step, network) for step in network.steps)
        held = {name: rows[:batch] for name, rows in network.rows.items()}
        self._values = {name: self._held(value) for name, value in held.items()}
        self._shapes = {step.output: step.shape for step in network.steps}
        self._shapes[network.code] = network.code_shape
        constants = {name: self._held(value) for name, value in network.arrays.items()}
        self._values |= {name: v for name, v in constants.items() if v.dtype.is_floating_point}
        self._steps = [(self._compile(step), step.inputs, step.output) for step in network.steps]

    def __call__(self, code: torch.Tensor) -> torch.Tensor:
        """From codes [B, *code_shape], NHWC, to raw pictures, channels first (and mirrored)."""
        values = dict(self._values)
        values[self._network.code] = self.pictures(code) if code.ndim == 4 else code
        for run, inputs, output in self._steps:
            values[output] = run([values.get(name) for name in inputs])
        return values[self._network.output]

    def pictures(self, images: torch.Tensor) -> torch.Tensor:
        """NHWC as this network has it."""
        images = images.permute(_CHANNELS_FIRST)
        images = images.flip(2, 3) if self._mirrored else images
        return images.contiguous(memory_format=self._format)

    def _plain(self, images: torch.Tensor) -> torch.Tensor:
        """The reverse of `pictures`."""
        images = images.flip(2, 3) if self._mirrored else images
        return images.permute(_CHANNELS_LAST)

    def _held(self, value: np.ndarray) -> torch.Tensor:
        made = torch.tensor(value)
        if made.ndim == 4 and made.shape[1:3] == (1, 1):
            made = made.permute(_CHANNELS_FIRST)
        return made

    def _compile(self, step: Step) -> Run:
        made = getattr(self, f"_{step.op.lower()}", None)
        if made is None:
            raise ValueError(f"the PyTorch side has no {step.op}")
        return made(step)

    def _relu(self, step: Step) -> Run:
        return lambda x: _LeakingRelu.apply(x[0], self._leak)

    def _tanh(self, step: Step) -> Run:
        return lambda x: torch.tanh(x[0])

    def _softmax(self, step: Step) -> Run:
        return lambda x: torch.softmax(x[0], -1)

    def _reshape(self, step: Step) -> Run:
        from_images, to_images = len(self._shapes[step.inputs[0]]) == 3, len(step.shape) == 3

        def run(x: list[torch.Tensor]) -> torch.Tensor:
            flat = self._plain(x[0]) if from_images else x[0]
            flat = flat.reshape(-1, *step.shape)
            return self.pictures(flat) if to_images else flat

        return run

    def _elementwise(self, step: Step, function: Callable) -> Run:
        """Constants of one axis belong to the channels."""

        def run(x: list[torch.Tensor]) -> torch.Tensor:
            fit = [v[:, None, None] if v.ndim == 1 and len(step.shape) == 3 else v for v in x]
            return function(*fit)

        return run

    def _mul(self, step: Step) -> Run:
        return self._elementwise(step, torch.mul)

    def _addv2(self, step: Step) -> Run:
        return self._elementwise(step, torch.add)

    def _biasadd(self, step: Step) -> Run:
        return self._elementwise(step, torch.add)

    def _fusedbatchnormv3(self, step: Step) -> Run:
        scale, offset, mean, variance = (self._values[name] for name in step.inputs[1:])
        epsilon = step.attributes["epsilon"]
        return lambda x: nn.batch_norm(x[0], mean, variance, scale, offset, False, 0.0, epsilon)

    def _conv2d(self, step: Step) -> Run:
        kernel = self._filters(step)
        strides = step.attributes["strides"][1:3]
        pads = _pads(step, kernel.shape[2:], self._shapes[step.inputs[0]], step.shape)
        if any(before != after for before, after in pads):
            (top, bottom), (left, right) = pads
            around = (left, right, top, bottom)
            return lambda x: nn.conv2d(nn.pad(x[0], around), kernel, None, strides)
        return lambda x: nn.conv2d(x[0], kernel, None, strides, [before for before, _ in pads])

    def _conv2dbackpropinput(self, step: Step) -> Run:
        kernel = self._filters(step)  # [in, out, rows, columns], as PyTorch has it here too
        strides = step.attributes["strides"][1:3]
        small, large = self._shapes[step.inputs[2]], step.shape
        pads = _pads(step, kernel.shape[2:], large, small)
        pads = [pair[::-1] for pair in pads] if self._mirrored else pads
        padding = [before for before, _ in pads]
        extra = [before - after for before, after in pads]
        return lambda x: nn.conv_transpose2d(x[2], kernel, None, strides, padding, extra)

    def _filters(self, step: Step) -> torch.Tensor:
        """[rows, columns, a, b] as [b, a, rows, columns]."""
        kernel = torch.tensor(self._network.arrays[step.inputs[1]]).permute(3, 2, 0, 1)
        kernel = kernel.flip(2, 3) if self._mirrored else kernel
        return kernel.contiguous(memory_format=self._format)

    def _resizenearestneighbor(self, step: Step) -> Run:
        size = step.shape[:2]
        return lambda x: nn.interpolate(x[0], size=size, mode="nearest")

    def _maxpool(self, step: Step) -> Run:
        size, strides = step.attributes["ksize"][1:3], step.attributes["strides"][1:3]
        return lambda x: nn.max_pool2d(x[0], size, strides)

    def _batchmatmulv2(self, step: Step) -> Run:
        first, second = step.attributes["adj_x"], step.attributes["adj_y"]

        def run(x: list[torch.Tensor]) -> torch.Tensor:
            a, b = x
            return torch.bmm(a.mT if first else a, b.mT if second else b)

        return run


def _mirrors(step: Step, network: Network) -> bool:
    if step.op != "Conv2DBackpropInput":
        return False
    shapes = {s.output: s.shape for s in network.steps} | {network.code: network.code_shape}
    taps = network.arrays[step.inputs[1]].shape[:2]
    return any(
        before < after for before, after in _pads(step, taps, step.shape, shapes[step.inputs[2]])
    )


def _pads(step: Step, taps, large, small) -> list[tuple[int, int]]:
    """Zeros (before, after) of rows and of columns of the convolution from `large` to `small`."""
    if step.attributes["padding"] == "VALID":
        return [(0, 0), (0, 0)]
    if step.attributes["padding"] != "SAME" or set(step.attributes["dilations"]) != {1}:
        raise ValueError(f"the PyTorch side has no such padding of {step.op}")
    pads = []
    for count, stride, size, result in zip(
        taps, step.attributes["strides"][1:3], large, small, strict=False
    ):
        total = max((result - 1) * stride + count - size, 0)
        pads.append((total // 2, total - total // 2))
    return pads
