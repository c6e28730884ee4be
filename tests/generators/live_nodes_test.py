"""How many operations of a BigGAN run at every evaluation; width changes none of it."""

from __future__ import annotations

import sys

import pytest

from tfinv.generators.load import load_generator
from tfinv.networks.biggan import write_biggan


@pytest.fixture(scope="module")
def biggan(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("hub") / "module")
    write_biggan(path, ch=1, classes=5, applications=1)
    return load_generator(path)


@pytest.mark.parametrize(
    ("layer", "free", "nodes"),
    [
        # What z and the label make of the batch norms' gains is computed once a batch.
        ("dense", (), 96),
        # z is optimised with the code (--optimize=code,latent): the gains are live too.
        ("dense", ("latent",), 182),
        ("latent", (), 185),
    ],
)
def test_live_nodes(biggan, layer, free, nodes):
    assert biggan.split(layer, free).live_nodes == nodes


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
