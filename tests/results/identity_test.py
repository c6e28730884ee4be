"""What a run was made from: kept once, compared ever after."""

from __future__ import annotations

import json
import sys

import pytest

from tfinv.errors import UserError
from tfinv.results.identity import IDENTITY, check_identity


def test_the_same_goes_on_and_what_differs_is_named(tmp_path):
    check_identity(tmp_path, {"generator": "abc", "pictures": 3})
    check_identity(tmp_path, {"generator": "abc", "pictures": 3})
    with pytest.raises(UserError, match="gave 3 pictures and gives 4 now; choose another"):
        check_identity(tmp_path, {"generator": "abc", "pictures": 4})
    with pytest.raises(UserError, match="generator's graph or weights are others"):
        check_identity(tmp_path, {"generator": "abd", "pictures": 3})
    check_identity(tmp_path, {"holes": "abc"})
    with pytest.raises(UserError, match="masks of --holes are others"):
        check_identity(tmp_path, {"holes": "abd"})


def test_what_was_not_known_before_is_added(tmp_path):
    check_identity(tmp_path, {"generator": "abc"})
    check_identity(tmp_path, {"generator": "abc", "pictures": 3})
    assert json.loads((tmp_path / IDENTITY).read_bytes()) == {"generator": "abc", "pictures": 3}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "\xff", "[" * 100_000, '{"generator": null}', '{"pictures": "3"}'],
)
def test_a_damaged_file_is_one_clear_line(text, tmp_path):
    (tmp_path / IDENTITY).write_text(text, "latin-1")
    with pytest.raises(UserError, match="delete it to go on") as raised:
        check_identity(tmp_path, {"generator": "abc", "pictures": 3})
    assert "\n" not in str(raised.value)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
