"""Frames come back from videos, GIFs and folders, in order and upright."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from tfinv.errors import UserError
from tfinv.images.films import write_gif, write_mp4
from tfinv.images.frames import open_film

HEIGHT, WIDTH = 32, 48


def pictures(count=4):
    """Grey levels that rise, with a white corner at the top left."""
    frames = np.zeros((count, HEIGHT, WIDTH, 3), np.uint8)
    frames += np.linspace(20, 160, count).astype(np.uint8)[:, None, None, None]
    frames[:, :16, :16] = 255
    return frames


def saved(path, write, rate=10.0):
    buffer = io.BytesIO()
    write(buffer, pictures(), rate)
    path.write_bytes(buffer.getvalue())
    return str(path)


@pytest.mark.parametrize(("name", "write"), [("a.gif", write_gif), ("a.MP4", write_mp4)])
def test_what_was_written_is_read(tmp_path, name, write):
    film = open_film(saved(tmp_path / name, write))
    assert film.rate == pytest.approx(10.0)
    found = dict(film.frames)
    assert list(found) == [f"frame-{k:05d}" for k in range(4)]
    for frame, picture in zip(found.values(), pictures(), strict=True):
        assert frame.dtype == np.uint8
        np.testing.assert_allclose(frame.astype(int), picture, atol=12)


def test_a_folder_of_frames_is_a_film_without_a_rate(tmp_path):
    for number, picture in enumerate(pictures()):
        Image.fromarray(picture).save(tmp_path / f"{number:02d}.png")
    film = open_film(str(tmp_path))
    assert film.rate is None
    names, frames = zip(*film.frames, strict=True)
    assert names == ("00.png", "01.png", "02.png", "03.png")
    np.testing.assert_array_equal(frames, pictures())


def test_frames_are_ordered_by_the_values_of_their_numbers(tmp_path):
    names = ["2.png", "10.png", "a1b2.png", "a1b10.png", "a02.png", "b.png"]
    for name in reversed(names):
        Image.fromarray(pictures(1)[0]).save(tmp_path / name)
    assert [name for name, _ in open_film(str(tmp_path)).frames] == names
    found = [name for name, _ in open_film(str(tmp_path / "*.png")).frames]
    assert found == names


def test_the_rate_of_a_gif_is_the_mean_of_its_pauses(tmp_path):
    frames = [Image.fromarray(picture) for picture in pictures()]
    pauses = {"duration": [500, 20, 20, 60], "append_images": frames[1:]}
    frames[0].save(tmp_path / "a.gif", save_all=True, **pauses)
    assert open_film(str(tmp_path / "a.gif")).rate == pytest.approx(4 / 0.6)


def test_a_video_that_a_telephone_wrote_lying_is_turned(tmp_path):
    path = saved(tmp_path / "a.mp4", write_mp4)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    # ISO/IEC 14496-12: the track header's matrix; this one maps right to down, a turn clockwise.
    matrix = data.index(b"tkhd") + 44
    assert struct.unpack(">9i", data[matrix : matrix + 36])[0] == 1 << 16
    one = 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, HEIGHT * one, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(bytes(data))
    _, frame = next(open_film(str(tmp_path / "turned.mp4")).frames)
    assert frame.shape == (WIDTH, HEIGHT, 3)
    corners = frame[[4, 4, -4, -4], [4, -4, 4, -4], 0]
    assert corners.argmax() == 1  # what was at the top left is at the top right


def test_a_gif_without_pauses_and_with_holes(tmp_path):
    frames = [Image.new("RGBA", (8, 8), (200, 0, 0, 255)) for _ in range(2)]
    frames[0].paste((0, 0, 0, 0), (0, 0, 4, 8))
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    film = open_film(str(tmp_path / "a.gif"))
    assert film.rate is None
    first, last = dict(film.frames).values()
    np.testing.assert_array_equal(first[0, [0, 7]], [[255, 255, 255], [200, 0, 0]])
    np.testing.assert_array_equal(last[0, [0, 7]], [[200, 0, 0], [200, 0, 0]])


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_damage_is_one_line(tmp_path, name):
    path = saved(tmp_path / name, write_gif if name.endswith("gif") else write_mp4)
    whole = (tmp_path / name).read_bytes()
    for cut in (0, 30, len(whole) // 2):
        (tmp_path / name).write_bytes(whole[:cut])
        with pytest.raises(UserError, match=f"{name}.*cannot be read") as caught:
            assert len(list(open_film(path).frames)) == 4
        assert "\n" not in str(caught.value)


def test_what_is_no_film_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"a\.mp4: no such file"):
        open_film(str(tmp_path / "a.mp4"))
    with pytest.raises(UserError, match="nowhere"):
        open_film(str(tmp_path / "nowhere"))
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'tfinv\[video\]'"):
        open_film(str(tmp_path / "a.mp4"))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
