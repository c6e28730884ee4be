"""The flags that name a generator; commands that take one adopt them."""

from __future__ import annotations

import sys

from absl import flags

__all__ = ["load_flagged_generator"]


flags.DEFINE_string(
    "generator",
    None,
    "The trained generator: a SavedModel or TF-Hub module folder, a .keras file, a TF-Hub "
    "handle, or dcgan_cifar10, which comes with tfinv.",
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
    "truncation", None, "Value of a generator's truncation input, where it has one; else 1."
)


def load_flagged_generator():
    """Loads the generator that the flags name, and says what should be known of it."""
    from tfinv.generators.load import load_generator

    values = flags.FLAGS
    constants = {} if values.truncation is None else {"truncation": values.truncation}
    generator = load_generator(
        values.generator,
        signature=values.signature,
        inputs=values.input,
        output=values.output,
        image_range=values.image_range,
        image_layout=values.image_layout,
        constants=constants,
    )
    for note in generator.notes:
        print(f"note: {note}", file=sys.stderr)
    return generator
