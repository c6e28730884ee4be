"""Makes a video of a photograph: a square window that slides over it, a PNG a frame.

    python tools/make_panning.py --image=package:skimage/data/chelsea.png --output_dir=panning
    python -m tfinv.video --generator=dcgan_cifar10 --video=panning --output_dir=out

Every frame shows nearly what the one before did, so that whatever changes more in what is found for
them is the doing of the search.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from absl import flags

from tfinv.commands.main import run_main
from tfinv.errors import UserError

_IMAGE = flags.DEFINE_string(
    "image", None, "The photograph, as --images of tfinv.invert; of several, the one at --place."
)
_PLACE = flags.DEFINE_integer("place", 0, "Which of several, from 0.", lower_bound=0)
_FRAMES = flags.DEFINE_integer("frames", 32, "How many.", lower_bound=2)
_WINDOW = flags.DEFINE_float(
    "window", 0.5, "Side of the window, as a share of the photograph's shorter side.", 0.05, 1.0
)
_SIDE = flags.DEFINE_integer("side", 128, "Pixels of a frame's side.", lower_bound=8)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write, which is not there yet.")


def main(argv: list[str]) -> int:
    """Writes the frames, says where."""
    del argv
    from folders import check_new, make

    from tfinv.images.decode import decode
    from tfinv.images.sources import list_images

    folder = Path(_OUTPUT_DIR.value)
    check_new(folder)
    record = next(itertools.islice(list_images([_IMAGE.value]), _PLACE.value, None), None)
    if record is None:
        raise UserError(f"{_IMAGE.value}: has no picture at place {_PLACE.value}")
    frames = pan(decode(record.read(), record.name), _FRAMES.value, _WINDOW.value, _SIDE.value)
    make(folder)
    for number, frame in enumerate(frames):
        frame.save(folder / f"frame-{number:04d}.png")
    print(f"{folder}: {len(frames)} frames of {record.name}")
    return 0


def pan(photograph, frames: int, window: float, side: int) -> list:
    """A window that slides evenly from the top left corner to the bottom right one.

    Args:
      photograph: uint8 [H, W, 3].
      frames: how many, at least 2.
      window: side of the window, as a share of the shorter side.
      side: pixels of a frame's side.

    Returns:
      Pillow pictures; a window may begin between two pixels.
    """
    from PIL import Image

    picture = Image.fromarray(photograph)
    width, height = picture.size
    size = window * min(width, height)
    shares = [number / (frames - 1) for number in range(frames)]
    corners = [((width - size) * share, (height - size) * share) for share in shares]
    return [
        picture.resize((side, side), Image.Resampling.LANCZOS, (x, y, x + size, y + size))
        for x, y in corners
    ]


if __name__ == "__main__":
    flags.mark_flags_as_required(["image", "output_dir"])
    sys.exit(run_main(main))
