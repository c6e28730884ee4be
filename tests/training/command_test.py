"""tools/train.py as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfinv.generators.load import load_generator
from tfinv.training.objectives import OBJECTIVES

TRAIN = Path(__file__).resolve().parents[2] / "tools" / "train.py"


def test_every_objective_can_be_asked_for():
    # The flag spells them out, because importing them would import TensorFlow for every typo.
    assert str(sorted(OBJECTIVES)).replace("'", '"') in TRAIN.read_text()


def train(*flags):
    return subprocess.run(
        [sys.executable, str(TRAIN), *flags], capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(3):
        pixels = np.random.default_rng(k).integers(0, 256, (40, 36, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.png")
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


def test_trains_on_a_folder_and_leaves_a_generator(photos, tmp_path):
    run = tmp_path / "run"
    done = train(
        f"--images={photos}",
        f"--output_dir={run}",
        "--steps=2",
        "--batch_size=2",
        "--critic_width=2",
    )
    assert done.returncode == 0, done.stderr
    assert "left out: bad.png" in done.stderr and "Traceback" not in done.stderr
    assert "2 steps" in done.stdout
    assert load_generator(run / "generator").latent_size == 128
    assert (run / "samples/step-0000002.png").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--images=nowhere", "--output_dir=run"], "nowhere"),
        (["--images=x.png"], "output_dir"),
        (["--images=x.png", "--output_dir=run", "--objective=vae"], "vae"),
    ],
)
def test_what_a_user_gets_wrong_is_one_line(flags, says, tmp_path):
    done = train(*(f.replace("=run", f"={tmp_path}/run") for f in flags))
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and says in lines[0]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
