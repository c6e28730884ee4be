"""Every step against NumPy, SciPy and Pillow; and all of them under XLA, with their gradients."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from results import fakes
from scipy import ndimage

from tfinv.errors import UserError
from tfinv.inversion.degradations import STEPS

SHAPE = (16, 24, 3)
PICTURES = np.stack([fakes.smooth(np.random.default_rng(k), 24)[:16] for k in range(3)])
NOISE = np.random.default_rng(5).random((3, *SHAPE)).astype(np.float32)
ALL = ["downsample:4", "bicubic:4", "greyscale", "blur:1.3", "jpeg:30", "projections:50"]
LINEAR = [text for text in ALL if not text.startswith("jpeg")]


def step(text: str, shape=SHAPE):
    name, _, argument = text.partition(":")
    return STEPS[name](argument, shape)


def pillow_bicubic(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    planes = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC))
        for plane in np.moveaxis(picture, 2, 0)
    ]
    return np.stack(planes, 2)


def pillow_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    bytes_ = np.rint(picture * 255).astype(np.uint8)
    Image.fromarray(bytes_).save(stream, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(stream)) / 255.0


TRUTHS = {
    "downsample:4": lambda x: x.reshape(4, 4, 6, 4, 3).mean((1, 3)),
    "bicubic:4": lambda x: pillow_bicubic(x, (6, 4)),
    "bicubic:2": lambda x: pillow_bicubic(x, (12, 8)),
    "greyscale": lambda x: 0.299 * x[..., :1] + 0.587 * x[..., 1:2] + 0.114 * x[..., 2:],
    "blur:1.3": lambda x: ndimage.gaussian_filter(x.astype(np.float64), (1.3, 1.3, 0)),
    # Wider than the picture is high: the mirror is mirrored again.
    "blur:9": lambda x: ndimage.gaussian_filter(x.astype(np.float64), (9, 9, 0)),
}


@pytest.mark.parametrize("text", TRUTHS)
def test_what_is_observed_is_what_another_library_makes_of_it(text):
    for pictures in (PICTURES, NOISE):
        found = step(text).observe(pictures)
        assert found.dtype == np.float32 and found.shape[1:] == step(text).shape
        truth = np.stack([TRUTHS[text](picture) for picture in pictures])
        np.testing.assert_allclose(found, truth, atol=3e-6)


@pytest.mark.parametrize("quality", [10, 40, 75, 95])
def test_jpeg_is_pillows_up_to_its_rounding_to_bytes(quality):
    bytes_ = np.rint(PICTURES * 255) / 255
    found = step(f"jpeg:{quality}").observe(bytes_.astype(np.float32))
    truth = np.stack([pillow_jpeg(picture, quality) for picture in bytes_])
    off = np.abs(found - truth) * 255
    # A coefficient midway between two steps may fall to either; that shows in few blocks.
    assert off.mean() < 1.2 and np.mean(off < 4) > 0.95
    assert np.abs(bytes_ - truth).mean() * 255 > 1.5 * off.mean() or quality > 90


def test_jpeg_of_grey_has_the_table_of_luma():
    grey = PICTURES[..., :1]
    found = step("jpeg:20", (16, 24, 1)).observe(grey)
    stream = io.BytesIO()
    Image.fromarray(np.rint(grey[0, ..., 0] * 255).astype(np.uint8)).save(
        stream, "JPEG", quality=20
    )
    truth = np.asarray(Image.open(stream)) / 255.0
    assert np.abs(found[0, ..., 0] - truth).mean() * 255 < 1.0


def test_jpeg_sees_a_smooth_rounding_that_is_near_the_true_one():
    seen = step("jpeg:30").see(tf.constant(NOISE)).numpy()
    observed = step("jpeg:30").observe(NOISE)
    other = np.abs(np.clip(seen, 0, 1) - observed).mean()
    assert 0 < other < 0.5 * np.abs(NOISE - observed).mean()


def test_projections_keep_the_mean_square_on_average_and_are_always_the_same():
    many = step("projections:1000")
    found = many.observe(NOISE - 0.5)
    np.testing.assert_allclose(
        (found**2).mean((1, 2, 3)), ((NOISE - 0.5) ** 2).mean((1, 2, 3)), rtol=0.15
    )
    np.testing.assert_array_equal(found, step("projections:1000").observe(NOISE - 0.5))
    np.testing.assert_allclose(
        found[0].ravel(), many.matrix.T @ (NOISE[0] - 0.5).ravel(), atol=1e-5
    )


@pytest.mark.parametrize("text", LINEAR)
def test_linear_steps_are_linear(text):
    see = step(text).see
    a, b = tf.constant(PICTURES), tf.constant(NOISE)
    np.testing.assert_allclose(
        see(0.3 * a - 2.0 * b), 0.3 * see(a) - 2.0 * see(b), atol=2e-5, rtol=1e-4
    )


@pytest.mark.parametrize("text", ALL)
def test_all_compile_and_have_their_gradient(text):
    see, x = step(text).see, tf.constant(PICTURES)
    compiled = tf.function(see, jit_compile=True)
    np.testing.assert_allclose(compiled(x), see(x), atol=3e-4)
    rng = np.random.default_rng(0)
    way = rng.standard_normal(see(x).shape).astype(np.float32)

    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(see(x) * way)
        return tape.gradient(value, x)

    if text in LINEAR:  # <A^T way, d> is <way, A d>
        d = rng.standard_normal(x.shape).astype(np.float32)
        np.testing.assert_allclose(
            np.sum(gradient(x) * d, dtype=np.float64),
            np.sum(see(tf.constant(d)) * way, dtype=np.float64),
            rtol=2e-3,
            atol=2e-2,
        )
    else:
        assert np.isfinite(gradient(x)).all() and np.abs(gradient(x)).max() > 0


@pytest.mark.parametrize("text", ALL)
def test_a_picture_is_observed_alike_alone_and_among_others(text):
    one = step(text)
    np.testing.assert_array_equal(one.observe(PICTURES[1:2])[0], one.observe(PICTURES)[1])


@pytest.mark.parametrize("text", ALL)
def test_what_is_lifted_is_a_picture_of_the_size_before(text):
    one = step(text)
    for smooth in (False, True):
        lifted = one.lift(one.observe(PICTURES), smooth)
        assert lifted.shape == PICTURES.shape and lifted.dtype == np.float32
        assert lifted.min() >= 0 and lifted.max() <= 1
        grey = np.full_like(PICTURES, 0.5)  # nothing is lost of it
        np.testing.assert_allclose(one.lift(one.observe(grey), smooth), grey, atol=0.01)


def test_a_small_picture_is_lifted_by_repeating_or_as_pillow_does():
    one = step("downsample:4")
    small = one.observe(PICTURES)
    np.testing.assert_array_equal(one.lift(small, False), small.repeat(4, 1).repeat(4, 2))
    truth = np.clip(pillow_bicubic(small[0], (24, 16)), 0, 1)
    np.testing.assert_allclose(one.lift(small, True)[0], truth, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("downsample:5", "does not divide pictures of 24x16"),
        ("downsample:1", "downsample:4"),
        ("downsample:x", "downsample:4"),
        ("downsample", "downsample:4"),
        ("bicubic:7", "does not divide"),
        ("greyscale:2", "takes no number"),
        ("blur:0", "standard deviation"),
        ("blur:nan", "standard deviation"),
        ("blur", "standard deviation"),
        ("jpeg:0", "1 to 100"),
        ("jpeg:101", "1 to 100"),
        ("projections:0", "from 1 to 1152"),
        ("projections:2000", "from 1 to 1152"),
    ],
)
def test_a_number_that_makes_no_sense_is_one_line(text, words):
    with pytest.raises(UserError, match=words) as error:
        step(text)
    assert "\n" not in str(error.value)


def test_shapes_that_a_step_cannot_take_are_one_line():
    with pytest.raises(UserError, match="3 channels"):
        step("greyscale", (8, 8, 1))
    with pytest.raises(UserError, match="whose sides 8 divides"):
        step("jpeg:50", (8, 12, 3))
    with pytest.raises(UserError, match="at most 85 measurements"):
        step("projections:90", (512, 512, 3))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
