"""A video through all stages: what is carried from batch to batch, and what is kept."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from generators import hierarchical, tiny

from tfinv.applications.video.sequence import Found, VideoInverter
from tfinv.applications.video.steadiness import code_steps, pixel_steps, steadiness
from tfinv.errors import UserError
from tfinv.images.metrics import rmse
from tfinv.inversion.engine import Inverter


def clip(generator, count=6, label=None):
    """What is drawn on the way between two latents."""
    ends = np.random.default_rng(2).standard_normal((2, generator.latent_size))
    share = np.linspace(0, 1, count)[:, None]
    z = ((1 - share) * ends[0] + share * ends[1]).astype(np.float32)
    return generator(z, None if label is None else [label] * count).numpy()


@pytest.fixture(scope="module", name="video")
def inverter_of_a_tiny_generator():
    inverter = Inverter(tiny.loaded(), max_evaluations=[20, 30], batch_size=2)
    return VideoInverter(inverter, 2)


@pytest.fixture(scope="module", name="frames")
def frames_of_it():
    return clip(tiny.loaded())


@pytest.fixture(scope="module", name="done")
def with_the_term(video, frames):
    return video.run(frames, [1e-3, 1e-4])


def test_every_stage_has_every_frame(video, frames, done):
    assert [found.codes.shape for found in done] == [(6, 8), (6, 4, 4, 16)]
    for found, stage in zip(done, video.stages, strict=True):
        drawn = np.clip(stage.split.g2(found.codes).numpy(), 0, 1)
        np.testing.assert_allclose(found.images, drawn, atol=1e-5)
        np.testing.assert_allclose(found.rmse, rmse(drawn, frames), atol=1e-6)
        assert found.rmse.max() < 0.1
        np.testing.assert_array_equal(found.evaluations[[1, 3]], found.evaluations[[2, 4]])
    np.testing.assert_array_equal(done[1].latents, done[0].codes)


def test_the_first_frame_is_inverted_as_a_picture_is(video, frames, done):
    alone = video.inverter.run_batch(frames[:1], [0], slots=1)
    for found, stage in zip(done, alone.stages, strict=True):
        np.testing.assert_array_equal(found.codes[0], stage.codes[0])


def test_the_term_makes_codes_steadier(video, frames, done):
    loose = video.run(frames, [0.0, 0.0])
    # Few latents draw the same picture, and many codes do.
    for one, other, share in zip(done, loose, (1.0, 0.9), strict=True):
        assert steadiness(one).code_step < share * steadiness(other).code_step
        np.testing.assert_array_equal(one.codes[0], other.codes[0])
    apart = video.run_apart(frames)
    assert steadiness(apart[1]).code_step > steadiness(done[1]).code_step
    pictures = video.inverter.run_batch(frames[2:4], [2, 3], slots=2)
    np.testing.assert_array_equal(apart[1].codes[2:4], pictures.codes)


def test_what_is_kept_is_not_computed_again(video, frames, done):
    kept: dict[str, Found] = {}
    asked = []

    def keep(name, rows, compute):
        asked.append((name, list(rows)))
        if name not in kept:
            kept[name] = compute()
        return kept[name]

    first = video.run(frames[:4], [1e-3, 1e-4], keep=keep)
    assert [name for name, _ in asked] == [f"{n}-{k:06d}" for n in (0, 1) for k in (0, 1, 3)]
    assert [rows for _, rows in asked[:3]] == [[0], [1, 2], [3]]
    # A batch that is not full, and a video that goes on behind it, change nothing before.
    np.testing.assert_array_equal(first[0].codes[:3], done[0].codes[:3])
    del kept["1-000003"]
    again = video.run(frames[:4], [1e-3, 1e-4], keep=keep)
    np.testing.assert_array_equal(again[1].codes, first[1].codes)


def test_z_beside_the_code_and_labels_are_carried_along():
    generator = hierarchical.loaded()
    inverter = Inverter(
        generator, ("latent", "map:0"), labels=None, max_evaluations=[20, 30], batch_size=2
    )
    video = VideoInverter(inverter, 2)
    frames = clip(generator, 4, label=1)
    latent, dense = video.run(frames, [1e-5, 1e-6], 1)
    split = video.stages[1].split
    drawn = split.g2(dense.codes, dense.latents, [1] * 4).numpy()
    np.testing.assert_allclose(dense.images, np.clip(drawn, 0, 1), atol=1e-5)
    unread = ~split.latent_read
    assert unread.any()
    np.testing.assert_array_equal(dense.latents[:, unread], latent.codes[:, unread])
    assert np.all(dense.rmse < latent.rmse.max() + 0.05)


def test_wishes_that_do_not_fit_are_one_line(video, frames):
    with pytest.raises(UserError, match="1 weights do not fit 2 stages"):
        video.run(frames, [0.0])
    generator = hierarchical.loaded()
    free = Inverter(generator, ("latent", "map:0"), optimize=("code", "labels"))
    with pytest.raises(UserError, match="labels are held in a video"):
        VideoInverter(free)


def test_steps_are_means_over_numbers_and_pixels():
    codes = np.array([[0.0, 0.0], [1.0, -3.0], [1.0, -3.0]])
    np.testing.assert_array_equal(code_steps(codes), [2.0, 0.0])
    images = np.zeros((3, 2, 2, 1))
    images[1] = 0.5
    np.testing.assert_array_equal(pixel_steps(images), [0.5, 0.5])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
