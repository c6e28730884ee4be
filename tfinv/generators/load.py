"""From whatever a user holds to a Generator."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfinv.errors import UserError
from tfinv.generators.formats.reading import Request
from tfinv.generators.formats.registry import read
from tfinv.generators.generator import Generator
from tfinv.generators.inputs.constants import Value

__all__ = ["SHIPPED", "load_generator"]

SHIPPED = ("dcgan_cifar10",)
"""Generators that come with tfinv, loaded by their bare name."""


def load_generator(
    source: str | Path,
    *,
    signature: str | None = None,
    inputs: Sequence[str] = (),
    output: str | None = None,
    image_range: str | None = None,
    image_layout: str | None = None,
    constants: Mapping[str, Value] | None = None,
    latent_input: str | None = None,
    label_input: str | None = None,
    class_names: str | Path | None = None,
) -> Generator:
    """Reads a trained generator, whatever it is.

    Args:
      source: a path, a TF-Hub handle, or the name of a generator that comes with tfinv.
      signature: which signature to read, where the file has several.
      inputs: names of the tensors to feed, for files that do not say.
      output: name of the picture's tensor, likewise.
      image_range: "-1,1", "0,1" or "0,255" where the graph does not say or is wrong.
      image_layout: "NHWC" or "NCHW", likewise.
      constants: values of the inputs that are neither latent nor labels, such as
        {"truncation": 0.5, "training": False}; {"truncation": 0.5} means the truncation whatever
        its key is, and {"random": 0} every number that the graph draws itself.
      latent_input: key of the latent, where several inputs could be it.
      label_input: key of the labels, likewise.
      class_names: text file with a name for each class, one a line; a generator of 1,000 classes
        has ImageNet's names if None.

    Raises:
      UserError: if there is nothing there, or it is no generator; says what was seen.
    """
    source = os.path.expanduser(str(source))
    if not source.strip():
        raise UserError(
            f"no generator is named: give a path, a TF-Hub handle, or {', '.join(SHIPPED)}"
        )
    located = _shipped(source) if source in SHIPPED and not os.path.exists(source) else source
    reading = read(
        located,
        Request(signature, tuple(inputs), output),
        named=source,  # messages and reports name the generator as the user did
        others=f"{', '.join(SHIPPED)}, which comes with tfinv, or ",
    )
    generator = Generator(
        reading.model,
        image_range=image_range,
        image_layout=image_layout,
        constants=constants,
        latent_input=latent_input,
        label_input=label_input,
        known_range=reading.image_range,
        notes=reading.notes,
    )
    if class_names is not None:
        generator.use_class_names(class_names)
    return generator


def _shipped(name: str) -> str:
    return str(importlib.resources.files("tfinv") / "assets" / name)
