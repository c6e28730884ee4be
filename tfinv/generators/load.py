"""From whatever a user holds to a Generator."""

from __future__ import annotations

import dataclasses
import importlib.resources
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfinv.errors import UserError
from tfinv.generators.formats import FORMATS
from tfinv.generators.generator import Generator
from tfinv.generators.reading import Request

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
    constants: Mapping[str, float] | None = None,
) -> Generator:
    """Reads a trained generator, whatever it is.

    Args:
      source: a path, a TF-Hub handle, or the name of a generator that comes with tfinv.
      signature: which signature to read, where the file has several.
      inputs: names of the tensors to feed, for files that do not say.
      output: name of the picture's tensor, likewise.
      image_range: "-1,1", "0,1" or "0,255" where the graph does not say or is wrong.
      image_layout: "NHWC" or "NCHW", likewise.
      constants: values of scalar inputs such as {"truncation": 0.5}; 1 by default.

    Raises:
      UserError: if there is nothing there, or it is no generator; says what was seen.
    """
    source = os.path.expanduser(str(source))
    if not source.strip():
        raise UserError(
            f"no generator is named: give a path, a TF-Hub handle, or {', '.join(SHIPPED)}"
        )
    located = _shipped(source) if source in SHIPPED and not os.path.exists(source) else source
    for form in FORMATS:
        if form.recognises(located):
            # Messages and reports name the generator as the user did.
            reading = form.read(located, Request(signature, tuple(inputs), output))
            model = dataclasses.replace(reading.model, path=source)
            return Generator(
                model,
                image_range=image_range or reading.image_range,
                image_layout=image_layout,
                constants=constants,
                notes=reading.notes,
            )
    known = "; ".join(f"{form.name} ({form.example})" for form in FORMATS)
    if not os.path.exists(source):
        raise UserError(
            f"generator {source} does not exist: give a path, a TF-Hub handle, or one of the "
            f"shipped generators ({', '.join(SHIPPED)})"
        )
    raise UserError(f"{source} is no generator in a format that is known here: {known}")


def _shipped(name: str) -> str:
    return str(importlib.resources.files("tfinv") / "assets" / name)
