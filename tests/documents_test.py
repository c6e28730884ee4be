"""The documents: no link leads nowhere, no placeholder is left, and the commands in them exist."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere_and_nothing_is_left_to_fill_in(path):
    text = path.read_text("utf-8")
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_commands_name_exist(path):
    for name in re.findall(r"(?:--flagfile=|python )((?:configs|tools)/[\w./]+)", path.read_text()):
        assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_the_documents_were_found():
    assert {"README.md", "CHANGELOG.md", "METHOD.md"} <= {path.name for path in DOCUMENTS}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
