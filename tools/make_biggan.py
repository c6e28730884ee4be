"""Writes a stand-in for one of DeepMind's BigGAN modules, to try or to time tfinv without it.

    python tools/make_biggan.py --resolution=128 --output_dir=biggan-128
    python -m tfinv.inspect --generator=biggan-128

The folder has the names, shapes, formats and size of deepmind/biggan-128/2 (256/2, 512/2; with
--deep biggan-deep-128/1 and so on), with random weights in place of trained ones: its pictures are
noise. What takes time or memory with the published module takes as much with this one; how well a
photograph can be inverted it cannot tell.
"""

from __future__ import annotations

import sys

from absl import flags

from tfinv.commands.main import import_tensorflow, run_main

_RESOLUTION = flags.DEFINE_enum("resolution", "128", ["128", "256", "512"], "Side of a picture.")
_DEEP = flags.DEFINE_bool("deep", False, "BigGAN-deep rather than BigGAN.")
_WIDTH = flags.DEFINE_integer(
    "width",
    None,
    "Channels of the last block; by default those of the published module: 96, or 128 with --deep.",
    lower_bound=1,
)
_CLASSES = flags.DEFINE_integer("classes", 1000, "Number of classes.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the weights.", lower_bound=0)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write, which holds nothing yet.")


def main(argv: list[str]) -> int:
    """Writes the module, says what it is."""
    del argv
    import_tensorflow()
    from tfinv.networks.biggan import write_biggan

    write_biggan(
        _OUTPUT_DIR.value,
        resolution=int(_RESOLUTION.value),
        deep=_DEEP.value,
        ch=_WIDTH.value,
        classes=_CLASSES.value,
        seed=_SEED.value,
    )
    print(f"{_OUTPUT_DIR.value}: random weights, so its pictures are noise")
    return 0


if __name__ == "__main__":
    flags.mark_flags_as_required(["output_dir"])
    sys.exit(run_main(main))
