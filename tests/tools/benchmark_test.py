"""tools/benchmark.py as a user runs it, on a tiny generator."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from generators import tiny
from PIL import Image

TOOL = Path(__file__).resolve().parents[2] / "tools" / "benchmark.py"
sys.path.insert(0, str(TOOL.parent))

from bench.reach import read_images  # noqa: E402


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(TOOL), "--rounds=2", "--seconds=0.05", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_all_programs_compute_the_same_and_are_timed_side_by_side(tmp_path):
    path = tiny.labelled(tmp_path / "m")
    done = run(f"--case={path}@2", f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert "PyTorch is left out" in done.stdout
    assert (tmp_path / "out" / "benchmark.md").read_text() in done.stdout
    report = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    [case] = report["cases"]
    programs = {row["program"]: row for row in case["programs"]}
    assert list(programs) == ["tfinv", "tfinv_adam", "session", "eager"] and not case["notes"]
    # A transposed convolution of 4x4 pixels by 4x4 taps, 16 to 3 channels, forward and backward.
    assert math.isclose(case["gflop"], 2 * 2 * 4 * 4 * 4 * 4 * 16 * 3 / 1e9)
    for row in programs.values():
        assert len(row["rounds_ms"]) == 2 and min(row["rounds_ms"]) == row["least_ms"] > 0
        assert row["gflops"] == pytest.approx(2 * case["gflop"] / row["least_ms"] * 1e3)
        assert row["ratio"] is row["least_ratio"] is None and row["share_of_peak"] > 0


def test_pictures_are_read_as_they_are(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    read = read_images([str(tmp_path)], 4, tiny.loaded())
    np.testing.assert_allclose(read, pixels[np.newaxis] / 255.0, atol=1e-6)


def test_evaluations_to_an_error(tmp_path):
    path = tiny.dcgan(tmp_path / "m")
    photo = tmp_path / "grey.png"
    Image.new("RGB", (8, 8), (100, 120, 140)).save(photo)
    done = run(
        f"--case={path}@1",
        "--programs=tfinv",
        f"--images={photo}",
        "--to_rmse=0.3",
        "--budgets=20",
        "--adam_budgets=2,200",
    )
    assert done.returncode == 0, done.stderr
    table = done.stdout.split("To a mean RMSE of 0.3")[1]
    assert "| tfinv, L-BFGS | 20 |" in table and "lbfgs, mean RMSE of 1 images: 0." in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--programs=jax"], "program 'jax' is not known"),
        (["--programs=torch"], "torch needs --torch_python"),
        (["--torch_python=nowhere"], "--torch_python=nowhere is no program"),
        ([f"--torch_python={sys.executable}", "--programs=eager"], "none of --programs"),
        (["--to_rmse=0.1"], "--to_rmse and --images go together"),
        (["--budgets=3,2"], "--budgets must be whole numbers that rise"),
        (["--case=dcgan_cifar10"], "case 'dcgan_cifar10' is not understood"),
    ],
)
def test_nonsense_is_refused_in_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2 and message in done.stderr
    assert len(done.stderr.splitlines()) == 1


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
