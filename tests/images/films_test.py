"""Films hold the frames that were written, in a size that players take."""

from __future__ import annotations

import io
import sys
import weakref

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tfinv.errors import UserError
from tfinv.images.films import FILMS, write_film, write_mp4


def ramp(count=5, height=9, width=7):
    """Pictures whose brightness and colour tell which frame they are."""
    images = np.zeros((count, height, width, 3), np.float32)
    images += np.linspace(0.1, 0.9, count)[:, None, None, None]
    images[:, :, : width // 2, 0] = 0.0
    return images


def written(kind, images, rate=10.0):
    file = io.BytesIO()
    write_film(file, kind, images, rate)
    return file.getvalue()


def test_a_gif_holds_every_frame_and_its_pause():
    images = ramp()
    with Image.open(io.BytesIO(written("gif", images, rate=8.0))) as film:
        assert (film.n_frames, film.info["loop"]) == (5, 0)
        frames = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(film)]
        pauses = {f.info["duration"] for f in ImageSequence.Iterator(film)}
    assert pauses == {120}  # GIF counts hundredths
    assert frames[0].shape == (324, 252, 3)  # by a whole factor
    for frame, image in zip(frames, images, strict=True):
        np.testing.assert_allclose(frame[18::36, 18::36] / 255, image, atol=3 / 255)


def test_an_mp4_holds_every_frame():
    import imageio.v3 as iio

    images = ramp(height=15, width=15)
    frames = iio.imread(written("mp4", images), extension=".mp4", plugin="pyav")
    assert frames.shape == (5, 256, 256, 3)  # 17 times 15 is 255, which H.264 does not take
    means = frames[:, 20:-20, 20:-20].reshape(5, -1, 3).mean(1) / 255
    np.testing.assert_allclose(means[:, 1], np.linspace(0.1, 0.9, 5), atol=0.03)


def test_frames_of_an_mp4_are_forgotten_once_they_are_written(monkeypatch):
    gone, most = [], []

    def frames():
        for number in range(20):
            frame = np.zeros((16, 16, 3), np.uint8)
            weakref.finalize(frame, gone.append, number)
            most.append(number + 1 - len(gone))
            yield frame
            del frame

    write_mp4(io.BytesIO(), frames(), 10.0)
    assert len(most) == 20 and max(most) <= 3

    # What brings them to size does not collect them either.
    monkeypatch.setitem(FILMS, "mp4", lambda file, frames, rate: next(frames))
    images = iter(ramp(3))
    write_film(io.BytesIO(), "mp4", images, 10.0)
    assert len(list(images)) == 2


@pytest.mark.parametrize("kind", FILMS)
def test_one_seed_one_film(kind):
    assert written(kind, ramp(3)) == written(kind, ramp(3))


def test_a_row_of_small_pictures_is_as_large_as_each_alone():
    with Image.open(io.BytesIO(written("gif", np.zeros((2, 32, 134, 3))))) as film:
        assert film.size == (1072, 256)


def test_one_picture_and_grey_pictures_are_films_too():
    with Image.open(io.BytesIO(written("gif", ramp(1)))) as film:
        assert film.n_frames == 1
    assert written("mp4", ramp(2)[..., :1])[4:8] == b"ftyp"


def test_what_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"writing \.mp4 takes imageio and av .*tfinv\[video\]"):
        written("mp4", ramp())
    assert written("gif", ramp())[:6] == b"GIF89a"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
