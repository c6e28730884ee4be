"""Chains, masks and observations: what is known, what is guessed, and what is kept of it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from results import fakes
from skimage.restoration import inpaint_biharmonic

from tfinv.errors import UserError
from tfinv.inversion.degradations import Degradation, find_degradation
from tfinv.inversion.degradations.masks import Mask

SHAPE = (16, 16, 3)
PICTURES = np.stack([fakes.smooth(np.random.default_rng(k), 16) for k in range(3)])
OTHERS = np.stack([fakes.smooth(np.random.default_rng(k), 16) for k in range(10, 13)])


def find(text: str) -> Degradation:
    return find_degradation(text, SHAPE)


def test_steps_follow_each_other():
    both = find("downsample:4 + greyscale")
    assert both.shape == both.seen_shape == (4, 4, 1)
    one, other = find("downsample:4"), find_degradation("greyscale", (4, 4, 3))
    np.testing.assert_allclose(
        both.observe(PICTURES), other.observe(one.observe(PICTURES)), atol=1e-6
    )


@pytest.mark.parametrize(("text", "unknown"), [("center:0.25", 64), ("random:0.3", 77)])
def test_a_mask_leaves_so_many_pixels_unknown_and_is_part_of_the_observation(text, unknown):
    masked = find(text)
    assert masked.shape == (16, 16, 4) and masked.seen_shape == SHAPE
    observations = masked.observe(PICTURES)
    seen, known = masked.take_apart(observations)
    assert set(np.unique(known)) == {0, 1}
    assert (known == 0).sum((1, 2, 3)).tolist() == [unknown] * 3
    np.testing.assert_array_equal(seen, PICTURES * known)
    np.testing.assert_array_equal(observations[..., :3], seen)


def test_the_centre_is_in_the_centre():
    known = find("center:0.25").known([0])[0]
    assert not known[4:12, 4:12].any() and known.sum() == 256 - 64
    odd = find_degradation("center:0.25", (7, 9, 3)).known([0])[0]
    rows, columns = np.where(~odd)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 4, 2, 5)


def test_random_masks_are_of_the_image_and_the_seed():
    masked = find("random:0.5")
    one = masked.known([3, 4])
    assert (one[0] != one[1]).any()
    np.testing.assert_array_equal(one[1], masked.known([4])[0])
    assert (masked.known([3], seed=1)[0] != one[0]).any()


def test_what_is_unknown_is_gone():
    masked = find("center:0.25")
    changed = PICTURES.copy()
    changed[:, 4:12, 4:12] = np.nan
    np.testing.assert_array_equal(masked.observe(changed), masked.observe(PICTURES))
    raw = np.concatenate([changed, masked.observe(PICTURES)[..., 3:]], 3)
    np.testing.assert_array_equal(masked.take_apart(raw)[0], masked.observe(PICTURES)[..., :3])


def test_masks_from_outside():
    known = np.ones((16, 16), bool)
    known[:5] = False
    found = find("mask").observe(PICTURES, known)
    np.testing.assert_array_equal(found[2, ..., 3] > 0, known)
    each = np.stack([known, ~known, known])
    np.testing.assert_array_equal(find("mask").observe(PICTURES, each)[..., 3] > 0, each)
    with pytest.raises(UserError, match="makes no map"):
        find("mask").observe(PICTURES)


@pytest.mark.parametrize("text", ["downsample:4", "center:0.25", "downsample:2+random:0.4"])
def test_rmse_is_over_what_is_known_alone(text):
    one = find(text)
    observations = one.observe(PICTURES)
    drawn = one.observe(OTHERS)
    weights = observations[..., 3:] if one.mask else np.ones_like(drawn[..., :1])
    squares = (drawn[..., :3] - observations[..., :3]) ** 2 * weights
    truth = np.sqrt([s[w[..., 0] > 0].mean() for s, w in zip(squares, weights, strict=True)])
    np.testing.assert_allclose(one.rmse(OTHERS, observations), truth, rtol=1e-4)
    assert one.rmse(PICTURES, observations).max() < 1e-6


def test_guesses_of_a_hole_are_the_mean_and_scikit_images():
    masked = find("center:0.25")
    guesses = masked.guesses(masked.observe(PICTURES))
    assert list(guesses) == ["mean", "biharmonic"]
    hole = ~masked.known([0])[0]
    for picture, mean, smooth in zip(PICTURES, *guesses.values(), strict=True):
        np.testing.assert_array_equal(mean[~hole], picture[~hole])
        np.testing.assert_allclose(mean[hole], picture[~hole].mean(0) + 0 * mean[hole], atol=1e-6)
        empty = np.where(hole[..., None], 0, picture)
        truth = np.clip(inpaint_biharmonic(empty, hole, channel_axis=-1), 0, 1)
        np.testing.assert_allclose(smooth, truth, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("downsample:4", ["nearest", "bicubic", "bicubic_agreed"]),
        ("blur:1", ["as_seen", "as_seen_agreed"]),
        ("blur:1+center:0.25", ["mean", "biharmonic"]),
        ("greyscale", ["as_seen"]),
        ("downsample:4+greyscale", ["nearest", "bicubic", "bicubic_agreed"]),
        (
            "downsample:2+random:0.5",
            ["mean_nearest", "biharmonic_bicubic", "biharmonic_bicubic_agreed"],
        ),
        ("jpeg:20", ["as_seen"]),
        ("projections:60", ["least_squares"]),
    ],
)
def test_every_chain_has_guesses(text, names):
    one = find(text)
    guesses = one.guesses(one.observe(PICTURES))
    assert list(guesses) == names
    assert all(g.shape == PICTURES.shape and 0 <= g.min() <= g.max() <= 1 for g in guesses.values())


def test_a_guess_is_made_to_agree_as_a_restored_picture_is():
    """Else what the pseudo-inverse brings back would count for the generator."""
    one = find("blur:1")
    observations = one.observe(PICTURES)
    guesses = one.guesses(observations)
    np.testing.assert_array_equal(
        guesses["as_seen_agreed"], one.agree(guesses["as_seen"], observations)
    )
    before, after = (((guess - PICTURES) ** 2).mean() for guess in guesses.values())
    assert after < 0.5 * before


def test_pictures_agree_alike_alone_and_among_others():
    one = find("downsample:4")
    observations, wild = one.observe(PICTURES), np.rint(OTHERS)  # clipped: many rounds
    wild[1] = PICTURES[1]  # and this one needs none
    found = one.agree(wild, observations)
    for k in range(3):
        np.testing.assert_array_equal(
            one.agree(wild[k : k + 1], observations[k : k + 1])[0], found[k]
        )


def test_bytes_are_pictures_too():
    one = find("downsample:4+random:0.5")
    bytes_ = np.rint(PICTURES * 255).astype(np.uint8)
    np.testing.assert_array_equal(one.observe(bytes_), one.observe(bytes_ / np.float32(255)))
    small = bytes_[:, ::4, ::4]
    np.testing.assert_array_equal(one.join(small), one.join(small / np.float32(255)))


def test_how_far_a_picture_is_from_what_jpeg_left_is_as_truly_rounded():
    one = find("jpeg:20")
    assert one.rmse(PICTURES, one.observe(PICTURES)).max() == 0.0


def test_the_least_squares_guess_has_the_projections_that_were_seen():
    one = find("projections:60")
    flat = np.full_like(PICTURES, 0.5) + 0.02 * (PICTURES - 0.5)  # nothing of it is clipped
    observations = one.observe(flat)
    assert one.rmse(one.guesses(observations)["least_squares"], observations).max() < 1e-5


@pytest.mark.parametrize(
    "text", ["downsample:4", "bicubic:2", "greyscale", "downsample:2+greyscale", "center:0.25"]
)
def test_what_agrees_is_what_was_seen_and_the_rest_is_as_drawn(text):
    one = find(text)
    flat, drawn = (0.5 + 0.1 * (x - 0.5) for x in (PICTURES, OTHERS))  # nothing of it is clipped
    observations = one.observe(flat)
    found = one.agree(drawn, observations)
    assert one.can_agree and found.dtype == np.float32
    assert one.rmse(found, observations).max() < 1e-6 < 0.01 < one.rmse(drawn, observations).min()
    # Nothing is nearer to what was drawn: what was changed is in the range of A^T.
    for other in (flat, found + (flat - one.agree(found, one.observe(flat)))):
        assert np.sum((found - drawn) ** 2) <= np.sum((other - drawn) ** 2) + 1e-6
    np.testing.assert_allclose(one.agree(flat, observations), flat, atol=1e-6)


def test_known_pixels_are_kept_exactly():
    for text in ("center:0.25", "random:0.5"):
        masked = find(text)
        found = masked.agree(OTHERS, masked.observe(PICTURES))
        known = masked.known(range(3))
        np.testing.assert_array_equal(found[known], PICTURES[known])
        np.testing.assert_array_equal(found[~known], OTHERS[~known])


def test_a_blur_is_not_undone_where_it_let_nothing_through():
    one = find("blur:2")
    noisy = one.observe(PICTURES) + np.float32(0.01) * (-1) ** np.arange(16)[:, None]
    assert np.abs(one.agree(PICTURES, noisy) - PICTURES).max() < 0.1


@pytest.mark.parametrize("text", ["jpeg:20", "projections:60", "blur:1+center:0.25"])
def test_where_nothing_can_be_made_to_agree_pictures_stay_as_drawn(text):
    one = find(text)
    assert not one.can_agree
    np.testing.assert_array_equal(one.agree(OTHERS, one.observe(PICTURES)), OTHERS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("downsampel:4", "'downsampel' is not known"),
        ("", "'' is not known"),
        ("downsample:4+", "'' is not known"),
        ("center:0.25+blur:1", "a mask comes last"),
        ("center:0.25+random:0.5", "there is only one"),
        ("projections:50+greyscale", "nothing follows projections"),
        ("greyscale+greyscale", "3 channels"),
        ("downsample:8+downsample:4", "does not divide pictures of 2x2"),
        ("center:0", "share that is unknown"),
        ("center:1.5", "share that is unknown"),
        ("random:x", "share that is unknown"),
        ("mask:3", "takes no number"),
    ],
)
def test_chains_that_make_no_sense_are_one_line(text, words):
    with pytest.raises(UserError, match=words) as error:
        find(text)
    assert "\n" not in str(error.value)


def test_masks_of_all_or_nothing_and_wrong_shapes_are_one_line():
    masked = find("mask")
    for known, words in ((np.zeros, "no pixel is known"), (np.ones, "every pixel is known")):
        with pytest.raises(UserError, match=words):
            masked.observe(PICTURES, known((16, 16), bool))
    with pytest.raises(UserError, match=r"shape \[8, 8\] does not fit"):
        masked.observe(PICTURES, np.ones((8, 8), bool))
    with pytest.raises(UserError, match="has no mask"):
        find("blur:1").observe(PICTURES, np.ones((16, 16), bool))
    with pytest.raises(UserError, match="cannot be degraded"):
        find("blur:1").observe(PICTURES[:, :8])
    with pytest.raises(UserError, match=r"are not what downsample:4 leaves: \[count, 4, 4, 3\]"):
        find("downsample:4").join(PICTURES)
    for text, words in (("center:0.01", "every pixel is known"), ("random:0.99", "no pixel is")):
        with pytest.raises(UserError, match=words):
            find_degradation(text, (4, 4, 3))
    assert isinstance(find("center:0.25").mask, Mask)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
