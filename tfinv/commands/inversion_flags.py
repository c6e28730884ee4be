"""The flags that say how pictures are inverted and where results go.

Commands that invert adopt them: one process may import several commands, and a flag has one home.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfinv.errors import UserError
from tfinv.inversion.cpus import count_cpus

__all__ = ["ELSEWHERE", "budgets", "check_label", "check_resume", "keep_defaults", "logical_cpus"]

ELSEWHERE = ("output_dir", "overwrite", "resume", "devices", "save_every")
"""Flags that change no result, and so are no part of a run's configuration."""


flags.DEFINE_string(
    "label",
    None,
    "Class of pictures that bring no label of their own: its number or its name. tfinv.invert also "
    "takes unknown: the class is found, by a short latent inversion with each of a few candidates "
    "(--label_candidates); and interpolated: weights of all classes, alike at first, are optimised "
    "with the code.",
)
flags.DEFINE_string(
    "loss",
    "mse",
    "What to minimise, a sum such as 'mse + 1e-5*likelihood + 1e-6*delta'. mse: pixels in [0, 1]; "
    "features: mean squared distance of what --feature_network makes of the pictures. Where z is "
    "optimised: likelihood, |z|^2/2, draws z to 0; chi_square draws |z|^2 to where it is likely, "
    "its number of dimensions, each chunk of a hierarchical z to its own. Behind the latent: "
    "delta, |h - g1(z*)|_1, favours few changed units; projection, |h - proj(h)|^2, codes close to "
    "the subspace that z reaches.",
)
flags.DEFINE_list(
    "optimize",
    None,
    "What to optimise. code: the code alone, the rest is held; code,latent: also what is read of z "
    "behind the layer, as in BigGAN, whose blocks each take a chunk of z; code,labels: also "
    "weights of the classes, in the place of a label, where labels are one-hot. By default the "
    "code, and the latent where it is read, as the thesis does.",
)
flags.DEFINE_string("solver", "lbfgs", "adam: the thesis's; lbfgs: needs far fewer evaluations.")
flags.DEFINE_list(
    "max_evaluations",
    None,
    "Forward and backward passes an image may take, for every stage or, separated by commas, for "
    "each; by default 300 for lbfgs, 30000 for adam. (tfinv.evaluate, with lbfgs: 200 at the "
    "latent, 600 at the dense layer, 200 and 100 behind.)",
)
flags.DEFINE_float(
    "relu_leak",
    None,
    "Share of a negative gradient that a closed ReLU lets through at first, 0 to 1, so that a unit "
    "that the picture needs can open. By default 0.03 for lbfgs, 0.1 for adam.",
)
flags.DEFINE_enum(
    "closed_units",
    None,
    ["rest", "free"],
    "Units that only a ReLU reads. rest: they stay where that closes them, and have the whole "
    "gradient there, lbfgs's default; free: they may go beyond, where the picture is the same, as "
    "in the thesis, and adam's only way.",
)
flags.DEFINE_enum(
    "leak_schedule",
    None,
    ["off", "fixed", "decaying", "stepped"],
    "How that share falls. off: there is none; fixed: not at all; decaying: by a factor of 10 "
    "every fifth of the budget, as in the thesis; stepped: to 0 after 70% of the budget. By "
    "default stepped for lbfgs, decaying for adam.",
)
flags.DEFINE_integer(
    "restarts",
    0,
    "How often a picture that the first stage leaves at an RMSE of 0.02 or more begins that stage "
    "again from another start of the same kind, each time with the whole budget. The best is kept. "
    "(tfinv.restore: every picture does, and the least loss is kept.)",
    lower_bound=0,
)
flags.DEFINE_string(
    "constraint",
    None,
    "What z keeps to, wherever it is optimised. clip:2: a number of it that a step takes beyond -2 "
    "or 2 stays there, which gives up on unlikely z for pictures that the generator draws well; "
    "stochastic_clip:2: it is drawn anew, uniformly within.",
)
flags.DEFINE_integer(
    "batch_size",
    None,
    "Pictures at a time; one that is done leaves its place to the next. By default as many as "
    "there are, up to 16, and from 128 pictures on what a short measurement finds fastest; a run "
    "that is taken up keeps its own. (tfinv.evaluate: by default 32; tfinv.study: 16.)",
    lower_bound=1,
)
flags.DEFINE_integer("seed", 0, "Of starts and samples.", lower_bound=0)
flags.DEFINE_string("output_dir", None, "Folder for the results.")
flags.DEFINE_bool("overwrite", False, "Remove what an earlier run left there.")
flags.DEFINE_bool(
    "resume",
    False,
    "Go on with the run in --output_dir, and refuse if there is none. (The same command goes on "
    "without it too, but begins a run where there is none.)",
)
flags.DEFINE_string(
    "devices",
    "auto",
    "Which devices of this machine. auto: all GPUs, or all cores of a TPU, or else the CPU; gpu:0, "
    "or gpu:0+gpu:2; cpu:4: four logical devices on the CPU. Each has a batch of its own.",
)
flags.DEFINE_float(
    "save_every",
    30.0,
    "Seconds between two moments at which everything, what is in work too, is on the disk.",
    lower_bound=0.0,
)
flags.register_validator("save_every", lambda seconds: seconds == seconds, "it is not a number")


def check_label(generator) -> int | None:
    """The class that --label names.

    Args:
      generator: that it must be known to.

    Raises:
      UserError: if it is not.
    """
    label = flags.FLAGS.label
    if label is None:
        return None
    if not generator.conditional:
        raise UserError(f"{flags.FLAGS.generator} takes no labels: drop --label={label}")
    return generator.label(label)


def logical_cpus() -> int | None:
    """How many CPU devices --devices=cpu:N asks for; None for other devices.

    They must be made before TensorFlow is used, as `import_tensorflow` does.
    """
    return count_cpus(flags.FLAGS.devices)


def check_resume() -> None:
    """Refuses --resume where there is no run.

    Raises:
      UserError: then, or with --overwrite.
    """
    values = flags.FLAGS
    if not values.resume:
        return
    if values.overwrite:
        raise UserError("--resume goes on with a run and --overwrite removes it: drop one")
    if not (Path(values.output_dir).expanduser() / "config.cfg").exists():
        raise UserError(f"{values.output_dir}: holds no run to go on with; drop --resume")


def budgets() -> list[int] | None:
    """The numbers in --max_evaluations, None if it is not given.

    Raises:
      UserError: if they are none.
    """
    texts = flags.FLAGS.max_evaluations
    if texts is None:
        return None
    try:
        return [int(text) for text in texts]
    except ValueError:
        raise UserError(f"--max_evaluations={','.join(texts)} is no list of numbers") from None


def keep_defaults(inverter, total: int, devices: Sequence[str]) -> None:
    """Writes what was not given into the flags, so that no later version changes the run.

    The batch size is that of the run in the folder, or what is fastest; the inverter gets it too.

    Args:
      inverter: made of the flags.
      total: of pictures.
      devices: that share them.

    Raises:
      UserError: if the folder's batch size is no number.
    """
    values, solver = flags.FLAGS, inverter.stages[0].solver
    if values.batch_size is None:
        values.batch_size = _batch_size(inverter, -(-total // len(devices)), devices[0])
        inverter.batch_size = min(values.batch_size, total)
    values.max_evaluations = [str(s.solver.max_evaluations) for s in inverter.stages]
    values.relu_leak, values.leak_schedule = solver.leak, solver.leak_schedule
    values.closed_units = "rest" if solver.rests else "free"
    values.optimize = list(inverter.optimize)


def _batch_size(inverter, count: int, device: str) -> int:
    """That of the run in the folder, or what is fastest."""
    from tfinv.inversion.batch_size import choose_batch_size
    from tfinv.results.folder import kept_flag

    folder, kept = flags.FLAGS.output_dir, None
    if not flags.FLAGS.overwrite:
        kept = kept_flag(folder, "batch_size")
    if kept is None:
        return choose_batch_size(inverter, count, device)
    if not re.fullmatch(r"0*[1-9]\d{0,8}", kept, re.ASCII):
        raise UserError(
            f"{folder}/config.cfg: --batch_size={kept} is no number from 1 on: put back what it "
            "was, give --batch_size, or begin again with --overwrite"
        )
    return int(kept)
