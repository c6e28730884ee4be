"""The flags that say at which layers pictures are inverted, and where each stage starts."""

from __future__ import annotations

from absl import flags

from tfinv.errors import UserError

__all__ = ["STAGES", "START", "refuse_stored"]

STAGES = flags.DEFINE_list(
    "stages",
    ["latent", "dense"],
    "Layers to invert at, in order. (tfinv.restore: by default the latent alone.)",
)
START = flags.DEFINE_list(
    "start",
    ["prior"],
    "Where the first stage starts, or, separated by commas, each. prior: z from N(0, 1); small: z "
    "within +-0.001; best:N: the best of N from prior, each of which costs an evaluation. Behind "
    "the latent, while z stays what the stage before found: open: every ReLU right behind the "
    "layer open, as far as open ones are on average, the default right behind the latent where a "
    "ReLU alone reads the layer; positive: the same at random, a code from U(0, 1); generated: the "
    "code of a fresh z; before: what that stage found, the default of other later stages, and of "
    "all in tfinv.restore. stored: the codes of an earlier run (tfinv.invert --start_from), for "
    "the first.",
)


def refuse_stored() -> None:
    """For commands that go on from no earlier run.

    Raises:
      UserError: if --start wants one.
    """
    if "stored" in START.value:
        raise UserError("--start=stored is for tfinv.invert: choose prior, for example")
