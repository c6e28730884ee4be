"""The flag that says at which layers a command inverts; it declares it."""

from __future__ import annotations

from absl import flags

__all__ = ["STAGES"]

STAGES = flags.DEFINE_list("stages", ["latent", "dense"], "Layers to invert at, in order.")
