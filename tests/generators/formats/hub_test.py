"""Handles find what tensorflow_hub has cached, and say what to do where nothing can be fetched."""

from __future__ import annotations

import hashlib
import shutil
import socket
import sys
import urllib.error
import urllib.request

import pytest
from generators import tiny

from tfinv.errors import UserError
from tfinv.generators.load import load_generator

HANDLES = (
    "https://tfhub.dev/deepmind/biggan-128/2",
    "https://www.kaggle.com/models/deepmind/biggan/tensorFlow1/128/2",
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return tiny.dcgan(tmp_path_factory.mktemp("g") / "tiny")


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """No test reaches a network; what was asked for is remembered."""
    addresses = []

    def urlopen(request, *arguments, **options):
        addresses.append(request.full_url)
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service\nnot known"))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return addresses


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("end", ["", "/", "?tf-hub-format=compressed"])
def test_what_is_in_the_cache_needs_no_network(saved, tmp_path, monkeypatch, asked, handle, end):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    shutil.copytree(saved, tmp_path / hashlib.sha1(handle.encode()).hexdigest())
    generator = load_generator(handle + end)
    assert generator.latent_size == tiny.LATENT and generator.path == handle + end
    assert asked == []


@pytest.mark.parametrize("handle", HANDLES)
def test_what_is_nowhere_says_what_to_download_and_what_to_pass(
    tmp_path, monkeypatch, asked, handle
):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(UserError) as raised:
        load_generator(handle)
    text = str(raised.value)
    assert "\n" not in text and "not known" in text and "TFHUB_CACHE_DIR" in text
    assert f"download {handle}?tf-hub-format=compressed elsewhere" in text
    assert "--generator=module.tar.gz" in text
    assert asked == [f"{handle}?tf-hub-format=compressed"]


def test_other_addresses(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(UserError, match="copy the module here"):
        load_generator("gs://bucket/tiny")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
