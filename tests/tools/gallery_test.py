"""tools/make_gallery.py: the page prints what was run, and shows what that has left."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from gallery.exhibits import EXHIBITS, Exhibit  # noqa: E402
from gallery.page import page, show  # noqa: E402

from tfinv.errors import UserError  # noqa: E402

_CODE = 'from PIL import Image; Image.linear_gradient("L").resize((2400, 8)).save("a.png")'
DRAW = f"python -c '{_CODE}'"


def exhibit(*commands: str, picture: str = "a.png") -> Exhibit:
    return Exhibit("a", "A title", "Some text.", commands, picture)


@pytest.fixture(name="docs")
def page_folder(tmp_path):
    (tmp_path / "docs" / "images" / "gallery").mkdir(parents=True)
    return tmp_path / "docs"


def test_a_picture_is_kept_at_the_width_of_a_page(tmp_path, docs):
    show(exhibit(DRAW), tmp_path, docs)
    with Image.open(tmp_path / "a.png") as made, Image.open(docs / exhibit().kept) as kept:
        assert kept.size == (1200, 4)
        want = np.asarray(made.convert("RGB").resize(kept.size, Image.Resampling.LANCZOS), int)
        assert np.abs(np.asarray(kept.convert("RGB"), int) - want).max() <= 2


def test_configs_and_tools_are_at_hand_where_commands_run(tmp_path, docs):
    look = 'python -c \'open("configs/quickstart.cfg"); open("tools/make_gallery.py")\''
    show(exhibit(look, DRAW), tmp_path, docs)


def test_what_has_been_run_to_its_end_is_not_run_again(tmp_path, docs):
    once = 'python -c \'open("once", "x")\''
    fails = "python -c 'raise SystemExit(3)'"
    with pytest.raises(UserError, match="exit status 3"):
        show(exhibit(once, fails), tmp_path, docs)
    with pytest.raises(UserError, match="exit status 3"):  # and not by what is there already
        show(exhibit(once, fails), tmp_path, docs)
    show(exhibit(once, DRAW), tmp_path, docs)


def test_a_command_that_fails_or_leaves_nothing_ends_it_in_one_line(tmp_path, docs):
    with pytest.raises(UserError, match=r"import nothing.*exit status 1; see above"):
        show(exhibit("python -c 'import nothing'"), tmp_path, docs)
    with pytest.raises(UserError, match=r"has not left b\.png"):
        show(exhibit(DRAW, picture="b.png"), tmp_path, docs)


def test_the_page_in_the_documents_is_the_one_that_would_be_made():
    made = (ROOT / "docs" / "GALLERY.md").read_text("utf-8")
    assert made == page(EXHIBITS)
    for one in EXHIBITS:
        assert (ROOT / "docs" / one.kept).is_file()
        assert all(command.startswith("python ") for command in one.commands)


def test_names_differ_and_flag_files_exist():
    assert len({one.name for one in EXHIBITS}) == len(EXHIBITS)
    for one in EXHIBITS:
        for word in " ".join(one.commands).split():
            if word.startswith("--flagfile="):
                assert (ROOT / word.partition("=")[2]).is_file()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
