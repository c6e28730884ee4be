"""Classes by name: what a person writes for a label, turned into the number that a generator takes.

The 1,000 names of ImageNet come with tfinv, in the order of their synset identifiers, which is that
of the labels of BigGAN and of nearly every other ImageNet model. No other names are assumed: ten
classes may be CIFAR-10's or MNIST's.
"""

from __future__ import annotations

import difflib
import importlib.resources
import os
import re
from pathlib import Path

from tfinv.errors import UserError

__all__ = ["ClassNames", "imagenet_names", "read_class_names"]

_SYNSET = re.compile(r"n\d{8}")
_NEAREST = 5
_LARGEST = 1 << 24  # bytes; a longer file holds no names


class ClassNames:
    """The names of a generator's classes.

    Args:
      lines: one for each class, in order: its names with commas between, a synset identifier such
        as n02123045 before them or not.
      source: where they come from, for messages.
    """

    def __init__(self, lines: list[str], source: str):
        self.source = source
        self._lines = lines
        self._spelt: dict[str, set[int]] = {}
        self._numbers: dict[str, set[int]] = {}
        for number, line in enumerate(lines):
            for name in _names(line):
                self._spelt.setdefault(name, set()).add(number)
                self._numbers.setdefault(_key(name), set()).add(number)

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, number: int) -> str:
        """The first name of a class; its synset identifier is none."""
        names = _names(self._lines[number])
        return next((name for name in names if not _SYNSET.fullmatch(name)), names[0])

    def find(self, text: str) -> int:
        """The class that a text means: a synset identifier, or any name of one class.

        Case matters only between "Cardigan", the dog, and "cardigan", what it may wear; underscores
        may stand for spaces.

        Raises:
          UserError: if no class has the name, or several do; the message lists them or the nearest.
        """
        wanted = _key(text)
        spelt = self._spelt.get(text.strip(), ())
        numbers = sorted(spelt if len(spelt) == 1 else self._numbers.get(wanted, ()))
        if len(numbers) == 1:
            return numbers[0]
        if numbers:
            raise UserError(
                f"label {text!r} is the name of {len(numbers)} classes ({self._listed(numbers)}): "
                "give its number"
            )
        known = list(self._numbers)
        inside = [key for key in known if len(wanted) > 2 and wanted in key]
        close = difflib.get_close_matches(wanted, known, n=_NEAREST, cutoff=0.6)
        near = dict.fromkeys(n for key in [*close, *inside] for n in sorted(self._numbers[key]))
        nearest = list(near)[:_NEAREST] or list(range(min(_NEAREST, len(self))))
        raise UserError(
            f"no class is called {text!r} in {self.source}; "
            f"{'the nearest are' if near else 'the first are'} {self._listed(nearest)}"
        )

    def _listed(self, numbers: list[int]) -> str:
        return "; ".join(f"{number}: {self._lines[number]}" for number in numbers)


def imagenet_names() -> ClassNames:
    """The names of ImageNet's 1,000 classes, ILSVRC-2012."""
    file = importlib.resources.files("tfinv") / "assets" / "imagenet_classes.txt"
    lines = file.read_text("utf-8").splitlines()
    return ClassNames([line for line in lines if not line.startswith("#")], "ImageNet")


def read_class_names(path: str | os.PathLike, classes: int | None) -> ClassNames:
    """Reads names from a text file, one class a line, in order; lines that begin with # are none.

    Args:
      path: the file.
      classes: how many there must be, if that is known.

    Raises:
      UserError: if the file cannot be read, or holds another number of names.
    """
    path = Path(path).expanduser()
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path}: is too large for a list of class names, one a line")
        text = path.read_text("utf-8")
    except OSError as error:
        raise UserError(f"{path}: class names cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no text in UTF-8; give class names, one a line") from error
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines or (classes is not None and len(lines) != classes):
        needed = f"{classes} classes" if classes is not None else "at least one class"
        raise UserError(f"{path}: holds {len(lines)} class names where {needed} are needed")
    return ClassNames(lines, str(path))


def _names(line: str) -> list[str]:
    """Everything that a class is called: its synset, what stands between commas, and all of it."""
    identifier, _, rest = line.partition(" ")
    synset = [identifier] if _SYNSET.fullmatch(identifier) else []
    whole = rest.strip() if synset else line.strip()
    return [*synset, *filter(None, (name.strip() for name in whole.split(","))), whole]


def _key(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())
