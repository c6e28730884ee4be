"""Results of an inversion that never ran, from smooth random pictures."""

from __future__ import annotations

import numpy as np

from tfinv.images import metrics
from tfinv.results.record import ImageResult

STAGES = ("latent", "dense")
NOISE = {"latent": 0.1, "dense": 0.02}
CODES = {"latent": (8,), "dense": (2, 2, 3)}


def smooth(random: np.random.Generator, side: int, channels: int = 3) -> np.ndarray:
    """A random picture of a few low frequencies, float32 [side, side, channels] in [0, 1]."""
    y, x = np.mgrid[0:side, 0:side] / side * 2 * np.pi
    waves = [
        np.cos(i * y + j * x + random.uniform(0, 6, (channels, 1, 1))) / (1 + i + j)
        for i in range(3)
        for j in range(3)
    ]
    picture = sum(random.normal(size=(channels, 1, 1)) * wave for wave in waves)
    picture -= picture.min()
    return (picture / picture.max()).transpose(1, 2, 0).astype(np.float32)


def result(index: int, *, side: int = 8, channels: int = 3, name: str | None = None):
    """All stages of one image; the same for the same index, so that it can be checked later."""
    random = np.random.default_rng(index)
    target = smooth(random, side, channels)
    latent = random.normal(size=8).astype(np.float32)
    for stage in STAGES:
        noise = random.normal(0, NOISE[stage] * random.uniform(0.5, 2), target.shape)
        image = np.clip(target + noise, 0, 1).astype(np.float32)
        pair = image[None], target[None]
        yield ImageResult(
            index=index,
            name=name or f"folder/image-{index:04d}.png",
            label=index % 3 if index % 2 else None,
            stage=stage,
            rmse=float(metrics.rmse(*pair)[0]),
            psnr=float(metrics.psnr(*pair)[0]),
            ssim=float(metrics.ssim(*pair)[0]),
            evaluations=100 + index,
            status="converged" if index % 4 else "budget spent",
            note="" if index % 3 else "reduced from 600x512, centre-cropped",
            code=random.normal(size=CODES[stage]).astype(np.float32),
            latent=latent,
            labels=np.int32(index % 3),
            label_weights=np.float32([index, 1, 2]) if stage == "dense" else None,
            target=target,
            image=image,
        )


def failed(index: int, why: str = "the file is empty", name: str = "bad.png"):
    """All stages of an image that could not be read."""
    nan = float("nan")
    for stage in STAGES:
        yield ImageResult(index, name, None, stage, nan, nan, nan, 0, f"failed: {name}: {why}")


def batch(first: int, count: int, **options) -> list[ImageResult]:
    """The results of several images."""
    return [row for i in range(first, first + count) for row in result(i, **options)]
