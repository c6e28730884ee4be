"""`python -m tfinv.video` as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys

import numpy as np
import pytest
from commands.running import run
from generators import hierarchical, tiny
from PIL import Image

import tfinv
from tfinv.images.films import write_mp4
from tfinv.images.ranges import to_rgb8


@pytest.fixture(scope="module", name="saved")
def generators_and_videos(tmp_path_factory):
    """Generators, and a video of four frames as a folder and as a file."""
    root = tmp_path_factory.mktemp("saved")
    tiny.dcgan(root / "plain")
    hierarchical.hierarchical(root / "classes")
    tiny.labelled(root / "numbers")
    generator = tfinv.load_generator(str(root / "plain"))
    ends = generator.sample_latents(2)
    z = np.stack([(1 - a) * ends[0] + a * ends[1] for a in np.linspace(0, 1, 4)])
    frames = [to_rgb8(image) for image in generator(z).numpy()]
    (root / "frames").mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(root / "frames" / f"{number}.png")
    buffer = io.BytesIO()
    write_mp4(buffer, [np.kron(f, np.ones((4, 4, 1), np.uint8)) for f in frames], 10.0)
    (root / "clip.mp4").write_bytes(buffer.getvalue())
    return root


def video(saved, folder, *more, generator="plain", clip="frames"):
    given = (f"--generator={saved / generator}", f"--video={saved / clip}")
    small = ("--frames_at_once=2", "--max_evaluations=8", f"--output_dir={folder}")
    return run("tfinv.video", *given, *small, *more)


def table(folder):
    with open(folder / "frames.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_a_video_leaves_its_films_and_numbers_and_is_not_done_twice(saved, tmp_path):
    out = tmp_path / "out"
    done = video(saved, out, "--beside=without,apart", "--film=gif,mp4")
    assert done.status == 0, done.err
    names = {path.name for path in out.iterdir() if not path.name.startswith("part-")}
    films = {f"{name}.{kind}" for name in ("video", "beside") for kind in ("gif", "mp4")}
    assert names == films | {
        "codes.npz",
        "config.cfg",
        "frames.csv",
        "sheet.png",
        "steadiness.md",
        "summary.json",
    }
    rows = table(out)
    assert len(rows) == 4 * 2 * 3
    facts = json.loads((out / "summary.json").read_text())
    for take in ("together", "without", "apart"):
        for stage in ("latent", "dense"):
            own = [r for r in rows if (r["take"], r["stage"]) == (take, stage)]
            assert [row["name"] for row in own] == ["0.png", "1.png", "2.png", "3.png"]
            mean = np.mean([float(row["rmse"]) for row in own])
            assert facts["stages"][take][stage]["rmse"] == pytest.approx(mean, rel=1e-4)
            steps = np.mean([float(row["code_step"]) for row in own[1:]])
            assert facts["stages"][take][stage]["code_step"] == pytest.approx(steps, rel=1e-4)
    assert (out / "steadiness.md").read_text() in done.out
    with np.load(out / "codes.npz") as arrays:
        steps = np.abs(np.diff(arrays["codes"], axis=0)).mean()
    assert facts["stages"]["together"]["dense"]["code_step"] == pytest.approx(steps, rel=1e-3)

    parts = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    torn = out / "part-together-1-000003.npz"
    before = torn.read_bytes()
    torn.write_bytes(before[: len(before) // 2])
    again = run("tfinv.video", f"--flagfile={out / 'config.cfg'}", f"--output_dir={out}")
    assert (again.status, again.out) == (0, done.out)
    after = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert {path for path in parts if parts[path] != after[path]} == {torn}
    video(saved, out, "--beside=without,apart", "--film=gif,mp4", "--seed=1").refused("--seed=0")


def test_videos_are_read_and_keep_their_rate(saved, tmp_path):
    more = ("--stages=latent", "--weight=0", "--film=gif")
    done = video(saved, tmp_path / "out", *more, clip="clip.mp4")
    assert done.status == 0, done.err
    assert "note: 4 frames, reduced from 32x32" in done.err
    assert len(table(tmp_path / "out")) == 4
    with Image.open(tmp_path / "out" / "video.gif") as film:
        assert film.info["duration"] == 100


def test_codes_are_drawn_in_other_classes(saved, tmp_path):
    out = tmp_path / "out"
    more = ("--stages=latent,map:0", "--label=1", "--as_class=2,3", "--film=gif")
    done = video(saved, out, *more, generator="classes")
    assert done.status == 0, done.err
    generator = tfinv.load_generator(str(saved / "classes"))
    with np.load(out / "codes.npz") as arrays:
        codes, latents = arrays["codes"], arrays["latents"]
        np.testing.assert_array_equal(arrays["labels"], [1] * 4)
    images = generator.split("map:0").g2(codes, latents, [3] * 4).numpy()
    steps = np.sqrt(np.mean(np.diff(images, axis=0) ** 2, (1, 2, 3)))
    facts = json.loads((out / "summary.json").read_text())
    found = facts["classes"]["together"]["3"]["pixel_step"]
    assert found == pytest.approx(steps.mean(), rel=1e-3)
    with Image.open(out / "class-3.gif") as film:
        assert film.n_frames == 4


@pytest.mark.parametrize(
    ("generator", "clip", "more", "words"),
    [
        ("plain", "nothing.mp4", [], ["nothing.mp4", "no such file"]),
        ("plain", "frames/0.png", [], ["two frames or more, and 1"]),
        ("plain", "frames", ["--every=9"], ["two frames or more, and 1"]),
        ("plain", "frames", ["--label=1"], ["takes no labels"]),
        ("plain", "frames", ["--as_class=1"], ["takes no labels"]),
        ("classes", "frames", [], ["conditional", "--label"]),
        ("classes", "frames", ["--label=9"], ["label 9 is out of range"]),
        ("numbers", "frames", ["--label=1", "--as_class=7"], ["label 7 is out of range"]),
        ("plain", "frames", ["--weight=a"], ["--weight=a", "no list of numbers"]),
        ("plain", "frames", ["--weight=-1"], ["--weight=-1"]),
        ("plain", "frames", ["--weight=1e300"], ["--weight=1e300", "0 to 1e+09"]),
        ("plain", "frames", ["--stages="], ["--stages", "no layer"]),
        ("plain", "frames", ["--film=", "--rate=3"], ["--rate", "--film"]),
        ("plain", "frames", ["--beside=apart,apart"], ["--beside=apart", "twice"]),
        ("plain", "frames", ["--weight=1,2,3"], ["3 weights do not fit 2 stages"]),
        ("plain", "frames", ["--beside=nothing"], ["--beside=nothing", "without, apart"]),
        ("plain", "frames", ["--film=webm"], ["--film=webm"]),
        ("plain", "frames", ["--stages=latent,conv_9"], ["conv_9"]),
        ("plain", "frames", ["--solver=newton"], ["newton"]),
        ("plain", "frames", ["--start=stored"], ["tfinv.invert"]),
        ("plain", "frames", ["--restarts=2"], ["--restarts", "nothing to this command"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(saved, tmp_path, generator, clip, more, words):
    done = video(saved, tmp_path / "out", *more, generator=generator, clip=clip)
    done.refused(*words)


def test_a_folder_of_frames_is_not_written_into(saved):
    for folder in (saved / "frames", saved / "frames" / "out"):
        video(saved, folder, "--overwrite").refused("--output_dir", "among the frames")


def test_frames_that_have_changed_are_noticed(saved, tmp_path):
    frames = tmp_path / "frames"
    shutil.copytree(saved / "frames", frames)
    one = ("--stages=dense", "--film=")
    assert video(tmp_path, tmp_path / "out", *one, generator=saved / "plain").status == 0
    weights = (tmp_path / "out" / "config.cfg").read_text().splitlines()
    assert "--weight=4.5e-7" in weights
    Image.new("RGB", (8, 8), "red").save(frames / "0.png")
    again = video(tmp_path, tmp_path / "out", *one, generator=saved / "plain")
    again.refused("is about other pictures")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
