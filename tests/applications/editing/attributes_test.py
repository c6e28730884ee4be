"""Tables of attributes as users have them, and what is wrong with some."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from generators import tiny

from tfinv.applications.editing.attributes import find_attribute, read_attributes, together
from tfinv.errors import UserError

NAMES = ["a.png", "b.png", "c.png", "d.png"]


def table(tmp_path, text):
    path = tmp_path / "attributes.csv"
    path.write_text(text)
    return path


def test_ones_and_zeros_are_read_by_name_whatever_the_order(tmp_path):
    text = "split,name,old,smiling\n0,c.png,-1,1\n1,other.png,1,1\n2,a.png,1,0\n0,b.png,1,\n"
    found = read_attributes(table(tmp_path, text), NAMES)
    assert found.keys() == {"old", "smiling"}  # a split of 0, 1 and 2 is no attribute
    np.testing.assert_array_equal(found["old"], [1, 1, 0, np.nan])
    np.testing.assert_array_equal(found["smiling"], [0, np.nan, 1, np.nan])


def test_a_column_that_pandas_wrote_with_gaps_is_an_attribute(tmp_path):
    found = read_attributes(table(tmp_path, "name,old\na.png,1.0\nb.png,\nc.png,0.0\n"), NAMES)
    np.testing.assert_array_equal(found["old"], [1, np.nan, 0, np.nan])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'name'"),
        ("picture,old\na.png,1\n", "no column 'name'"),
        ("name,old,old\na.png,1,1\n", "or one twice"),
        ("name,old\na.png,1\nb.png\n", "line 3: has 1 values for 2 columns"),
        ("name,old\na.png,1\na.png,0\n", "line 3: the picture 'a.png' comes twice"),
        ("name,old\nx.png,1\n", "names none of the 4 pictures"),
        ("name,old\na.png,yes\n", "no attribute.*'old' is 'yes' for a.png"),
        ("name;old\na.png;1\n", "with commas"),
    ],
)
def test_a_table_that_cannot_be_meant_is_one_line(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        read_attributes(table(tmp_path, text), NAMES)


def test_what_is_no_table_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_attributes(tmp_path / "nowhere.csv", NAMES)
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(UserError, match="no table of comma-separated values"):
        read_attributes(tmp_path / "a.csv", NAMES)


def test_an_attribute_is_a_column_or_a_class():
    generator, classes = tiny.loaded(), [3, 1, None, 3]
    known = {"old": np.asarray([1.0, 0, 1, 0])}
    assert find_attribute("old", known, classes, generator) is known["old"]
    found = find_attribute("class:3", {}, classes, generator)
    np.testing.assert_array_equal(found, [1, 0, np.nan, 1])
    for name, words in (
        ("odl", "no attribute 'odl'.* has old"),
        ("class:7", "none of the pictures is of that class; there are 1, 3"),
    ):
        with pytest.raises(UserError, match=words):
            find_attribute(name, known, classes, generator)
    with pytest.raises(UserError, match="give a table with --attributes"):
        find_attribute("old", {}, classes, generator)
    with pytest.raises(UserError, match="came without a class"):
        find_attribute("class:3", {}, [None] * 4, generator)


def test_attributes_that_go_together_are_found_with_their_correlation():
    rng = np.random.default_rng(0)
    man = (rng.random(500) < 0.5).astype(float)
    beard = man * (rng.random(500) < 0.6)
    beard[:50] = np.nan
    hat = (rng.random(500) < 0.5).astype(float)
    found = together(beard, {"hat": hat, "man": man, "all": np.ones(500)})
    assert list(found) == ["man"]
    assert found["man"] == pytest.approx(np.corrcoef(beard[50:], man[50:])[0, 1])
    assert list(together(beard, {"woman": 1 - man})) == ["woman"]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
