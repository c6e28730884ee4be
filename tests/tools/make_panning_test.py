"""tools/make_panning.py: a window that slides over a photograph."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

TOOL = Path(__file__).resolve().parents[2] / "tools" / "make_panning.py"


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(TOOL), *arguments], capture_output=True, text=True)


def test_frames_go_from_corner_to_corner(tmp_path):
    photograph = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(photograph).save(tmp_path / "a.png")
    given = (f"--image={tmp_path / 'a.png'}", f"--output_dir={tmp_path / 'out'}")
    done = run(*given, "--frames=5", "--window=0.5", "--side=32")
    assert done.returncode == 0, done.stderr
    frames = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").iterdir())]
    assert len(frames) == 5
    np.testing.assert_array_equal(frames[0], photograph[:32, :32])
    np.testing.assert_array_equal(frames[2], photograph[16:48, 32:64])
    np.testing.assert_array_equal(frames[4], photograph[32:, 64:])

    again = run(*given)
    assert again.returncode == 2 and "exists already" in again.stderr
    other = run(given[0], "--place=1", f"--output_dir={tmp_path / 'other'}")
    assert other.returncode == 2 and "no picture at place 1" in other.stderr


if __name__ == "__main__":
    import pytest

    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
