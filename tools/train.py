"""Trains the thesis's chapter 5 generator (a 32x32 DCGAN) on pictures of one's own.

    python tools/train.py --images=train.tfrecord --output_dir=runs/dcgan --steps=30000

Images are a comma-separated list of folders, globs, files or .tfrecord files, as for
`python -m tfinv.invert`. Ctrl-C or --hours stop it; the same command goes on from the last
checkpoint. Whenever it stops, batch norm is calibrated on 10,000 latents and frozen, and
OUTPUT_DIR/generator is a SavedModel that `python -m tfinv.invert --generator=` takes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from absl import flags

from tfinv.commands.main import import_tensorflow, run_main

_IMAGES = flags.DEFINE_list("images", None, "Folders, globs, files, .tfrecord to train on.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder of the run; resumed if it holds one.")
_OBJECTIVE = flags.DEFINE_enum(
    "objective",
    "hinge",
    ["hinge", "wgan_gp"],
    "wgan_gp: gradient penalty 10, 5 critic steps. hinge: spectral norm, one critic step, about "
    "a quarter of the cost a step.",
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", None, "Of the generator; by default the objective's own.", lower_bound=0
)
_CRITIC_LEARNING_RATE = flags.DEFINE_float(
    "critic_learning_rate", None, "Of the critic, likewise.", lower_bound=0
)
_CRITIC_WIDTH = flags.DEFINE_integer("critic_width", 64, "Critic's first maps.", lower_bound=1)
_STEPS = flags.DEFINE_integer("steps", 100_000, "Generator steps in all.", lower_bound=1)
_HOURS = flags.DEFINE_float("hours", float("inf"), "Stop after so many hours.", lower_bound=0)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Pictures a step.", lower_bound=2)
_SEED = flags.DEFINE_integer("seed", 0, "Of weights, batches and latents.")


def main(argv: list[str]) -> int:
    """Trains, exports, says where the generator is."""
    del argv
    import_tensorflow()
    from tfinv.training.data import load_images
    from tfinv.training.run import TrainingRun

    run = TrainingRun(
        Path(_OUTPUT_DIR.value),
        load_images(_IMAGES.value, size=32),
        objective=_OBJECTIVE.value,
        learning_rate=_LEARNING_RATE.value,
        critic_learning_rate=_CRITIC_LEARNING_RATE.value,
        critic_width=_CRITIC_WIDTH.value,
        steps=_STEPS.value,
        batch_size=_BATCH_SIZE.value,
        seed=_SEED.value,
    )
    run.train(seconds=3600 * _HOURS.value)
    print(f"generator after {run.step} steps: {run.export()}; samples: {run.write_sheet()}")
    return 0


if __name__ == "__main__":
    flags.mark_flags_as_required(["images", "output_dir"])
    sys.exit(run_main(main))
