"""The flags that name a generator; commands that take one adopt them."""

from __future__ import annotations

import sys

from absl import flags

from tfinv.errors import UserError

__all__ = ["load_flagged_generator"]


flags.DEFINE_string(
    "generator",
    None,
    "The trained generator: dcgan_cifar10, which comes with tfinv; a folder of a SavedModel or "
    "TF-Hub module; a TF-Hub handle (https://tfhub.dev/deepmind/biggan-128/2); a Keras file "
    "(.keras, .h5, .hdf5); a frozen graph (.pb, .pbtxt); a TF1 checkpoint with its graph (.meta); "
    "a WGAN-GP checkpoint without one; a ProGAN pickle (.pkl); or an archive of any of these "
    "(.tar.gz, .zip). docs/GENERATORS.md tells what each needs.",
)
flags.DEFINE_string("signature", None, "Which signature to read, where a file has several.")
flags.DEFINE_list("input", [], "Tensors to feed, for files that do not say: --input=z:0,y:0.")
flags.DEFINE_string("output", None, "Tensor of the picture, likewise, such as Generator/Tanh:0.")
flags.DEFINE_enum(
    "image_range",
    None,
    ["-1,1", "0,1", "0,255"],
    "Values of black and white in the generator's output; read off the graph, or else "
    "measured from samples, if not given.",
)
flags.DEFINE_enum(
    "image_layout", None, ["NHWC", "NCHW"], "Order of the output's axes; read off its shape."
)
flags.DEFINE_float(
    "truncation",
    None,
    "Value of a generator's truncation input, whatever its key; else 1. Samples are truncated too.",
)
flags.DEFINE_list(
    "constants",
    [],
    "Values of inputs that are neither latent nor labels, by key: truncation=0.5,training=0. "
    "random=0 holds every number that the generator would draw itself.",
)
flags.DEFINE_string("latent_input", None, "Key of the latent, where several inputs could be it.")
flags.DEFINE_string("label_input", None, "Key of the labels, likewise.")
flags.DEFINE_string(
    "class_names",
    None,
    "Text file with a name for each class, one a line. A generator of 1,000 classes has ImageNet's "
    "names without it.",
)


def load_flagged_generator():
    """Loads the generator that the flags name, and says what should be known of it."""
    from tfinv.generators.inputs.constants import TRUNCATION, parse
    from tfinv.generators.load import load_generator

    values = flags.FLAGS
    constants = parse(values.constants)
    if values.truncation is not None:
        if TRUNCATION in constants:
            raise UserError("--truncation and --constants=truncation=... are the same: drop one")
        constants[TRUNCATION] = values.truncation
    generator = load_generator(
        values.generator,
        signature=values.signature,
        inputs=values.input,
        output=values.output,
        image_range=values.image_range,
        image_layout=values.image_layout,
        constants=constants,
        latent_input=values.latent_input,
        label_input=values.label_input,
        class_names=values.class_names,
    )
    for note in generator.notes:
        print(f"note: {note}", file=sys.stderr)
    return generator
