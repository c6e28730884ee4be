"""Makes the page of pictures docs/GALLERY.md, by running the commands that it prints.

    python tools/make_gallery.py --work_dir=gallery

Every picture of the page is what the command above it leaves; nothing is drawn by hand. The
commands run one after another in --work_dir, where those that are finished already do not run
again. It takes some seven minutes on two CPU cores.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from folders import make
from gallery.exhibits import EXHIBITS
from gallery.page import page, show

from tfinv.commands.main import run_main

ROOT = Path(__file__).resolve().parents[1]

_WORK_DIR = flags.DEFINE_string("work_dir", None, "Folder in which the commands run.")
_DOCS = flags.DEFINE_string("docs", str(ROOT / "docs"), "Folder that gets the page.")


def main(argv: Sequence[str]) -> int:
    """Runs, writes the page, says where it is."""
    del argv
    work, docs = Path(_WORK_DIR.value), Path(_DOCS.value)
    make(work, exist_ok=True)
    make(docs / "images" / "gallery", exist_ok=True)
    for exhibit in EXHIBITS:
        show(exhibit, work, docs)
    (docs / "GALLERY.md").write_text(page(EXHIBITS), "utf-8")
    print(docs / "GALLERY.md")
    return 0


if __name__ == "__main__":
    flags.mark_flags_as_required(["work_dir"])
    sys.exit(run_main(main))
