"""The flags that name the results of an earlier run; commands that go on from one adopt them.

The generator and its options are those of that run, as its config.cfg has them, unless they are
given again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from absl import flags

from tfinv.commands import generator_flags
from tfinv.errors import UserError

if TYPE_CHECKING:
    from tfinv.applications.inverted import Inverted
    from tfinv.generators.generator import Generator

__all__ = [
    "FLAGS",
    "check_results",
    "load_flagged_results",
    "load_results_generator",
    "wanted_pictures",
]

_RESULTS = flags.DEFINE_string(
    "results",
    None,
    "Output folder of an earlier tfinv.invert, or a set and layer of a tfinv.evaluate, such as "
    "table_5_1/test/dense. Its generator, and the options of that, are taken from there; give "
    "--generator if the file has moved.",
)
_STAGE = flags.DEFINE_string(
    "stage", None, "Which of its stages, as that run calls its layers; by default the last."
)
_PICTURES = flags.DEFINE_list(
    "pictures",
    None,
    "Which of its pictures, by name or by place from 0, separated by commas; by default all.",
)

FLAGS = ("results", "stage", "pictures")


def check_results() -> None:
    """Refuses a folder that holds no results, before TensorFlow is imported, which takes seconds.

    Raises:
      UserError: then, naming the folder; or if the output is to go there too, where --overwrite
        would replace the configuration of the run.
    """
    from tfinv.results.load import stored_shards

    stored_shards(_RESULTS.value)
    values = flags.FLAGS
    output = values.output_dir if "output_dir" in values else None  # not every command writes
    if output is not None and _folder(output) == _folder(_RESULTS.value):
        raise UserError(f"--output_dir={output} is that of --results: choose another")


def _folder(path: str) -> str:
    return os.path.realpath(os.path.expanduser(path))


def load_results_generator() -> Generator:
    """The generator of the results that the flags name.

    Raises:
      UserError: if it is not known any more, or cannot be loaded.
    """
    from tfinv.results.folder import kept_flag

    values, folder = flags.FLAGS, _RESULTS.value
    is_given = values["generator"].present
    if not is_given and kept_flag(folder, "generator") is None:
        raise UserError(f"{folder}: does not say with which generator it was made: add --generator")
    for flag in values.flags_by_module_dict()[generator_flags.__name__]:
        kept = None if flag.present else kept_flag(folder, flag.name)
        if kept is not None:
            _take(flag, kept)
    try:
        return generator_flags.load_flagged_generator()
    except UserError as error:
        if is_given:
            raise
        raise UserError(f"{error}; it is the generator of {folder}: give --generator") from None


def load_flagged_results(generator: Generator | None = None) -> Inverted:
    """The pictures that the flags name, with their generator.

    Args:
      generator: if it is loaded already.

    Raises:
      UserError: if there are none such.
    """
    from tfinv.applications.inverted import load_inverted

    generator = generator or load_results_generator()
    return load_inverted(_RESULTS.value, generator, _STAGE.value, wanted_pictures())


def wanted_pictures() -> list[int | str] | None:
    """What --pictures says: places as numbers, names as they are; None for all."""
    if _PICTURES.value is None:
        return None
    return [int(text) if text.isdecimal() else text for text in _PICTURES.value]


def _take(flag: flags.Flag, text: str) -> None:
    """Gives a flag the value that a run has kept; it stays one that nobody has given."""
    try:
        flag.parse(text)
    except flags.Error as error:
        raise UserError(
            f"{_RESULTS.value}/config.cfg: --{flag.name}={text} is not understood ({error}): put "
            f"back what it was, or give --{flag.name}"
        ) from None
    flag.present = 0
