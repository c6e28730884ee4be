"""Writes the networks of a ProGAN pickle as SavedModels.

    python tools/convert_progan.py --pickle=karras2018iclr-celebahq-1024x1024.pkl --output_dir=hq

OUTPUT_DIR/generator takes z and gives images; `python -m tfinv.invert --generator=` takes it, as it
takes the pickle itself. OUTPUT_DIR/discriminator takes images, height and width before channels,
black at -1 and white at 1, and gives scores; its layers keep their names, such as 8x8/Conv1, and
may serve as features. Nothing of the pickle is executed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from absl import flags
from folders import check_new, make

from tfinv.commands.main import import_tensorflow, run_main

_PICKLE = flags.DEFINE_string("pickle", None, "The pickle: network-final.pkl or the like.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write; it may not exist yet.")


def main(argv: list[str]) -> int:
    """Reads both networks, then writes both."""
    del argv
    output_dir = Path(_OUTPUT_DIR.value)
    check_new(output_dir)
    from tfinv.generators.formats.progan.network import read_network

    # Both are read before anything is written, and before TensorFlow takes its seconds.
    generator, note = read_network(_PICKLE.value, "G_paper")
    discriminator, _ = read_network(_PICKLE.value, "D_paper")
    print(f"generator: {note}")
    make(output_dir)
    import_tensorflow()
    from tfinv.networks.progan_export import export_discriminator, export_generator

    for name, network, export in (
        ("generator", generator, export_generator),
        ("discriminator", discriminator, export_discriminator),
    ):
        for note in network.notes:
            print(f"{name}: {note}")
        side, numbers = network.settings.resolution, sum(a.size for a in network.arrays.values())
        print(f"{output_dir / name}: {side}x{side}, {numbers} weights ...", flush=True)
        export(network.settings, network.arrays, output_dir / name, lod=network.lod)
    print(f"generator and discriminator are in {output_dir}")
    return 0


if __name__ == "__main__":
    flags.mark_flags_as_required(["pickle", "output_dir"])
    sys.exit(run_main(main))
