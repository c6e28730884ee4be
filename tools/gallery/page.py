"""The page of pictures: its commands run, their pictures kept, its text."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gallery.exhibits import Exhibit
from tfinv.errors import UserError

__all__ = ["page", "show"]

ROOT = Path(__file__).resolve().parents[2]

_LARGEST = 1200  # pixels: as wide as a page shows a picture
_COLOURS = 256
_DONE = "commands.txt"  # those that need not run again


def show(exhibit: Exhibit, work: Path, docs: Path) -> None:
    """Runs an exhibit's commands and keeps its picture, at the size of a page.

    Args:
      exhibit: what is to be seen.
      work: where the commands run; a link to configs/ and one to tools/ are made there.
      docs: the folder of the page.

    Raises:
      UserError: if a command fails or leaves no such picture.
    """
    for name in ("configs", "tools"):
        if not (work / name).exists():
            (work / name).symlink_to(ROOT / name)
    for command in exhibit.commands:
        _run(command, work)
    made = work / exhibit.picture
    if not made.is_file():
        raise UserError(f"{exhibit.commands[-1]}: has not left {exhibit.picture}")
    with Image.open(made) as picture:
        picture = picture.convert("RGB")
        if picture.width > _LARGEST:
            size = (_LARGEST, round(picture.height * _LARGEST / picture.width))
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        picture = picture.quantize(_COLOURS, dither=Image.Dither.NONE)
        picture.save(docs / exhibit.kept, optimize=True)


def _run(command: str, work: Path) -> None:
    """Runs a command, unless it has been run there to its end."""
    done = work / _DONE
    if done.exists() and command in done.read_text("utf-8").splitlines():
        return
    print(command, flush=True)
    program, *arguments = shlex.split(command)
    assert program == "python", command
    ended = subprocess.run([sys.executable, *arguments], cwd=work, check=False)
    if ended.returncode:
        raise UserError(f"{command}: exit status {ended.returncode}; see above")
    with open(done, "a", encoding="utf-8") as file:
        file.write(f"{command}\n")


def page(exhibits: Sequence[Exhibit]) -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for exhibit in exhibits:
        commands = "\n".join(exhibit.commands)
        parts.append(
            f"## {exhibit.title}\n\n{exhibit.text}\n\n```sh\n{commands}\n```\n\n"
            f"![{exhibit.title}]({exhibit.kept})\n"
        )
    return "\n".join(parts)


_HEAD = """# What an inversion is good for, in pictures

Each picture is what the last of the commands above it has left, reduced to the width of a page.
`python tools/make_gallery.py --work_dir=gallery` runs them all and makes this page; they need
nothing but tfinv. The generator is the one that ships with it, but where another is named.
"""
