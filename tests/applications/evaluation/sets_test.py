"""Sets of pictures: named, refused where not understood, and a random part chosen."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from applications import photos

from tfinv.applications.evaluation.sets import parse_sets
from tfinv.errors import UserError


def test_sets_are_read_from_one_text_or_several(tmp_path):
    folder = photos.write(tmp_path, photos.good(3))
    sets = parse_sets([f"a=sample:5; photos={folder},sample:2;", "n=noise:4"])
    assert [(s.name, s.size, s.drawn) for s in sets] == [
        ("a", 5, True),
        ("photos", 5, False),
        ("n", 4, False),
    ]
    assert parse_sets([s.text for s in sets]) == sets


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "no set"),
        ([" ; "], "no set"),
        (["sample:5"], "NAME=IMAGES"),
        (["=sample:5"], "NAME=IMAGES"),
        (["a/b=sample:5"], "NAME=IMAGES"),
        (["..=sample:5"], "NAME=IMAGES"),
        (["a=sample:5", "a=noise:5"], "twice"),
        (["a=sample:5", "A=noise:5"], "twice"),
        (["a=sample:0"], "set 'a': sample:0"),
        (["a=/nowhere/at/all"], "set 'a': /nowhere/at/all"),
        (["a="], "set 'a'"),
    ],
)
def test_what_is_no_set_is_refused_in_one_line(texts, words):
    with pytest.raises(UserError) as raised:
        parse_sets(texts)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_a_random_part_is_chosen_and_a_larger_one_keeps_it():
    [noise] = parse_sets(["n=noise:1000"])
    few, many = noise.choose(50), noise.choose(200)
    assert (len(few), len(many)) == (50, 200) and few < many <= set(range(1000))
    assert noise.choose(50) == few != noise.choose(50, seed=1)
    # The mean of 200 places of 1,000, drawn without repeats: within five standard errors.
    assert abs(np.mean(list(many)) - 499.5) < 5 * 1000 / np.sqrt(12 * 200)
    assert noise.choose(5000) == set(range(1000))


def test_samples_are_random_already():
    [samples] = parse_sets(["s=sample:1000"])
    assert samples.choose(3) == {0, 1, 2}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
