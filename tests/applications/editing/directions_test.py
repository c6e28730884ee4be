"""Directions against planted ones, closed forms, and a regression by plain gradient descent."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfinv.applications.editing.directions import accuracy, chance, direction, logistic_normals
from tfinv.errors import UserError


def planted(count=600, size=24, together=0.5, noise=0.5, seed=0):
    """Rows base + a v + b w + noise; a and b agree with a probability; v and w are orthogonal."""
    rng = np.random.default_rng(seed)
    v, w = np.linalg.qr(rng.normal(size=(size, 2)))[0].T * [[2.0], [3.0]]
    a = rng.random(count) < 0.5
    b = np.where(rng.random(count) < together, a, ~a)
    rows = rng.normal(size=size) + np.outer(a, v) + np.outer(b, w)
    return rows + noise * rng.normal(size=rows.shape), np.stack([a, b], 1), v, w


def test_the_difference_of_means_is_the_planted_vector_to_the_sampling_error():
    rows, labels, v, _ = planted(together=0.5)
    has = labels[:, 0]
    found = direction(rows, labels[:, :1])
    np.testing.assert_allclose(found, rows[has].mean(0) - rows[~has].mean(0), atol=1e-12)
    # With b held, the error of each number is normal with this variance, and |error|^2 chi-square.
    held = direction(rows, labels)
    variance = 0.5**2 * (1 / has.sum() + 1 / (~has).sum())
    size = len(v)
    assert np.sum((held - v) ** 2) / variance < size + 6 * np.sqrt(2 * size)


def test_of_two_that_come_together_the_one_does_not_take_the_other_along():
    rows, labels, v, w = planted(together=0.9)
    alone, held = direction(rows, labels[:, :1]), direction(rows, labels)
    assert alone @ w / (w @ w) > 0.7  # most of the other comes along
    assert abs(held @ w / (w @ w)) < 0.05
    assert held @ v / (v @ v) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("method", ["mean", "logistic"])
def test_what_is_held_is_orthogonal(method):
    rows, labels, _, _ = planted(together=0.8, size=6)
    found = direction(rows, labels, method)
    if method == "mean":  # NumPy's own least squares, then Gram and Schmidt
        design = np.column_stack([np.ones(len(rows)), labels])
        _, own, other = np.linalg.lstsq(design, rows, rcond=None)[0]
    else:
        own, other = logistic_normals(rows, labels)
    left = own - (own @ other) / (other @ other) * other
    np.testing.assert_allclose(
        found / np.linalg.norm(found), left / np.linalg.norm(left), atol=1e-9
    )
    assert abs(found @ other) < 1e-9 * np.linalg.norm(found) * np.linalg.norm(other)


@pytest.mark.parametrize("method", ["mean", "logistic"])
def test_a_step_of_one_takes_one_mean_to_the_other(method):
    rows, labels, _, _ = planted(size=8)
    has, found = labels[:, 0], direction(rows, labels[:, :1], method)
    along = rows @ found / np.linalg.norm(found)
    apart = along[has].mean() - along[~has].mean()
    assert apart == pytest.approx(np.linalg.norm(found), rel=1e-9)


@pytest.mark.parametrize("size", [5, 60])  # fewer numbers than points, and more
def test_the_regression_is_that_of_gradient_descent(size):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(20, size)) + 3.0
    has = np.arange(20) < 6
    rows[has] += 0.7
    centred = rows - rows.mean(0)
    centred /= np.sqrt((centred**2).sum(1).mean())
    sign, share = np.where(has, 1.0, -1.0), np.where(has, 0.5 / 6, 0.5 / 14)
    w, b = np.zeros(size), 0.0
    for _ in range(20000):
        pull = -share * sign / (1 + np.exp(sign * (centred @ w + b)))
        w, b = w - (centred.T @ pull + 0.1 * w), b - pull.sum()
    [found] = logistic_normals(rows, has[:, None], penalty=0.1)
    np.testing.assert_allclose(found, w / np.linalg.norm(w), atol=1e-6)


def test_the_regression_sees_past_noise_that_hides_the_difference_of_means():
    rng = np.random.default_rng(2)
    has = rng.random(400) < 0.5
    loud = rng.normal(size=400)
    # The attribute is the difference of two numbers that share loud noise.
    rows = np.stack([4 * loud + has, 4 * loud], 1) + 0.1 * rng.normal(size=(400, 2))
    labels = has[:, None]
    assert accuracy(rows, labels, "mean") < 0.7
    assert accuracy(rows, labels, "logistic") > 0.9


def test_accuracy_is_of_points_that_were_held_back():
    rng = np.random.default_rng(3)
    rows, labels = rng.normal(size=(60, 400)), rng.random((60, 1)) < 0.5
    along = direction(rows, labels)
    has = labels[:, 0]
    assert (rows[has] @ along).min() > (rows[~has] @ along).max()  # those it was made of, it knows
    assert accuracy(rows, labels) < chance(labels) + 0.1
    rows[has, 0] += 30.0
    assert accuracy(rows, labels) == 1.0
    assert accuracy(rows, labels, seed=1) == accuracy(rows, labels, seed=1)


def test_chance_is_two_standard_deviations_of_guessing():
    rng = np.random.default_rng(4)
    has = np.arange(100) < 20
    guesses = rng.random((20000, 100)) < 0.5
    shares = (guesses[:, has].mean(1) + 1 - guesses[:, ~has].mean(1)) / 2
    assert chance(has) == pytest.approx(0.5 + 2 * shares.std(), abs=0.005)


def test_too_few_points_have_no_direction_and_a_few_no_accuracy():
    rows = np.random.default_rng(5).normal(size=(8, 4))
    with pytest.raises(UserError, match="2 pictures with an attribute and 6 without"):
        direction(rows, np.arange(8)[:, None] < 2)
    labels = np.arange(8)[:, None] < 3
    direction(rows, labels)
    assert np.isnan(accuracy(rows, labels))


def test_an_attribute_that_follows_from_a_held_one_is_refused():
    rows, labels, _, _ = planted(count=40)
    with pytest.raises(UserError, match="follows from those that are held"):
        direction(rows, np.stack([labels[:, 0], ~labels[:, 0]], 1))
    with pytest.raises(UserError, match="nothing is left"):
        direction(rows[:, :1], labels, "logistic")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
