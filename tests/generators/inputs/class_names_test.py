"""Labels by name: ImageNet's order, synonyms, what is ambiguous and what is unknown."""

from __future__ import annotations

import sys

import pytest

from tfinv.errors import UserError
from tfinv.generators.inputs.class_names import ClassNames, imagenet_names, read_class_names


# Numbers that many published models and tutorials agree on.
@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("tench", 0),
        ("n01440764", 0),
        ("golden retriever", 207),
        ("Golden_Retriever", 207),
        ("tabby", 281),
        ("tabby cat", 281),
        ("tabby, tabby cat", 281),
        ("TIGER CAT", 282),
        ("cheeseburger", 933),
        ("  Volcano ", 980),
        ("bathroom tissue", 999),
        ("cardigan", 474),
        ("Cardigan", 264),
    ],
)
def test_imagenet(name, number):
    assert imagenet_names().find(name) == number


def test_imagenet_has_a_thousand_in_the_order_of_their_synsets():
    names = imagenet_names()
    assert len(names) == 1000 and names[281] == "tabby" and names[999] == "toilet tissue"
    lines = names._lines
    assert lines == sorted(lines) and len({line.split()[0] for line in lines}) == 1000


def refused(call, *words: str) -> None:
    with pytest.raises(UserError) as raised:
        call()
    assert "\n" not in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def test_a_name_of_two_classes():
    refused(lambda: imagenet_names().find("crane"), "2 classes", "134: ", "517: ", "number")


def test_a_name_of_none():
    refused(lambda: imagenet_names().find("tabbby"), "tabbby", "281: n02123045 tabby, tabby cat")
    refused(lambda: imagenet_names().find("terrier"), "nearest", "terrier")
    refused(lambda: imagenet_names().find("qqqqqqqq"), "the first are 0: n01440764 tench")
    refused(lambda: ClassNames(["a", "b"], "two").find(""), "''", "two", "0: a; 1: b")


def test_a_file_of_names(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("# digits\n\nzero, nought\none\n  two \n", "utf-8")
    names = read_class_names(file, 3)
    assert [names[k] for k in range(3)] == ["zero", "one", "two"]
    assert names.find("nought") == 0 and names.find("TWO") == 2
    assert len(read_class_names(file, None)) == 3


def test_files_that_hold_no_names_or_too_few(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("zero\none\n")
    refused(lambda: read_class_names(file, 10), str(file), "holds 2", "10 classes")
    refused(lambda: read_class_names(tmp_path / "none.txt", 10), "cannot be read")
    refused(lambda: read_class_names(tmp_path, 10), "cannot be read")
    file.write_bytes(b"\xff\xfe\x00")
    refused(lambda: read_class_names(file, 10), "UTF-8")
    file.write_text("# nothing\n")
    refused(lambda: read_class_names(file, None), "holds 0", "at least one")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
