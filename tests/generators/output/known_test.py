"""Published modules are known by their name or by their structure, and nothing else is."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf

from tfinv.generators.output.known import known_range
from tfinv.graph.model import Port

PICTURE = (128, 128, 3)


def found(path: str, node: str = "z", size: int = 512, picture=PICTURE):
    latent = Port("default", f"{node}:0", tf.float32, (None, size))
    known = known_range(path, latent, size, picture)
    return known and known[0]


@pytest.mark.parametrize(
    "path",
    [
        "https://tfhub.dev/google/progan-128/1",
        "gs://tfhub-modules/google/progan-128/1.tar.gz",
        "models/progan-128_1",
        "/home/me/ProGAN-128",
    ],
)
def test_progan_by_its_name(path):
    assert found(path) == "0,1"
    assert found(path, size=256) is None  # another one of that name
    assert found(path, picture=(1024, 1024, 3)) is None


def test_progan_by_its_structure():
    assert found("some/folder", "latent_vector") == "0,1"
    assert found("some/folder", "module/latent_vector") == "0,1"
    assert found("some/folder", "latent_vector", 256) is None


@pytest.mark.parametrize("name", ["biggan-128/2", "biggan-deep-512/1", "bigbigan-resnet50/1"])
def test_biggan_by_its_handle(name):
    assert found(f"https://tfhub.dev/deepmind/{name}", size=120) == "-1,1"


@pytest.mark.parametrize("path", ["some/folder", "progan-1280", "my-biggan", "google/progan-12"])
def test_others_are_not_known(path):
    assert found(path) is None


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
