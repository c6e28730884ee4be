"""The folder of an evaluation: taken up again with other flags, never mixed with other files."""

from __future__ import annotations

import sys

import pytest

from tfinv.errors import UserError
from tfinv.results.evaluation.folder import evaluation_folder, keep_flags


def test_it_is_taken_up_again_and_keeps_the_flags_that_it_is_told_to(tmp_path):
    def kept() -> str:
        return (tmp_path / "out" / "config.cfg").read_text().split("\n", 1)[1]

    with evaluation_folder(tmp_path / "out", "--layers=latent\n") as folder:
        assert folder == tmp_path / "out"
    assert kept() == "--layers=latent\n"
    with evaluation_folder(tmp_path / "out", "--layers=latent,dense\n") as folder:
        assert kept() == "--layers=latent\n"
        keep_flags(folder, "--layers=latent,dense\n")
    assert kept() == "--layers=latent,dense\n"


def test_others_files_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.cfg").write_text("# Written by tfinv. A run.\n--seed=0\n")
    for folder, words in ((tmp_path, "mine.txt"), (tmp_path / "run", "config.cfg")):
        with pytest.raises(UserError, match=words), evaluation_folder(folder, "--seed=1\n"):
            pass
    assert (tmp_path / "run" / "config.cfg").read_text().endswith("--seed=0\n")


def test_two_at_once_and_folders_without_a_parent_are_refused(tmp_path):
    with evaluation_folder(tmp_path / "out", ""):  # noqa: SIM117
        with pytest.raises(UserError, match="another run"), evaluation_folder(tmp_path / "out", ""):
            pass
    with pytest.raises(UserError, match="parent"), evaluation_folder(tmp_path / "a" / "b", ""):
        pass


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
