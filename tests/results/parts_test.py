"""A folder of parts: whole, found again, and never mixed with another run's."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfinv.errors import UserError
from tfinv.results.parts import Parts

CONFIG, FILES, NAMES = "--seed=0\n", ("table.md",), ["a.png", "ünï.png"]


def opened(folder, config: str = CONFIG, **options) -> Parts:
    return Parts(folder, config_text=config, files=FILES, **options)


def test_a_part_is_found_again_as_it_was(tmp_path):
    rmse = np.array([0.1, np.nan])
    with opened(tmp_path / "run") as parts:
        assert parts.find("00-base-00000", NAMES) is None
        parts.add("00-base-00000", NAMES, {"rmse": rmse, "codes": np.ones((2, 3), np.float32)})
    with opened(tmp_path / "run") as again:
        found = again.find("00-base-00000", NAMES)
        assert again.find("00-base-00002", NAMES) is None
    assert found.keys() == {"rmse", "codes"} and found["codes"].dtype == np.float32
    np.testing.assert_array_equal(found["rmse"], rmse)


def test_a_part_about_other_pictures_is_refused(tmp_path):
    with opened(tmp_path / "run") as parts:
        parts.add("base", NAMES, {"rmse": np.zeros(2)})
        with pytest.raises(UserError, match="other pictures"):
            parts.find("base", ["a.png", "c.png"])


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_torn_part_is_not_done(tmp_path, keep):
    with opened(tmp_path / "run") as parts:
        parts.add("base", NAMES, {"rmse": np.zeros(2)})
        path = tmp_path / "run" / "part-base.npz"
        path.write_bytes(path.read_bytes()[:keep])
        assert parts.find("base", NAMES) is None


def test_another_run_is_refused_and_overwritten_only_when_told(tmp_path):
    folder = tmp_path / "run"
    with opened(folder) as parts:
        parts.add("base", NAMES, {"rmse": np.zeros(2)})
        parts.write("table.md", lambda file: file.write(b"old"))
        with pytest.raises(UserError, match="another run is writing"):
            opened(folder)
    (folder / "mine.txt").write_text("kept")
    with pytest.raises(UserError, match="--seed=0 there, --seed=1 now"):
        opened(folder, "--seed=1\n")
    with opened(folder, "--seed=1\n", overwrite=True) as parts:
        assert parts.find("base", NAMES) is None
    assert {path.name for path in folder.iterdir()} == {"config.cfg", "mine.txt"}


def test_an_inversion_is_never_overwritten(tmp_path):
    folder = tmp_path / "run"
    with opened(folder) as parts:
        parts.write("codes-00000.npz", lambda file: file.write(b"codes"))
    before = (folder / "config.cfg").read_bytes()
    with pytest.raises(UserError, match=r"holds results of tfinv\.invert"):
        opened(folder, "--seed=1\n", overwrite=True)
    assert (folder / "config.cfg").read_bytes() == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"")
    with pytest.raises(UserError, match="holds photo"):
        opened(tmp_path)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
