"""The flags that say how pictures are inverted and where results go.

Commands that invert adopt them: one process may import several commands, and a flag has one home.
"""

from __future__ import annotations

from absl import flags

from tfinv.errors import UserError

__all__ = ["budgets", "check_label"]


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
    "that the picture needs can open. By default 0.03 for lbfgs, 0.1 for adam. With lbfgs, closed "
    "units that only a ReLU reads rest where they close, and pass all of it; 0 ends that too.",
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
    "again from another start of the same kind, each time with the whole budget. The best is kept.",
    lower_bound=0,
)
flags.DEFINE_string(
    "constraint",
    None,
    "What z keeps to, wherever it is optimised. clip:2: a number of it that a step takes beyond -2 "
    "or 2 stays there, which gives up on unlikely z for pictures that the generator draws well; "
    "stochastic_clip:2: it is drawn anew, uniformly within.",
)
flags.DEFINE_integer("batch_size", 16, "Pictures at a time.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Of starts and samples.", lower_bound=0)
flags.DEFINE_string("output_dir", None, "Folder for the results.")
flags.DEFINE_bool("overwrite", False, "Remove what an earlier run left there.")


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
