"""Vectors recover what was planted in codes, move points, and know where they belong."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from applications.editing.stored import inverted
from generators import hierarchical, tiny

from tfinv.applications.codes import draw
from tfinv.applications.editing.vectors import (
    as_rows,
    learn_vector,
    load_vector,
    move,
    save_vector,
)
from tfinv.errors import UserError

COUNT = 60
LABELS = {"odd": np.arange(COUNT) % 2.0, "late": (np.arange(COUNT) > 40).astype(float)}


def with_planted(generator, layer="dense"):
    """Samples, every other one moved along a planted vector."""
    import dataclasses

    there = inverted(generator, COUNT, layer)
    rng = np.random.default_rng(1)
    v = rng.normal(size=there.split.code_shape).astype(np.float32)
    u = np.where(there.split.latent_read, rng.normal(size=there.split.latent_size), 0)
    odd = LABELS["odd"].astype(np.float32)
    latents = there.points.latents + odd[:, None] * u.astype(np.float32)
    codes = there.points.codes + np.multiply.outer(odd, v)
    points = there.points.replace(codes=codes, latents=latents)
    return dataclasses.replace(there, points=points), v, u


@pytest.mark.parametrize("made", [tiny, hierarchical])
def test_a_vector_has_the_part_of_the_code_and_that_of_z_which_is_read(made):
    there, _, _ = with_planted(made.loaded())
    vector = learn_vector(there, "odd", LABELS)
    odd = LABELS["odd"] == 1
    rows = as_rows(there.split, there.points)
    np.testing.assert_allclose(vector.row, rows[odd].mean(0) - rows[~odd].mean(0), atol=1e-5)
    assert vector.about.counts == (30, 30) and vector.about.accuracy > 0.9
    assert not vector.about.is_weak and vector.about.warning is None
    if made is hierarchical:
        assert there.split.latent_read.any() and not vector.latent[~there.split.latent_read].any()
        assert np.abs(vector.latent[there.split.latent_read]).min() > 0
    else:
        assert vector.latent is None


def test_pictures_without_a_label_are_not_learnt_from():
    there, _, _ = with_planted(tiny.loaded())
    few = {"odd": np.where(np.arange(COUNT) < 20, LABELS["odd"], np.nan)}
    vector = learn_vector(there, "odd", few)
    rows = as_rows(there.split, there.points)
    expected = rows[1:20:2].mean(0) - rows[0:20:2].mean(0)
    np.testing.assert_allclose(vector.row, expected, atol=1e-5)
    with pytest.raises(UserError, match=r"^odd: 1 pictures with an attribute"):
        learn_vector(there, "odd", {"odd": np.where(np.arange(COUNT) < 3, LABELS["odd"], np.nan)})


def test_a_direction_of_nothing_is_warned_of():
    there = inverted(tiny.loaded(), COUNT)
    labels = {"heads": np.random.default_rng(4).permutation(LABELS["odd"])}
    about = learn_vector(there, "heads", labels).about
    assert about.is_weak and "hardly better than guessing" in about.warning


@pytest.mark.parametrize("made", [tiny, hierarchical])
@pytest.mark.parametrize("layer", ["latent", "dense"])
def test_points_move_along_and_stay_at_zero(made, layer):
    there, _, _ = with_planted(made.loaded(), layer)
    vector = learn_vector(there, "odd", LABELS, held=["late"])
    before = as_rows(there.split, there.points)
    moved = move(there.points, vector, -1.5)
    after = as_rows(there.split, moved)
    np.testing.assert_allclose(after - before, np.tile(-1.5 * vector.row, [COUNT, 1]), atol=1e-4)
    if layer == "latent":
        np.testing.assert_array_equal(moved.latents, moved.codes)
    still = move(there.points, vector, 0.0)
    np.testing.assert_array_equal(still.codes, there.points.codes)
    np.testing.assert_array_equal(draw(there.split, still), draw(there.split, there.points))


@pytest.mark.parametrize("made", [tiny, hierarchical])
def test_a_vector_is_kept_in_a_file(made, tmp_path):
    there, _, _ = with_planted(made.loaded())
    vector = learn_vector(there, "odd", LABELS, held=["late"], method="logistic")
    with open(tmp_path / "v.npz", "wb") as file:
        save_vector(file, vector)
    again = load_vector(tmp_path / "v.npz", there)
    np.testing.assert_array_equal(again.row, vector.row)
    assert (again.about, again.layer) == (vector.about, vector.layer)


def test_a_vector_of_something_else_is_refused(tmp_path):
    there, _, _ = with_planted(tiny.loaded())
    path = tmp_path / "v.npz"
    with open(path, "wb") as file:
        save_vector(file, learn_vector(there, "odd", LABELS))
    with pytest.raises(UserError, match="is of another generator"):
        load_vector(path, inverted(hierarchical.loaded()))
    with pytest.raises(UserError, match=r"is of the layer .* and the codes are at latent"):
        load_vector(path, inverted(tiny.loaded(), layer="latent"))
    with pytest.raises(UserError, match="cannot be read"):
        load_vector(tmp_path / "nowhere.npz", there)
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    for junk in (b"", b"junk", path.read_bytes()[:-40], buffer.getvalue()):
        path.write_bytes(junk)
        with pytest.raises(UserError, match="no attribute vector that tfinv has written"):
            load_vector(path, there)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
