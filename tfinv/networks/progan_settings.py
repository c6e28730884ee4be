"""What a ProGAN is made of: its settings, and the variables that they ask for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Settings", "discriminator_shapes", "generator_shapes", "random_arrays"]

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Settings:
    """What `G_paper` and `D_paper` are called with; names and defaults are theirs.

    Attributes:
      num_channels: of the picture.
      resolution: height and width of the picture; a power of two, at least 4.
      label_size: length of the label vector that is joined to the latent; 0 for none.
      fmap_base: maps are `min(fmap_base / 2^(fmap_decay * stage), fmap_max)`.
      fmap_decay: see `fmap_base`.
      fmap_max: see `fmap_base`.
      latent_size: length of z; None for the maps of stage 0.
      normalize_latents: whether latent and labels are pixel-normalised.
      use_wscale: whether weights are scaled where they are used.
      use_pixelnorm: whether the generator's layers are pixel-normalised.
      pixelnorm_epsilon: see `progan_layers.pixel_norm`.
      use_leakyrelu: False for plain ReLU in the generator.
      fused_scale: whether a change of resolution is one operation with its convolution. In the
        generator this changes only how weights are stored; in the discriminator it also puts the
        halving before the activation.
      mbstd_group_size: see `progan_layers.minibatch_deviation`; 0 or 1 for none.
    """

    num_channels: int = 1
    resolution: int = 32
    label_size: int = 0
    fmap_base: int = 8192
    fmap_decay: float = 1.0
    fmap_max: int = 512
    latent_size: int | None = None
    normalize_latents: bool = True
    use_wscale: bool = True
    use_pixelnorm: bool = True
    pixelnorm_epsilon: float = 1e-8
    use_leakyrelu: bool = True
    fused_scale: bool = True
    mbstd_group_size: int = 4

    @property
    def stages(self) -> int:
        """Base 2 logarithm of the resolution: the last stage is `2^stages` pixels wide."""
        return int(self.resolution).bit_length() - 1

    @property
    def latent(self) -> int:
        """Length of z."""
        return self.maps(0) if self.latent_size is None else self.latent_size

    def maps(self, stage: int) -> int:
        """Channels of a stage."""
        return min(int(self.fmap_base / 2.0 ** (stage * self.fmap_decay)), self.fmap_max)

    def growth(self, lod: float) -> tuple[int, float]:
        """How far training has grown the network when it lacks `lod` doublings.

        Returns:
          The last stage that is in use, and the share in the picture of the stage before it.
        """
        lod = min(max(lod, 0.0), self.stages - 2)
        whole = math.floor(lod)
        return self.stages - whole, lod - whole


def scope(stage: int) -> str:
    """The name that a stage's layers begin with, such as "8x8" for stage 3."""
    return f"{2**stage}x{2**stage}"


def _layer(name: str, *shape: int) -> Shapes:
    return {f"{name}/weight": shape, f"{name}/bias": (shape[-1],)}


def generator_shapes(settings: Settings) -> Shapes:
    """The shape of each of the generator's variables, by name."""
    maps, colours = settings.maps, settings.num_channels
    shapes: Shapes = {"lod": ()}
    shapes |= _layer("4x4/Dense", settings.latent + settings.label_size, 16 * maps(1))
    shapes["4x4/Dense/bias"] = (maps(1),)
    shapes |= _layer("4x4/Conv", 3, 3, maps(1), maps(1))
    for stage in range(3, settings.stages + 1):
        before, after = maps(stage - 2), maps(stage - 1)
        name = scope(stage)
        if settings.fused_scale:
            shapes[f"{name}/Conv0_up/weight"] = (3, 3, after, before)
            shapes[f"{name}/Conv0_up/bias"] = (after,)
        else:
            shapes |= _layer(f"{name}/Conv0", 3, 3, before, after)
        shapes |= _layer(f"{name}/Conv1", 3, 3, after, after)
    for lod in range(settings.stages - 1):
        maps_there = maps(settings.stages - lod - 1)
        shapes |= _layer(f"ToRGB_lod{lod}", 1, 1, maps_there, colours)
    return shapes


def discriminator_shapes(settings: Settings) -> Shapes:
    """The shape of each of the discriminator's variables, by name."""
    maps, colours = settings.maps, settings.num_channels
    shapes: Shapes = {"lod": ()}
    for lod in range(settings.stages - 1):
        maps_there = maps(settings.stages - lod - 1)
        shapes |= _layer(f"FromRGB_lod{lod}", 1, 1, colours, maps_there)
    for stage in range(settings.stages, 2, -1):
        before, after = maps(stage - 1), maps(stage - 2)
        name, second = scope(stage), "Conv1_down" if settings.fused_scale else "Conv1"
        shapes |= _layer(f"{name}/Conv0", 3, 3, before, before)
        shapes |= _layer(f"{name}/{second}", 3, 3, before, after)
    deviation = int(settings.mbstd_group_size > 1)
    shapes |= _layer("4x4/Conv", 3, 3, maps(1) + deviation, maps(1))
    shapes |= _layer("4x4/Dense0", 16 * maps(1), maps(0))
    shapes |= _layer("4x4/Dense1", maps(0), 1 + settings.label_size)
    return shapes


def random_arrays(shapes: Shapes, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights as an untrained network has them: standard normal, biases and lod 0; float32."""
    rng = np.random.default_rng(seed)
    return {
        name: (
            rng.standard_normal(shape, np.float32)
            if name.endswith("weight")
            else np.zeros(shape, np.float32)
        )
        for name, shape in shapes.items()
    }
