"""ProGAN's networks against NumPy, pixel by pixel, as the paper and its code define them."""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfinv.networks import progan
from tfinv.networks.progan_settings import (
    Settings,
    discriminator_shapes,
    generator_shapes,
    random_arrays,
)

RELU = math.sqrt(2)
TINY = {"num_channels": 3, "resolution": 16, "fmap_base": 16, "fmap_max": 4}  # maps 4, 4, 2


def convolve(x, w):
    """3x3 or 1x1 convolution of NCHW by [k, k, in, out], zeros around."""
    reach = len(w) // 2
    padded = np.pad(x, [(0, 0), (0, 0), (reach, reach), (reach, reach)])
    y = np.zeros((len(x), w.shape[3], *x.shape[2:]))
    for i, j, u, v in itertools.product(*map(range, (*x.shape[2:], *w.shape[:2]))):
        y[:, :, i, j] += padded[:, :, i + u, j + v] @ w[u, v]
    return y


def four_by_four(w):
    """The sum of a 3x3 filter's four shifts by a pixel, which is 4x4."""
    total = np.zeros((4, 4, *w.shape[2:]))
    for u, v in itertools.product(range(2), range(2)):
        total[u : u + 3, v : v + 3] += w
    return total


def paint(x, w):
    """Transposed convolution of stride 2: every pixel paints the filter [4, 4, out, in]."""
    n, _, height, width = x.shape
    canvas = np.zeros((n, w.shape[2], 2 * height + 2, 2 * width + 2))
    for i, j, u, v in itertools.product(range(height), range(width), range(4), range(4)):
        canvas[:, :, 2 * i + u, 2 * j + v] += x[:, :, i, j] @ w[u, v].T
    return canvas[:, :, 1:-1, 1:-1]


def enlarge(x, factor=2):
    return x.repeat(factor, 2).repeat(factor, 3)


def shrink(x, factor=2):
    n, c, height, width = x.shape
    return x.reshape(n, c, height // factor, factor, width // factor, factor).mean((3, 5))


def leaky(x):
    return np.where(x > 0, x, np.float32(0.2) * x)  # the op keeps its slope in single precision


class Truth:
    """The networks of `G_paper` and `D_paper` in NumPy, for one set of weights."""

    def __init__(self, arrays, settings):
        self.arrays, self.settings = arrays, settings

    def weight(self, name, gain=RELU, fan_in=None):
        w = self.arrays[f"{name}/weight"].astype(np.float64)
        if not self.settings.use_wscale:
            return w
        return w * gain / math.sqrt(fan_in or math.prod(w.shape[:-1]))

    def bias(self, name, x):
        b = self.arrays[f"{name}/bias"]
        return x + (b if x.ndim == 2 else b[:, None, None])

    def norm(self, x):
        epsilon = self.settings.pixelnorm_epsilon
        return x / np.sqrt((x**2).mean(1, keepdims=True) + epsilon)

    def finish(self, name, x):
        x = self.bias(name, x)
        x = leaky(x) if self.settings.use_leakyrelu else np.maximum(x, 0)
        return self.norm(x) if self.settings.use_pixelnorm else x

    def generator(self, x, lod):
        settings = self.settings
        images = previous = None
        for stage in range(2, settings.stages + 1):
            scope = f"{2**stage}x{2**stage}"
            if stage == 2:
                x = self.norm(x) if settings.normalize_latents else x
                x = (x @ self.weight("4x4/Dense", RELU / 4)).reshape(len(x), -1, 4, 4)
                x = self.finish("4x4/Dense", x)
                x = self.finish("4x4/Conv", convolve(x, self.weight("4x4/Conv")))
            else:
                x = self.up(f"{scope}/Conv0", x)
                x = self.finish(f"{scope}/Conv1", convolve(x, self.weight(f"{scope}/Conv1")))
            level = settings.stages - stage
            name = f"ToRGB_lod{level}"
            previous, images = images, self.bias(name, convolve(x, self.weight(name, 1.0)))
            if previous is not None:  # as the paper's figure 2: fade between the two
                share = min(max(lod - level, 0.0), 1.0)
                images = images + (enlarge(previous) - images) * share
        return images

    def up(self, name, x):
        if not self.settings.fused_scale:
            return self.finish(name, convolve(enlarge(x), self.weight(name)))
        name += "_up"
        w = self.weight(name, fan_in=9 * x.shape[1])
        return self.finish(name, paint(x, four_by_four(w)))

    def discriminator(self, images, lod):
        settings = self.settings

        def from_rgb(pictures, level):
            name = f"FromRGB_lod{level}"
            return leaky(self.bias(name, convolve(pictures, self.weight(name))))

        x = from_rgb(images, 0)
        for stage in range(settings.stages, 2, -1):
            name, level = f"{2**stage}x{2**stage}/Conv", settings.stages - stage
            x = leaky(self.bias(f"{name}0", convolve(x, self.weight(f"{name}0"))))
            x = self.down(f"{name}1", x)
            images = shrink(images)
            share = min(max(lod - level, 0.0), 1.0)
            x = x + (from_rgb(images, level + 1) - x) * share
        if settings.mbstd_group_size > 1:
            x = self.deviation(x)
        x = leaky(self.bias("4x4/Conv", convolve(x, self.weight("4x4/Conv"))))
        x = leaky(self.bias("4x4/Dense0", x.reshape(len(x), -1) @ self.weight("4x4/Dense0")))
        return self.bias("4x4/Dense1", x @ self.weight("4x4/Dense1", 1.0))

    def down(self, name, x):
        if not self.settings.fused_scale:
            return shrink(leaky(self.bias(name, convolve(x, self.weight(name)))))
        name += "_down"
        w = four_by_four(self.weight(name)) / 4
        padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        y = np.zeros((len(x), w.shape[3], x.shape[2] // 2, x.shape[3] // 2))
        for i, j, u, v in itertools.product(*map(range, (*y.shape[2:], 4, 4))):
            y[:, :, i, j] += padded[:, :, 2 * i + u, 2 * j + v] @ w[u, v]
        return leaky(self.bias(name, y))

    def deviation(self, x):
        size = min(self.settings.mbstd_group_size, len(x))
        groups = len(x) // size
        extra = np.zeros((len(x), 1, *x.shape[2:]))
        for first in range(groups):  # every groups-th picture belongs together
            variance = x[first::groups].var(0)
            extra[first::groups] = np.sqrt(variance + 1e-8).mean()
        return np.concatenate([x, extra], 1)


def weights_of(shapes, seed):
    rng = np.random.default_rng(seed)
    return {
        name: value if name.endswith("weight") else rng.normal(size=value.shape).astype(np.float32)
        for name, value in random_arrays(shapes, seed).items()
    }


def compiled(function, weights, *inputs):
    """By XLA, which knows NCHW everywhere; in double precision, where rounding hides nothing."""
    tensors = {name: tf.constant(value, tf.float64) for name, value in weights.items()}
    call = tf.function(lambda *given: function(tensors, *given), jit_compile=True)
    return call(*(tf.constant(value, tf.float64) for value in inputs))


GENERATORS = {
    "finished": ({}, 0.0),
    "unfused": ({"fused_scale": False}, 0.0),
    "half grown": ({}, 0.3),
    "smaller": ({"fused_scale": False}, 1.0),
    "smallest": ({}, 7.0),
    "grey": ({"num_channels": 1, "resolution": 4}, 0.0),
    "plain": ({"use_wscale": False, "use_pixelnorm": False, "normalize_latents": False}, 0.0),
    "relu": ({"use_leakyrelu": False, "pixelnorm_epsilon": 0.1, "fmap_decay": 0.5}, 0.0),
    "labels": ({"label_size": 3, "latent_size": 5}, 0.0),
}


@pytest.mark.parametrize("case", GENERATORS)
def test_generator_is_that_of_the_paper(case):
    kwargs, lod = GENERATORS[case]
    settings = Settings(**{**TINY, **kwargs})
    weights = weights_of(generator_shapes(settings), 3)
    rng = np.random.default_rng(4)
    inputs = [rng.standard_normal((2, settings.latent))]
    if settings.label_size:
        inputs.append(np.eye(3)[[2, 0]])
    drawn = compiled(
        lambda tensors, *given: progan.generator(settings, tensors, *given, lod=lod),
        weights,
        *inputs,
    )
    expected = Truth(weights, settings).generator(np.concatenate(inputs, 1), lod)
    assert drawn.shape == (2, settings.num_channels, settings.resolution, settings.resolution)
    np.testing.assert_allclose(drawn, expected, atol=1e-10 * np.abs(expected).max())


DISCRIMINATORS = {
    "finished": ({}, 0.0, 4),
    "unfused": ({"fused_scale": False, "mbstd_group_size": 2}, 0.0, 6),
    "half grown": ({"fused_scale": False}, 0.3, 2),
    "smaller": ({}, 1.0, 1),
    "without deviation": ({"mbstd_group_size": 0, "label_size": 2}, 0.0, 3),
}


@pytest.mark.parametrize("case", DISCRIMINATORS)
def test_discriminator_is_that_of_the_paper(case):
    kwargs, lod, count = DISCRIMINATORS[case]
    settings = Settings(**{**TINY, **kwargs})
    weights = weights_of(discriminator_shapes(settings), 5)
    images = np.random.default_rng(6).uniform(-1, 1, (count, 3, 16, 16))
    scores, labels = compiled(
        lambda tensors, given: progan.discriminator(settings, tensors, given, lod=lod),
        weights,
        images,
    )
    expected = Truth(weights, settings).discriminator(images, lod)
    assert scores.shape == (count, 1) and labels.shape == (count, settings.label_size)
    tolerance = 1e-10 * np.abs(expected).max()
    np.testing.assert_allclose(np.concatenate([scores, labels], 1), expected, atol=tolerance)


def test_sizes_are_those_of_the_paper():
    settings = Settings(num_channels=3, resolution=1024)
    for shapes in (generator_shapes(settings), discriminator_shapes(settings)):
        colours = {name for name in shapes if "RGB" in name and not name.startswith("FromRGB_lod0")}
        unused = {name for name in colours if not name.startswith("ToRGB_lod0")}
        numbers = sum(math.prod(shape) for name, shape in shapes.items() if name not in unused)
        assert round(numbers / 1e6, 1) == 23.1  # "total trainable parameters", table 2


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
