"""Starts from what another layer has found, against the network written down in NumPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from applications import photos
from generators import tiny

import tfinv
from tfinv.applications.evaluation.starts import Relay, carried_start, depends_on
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.pictures import Picture
from tfinv.errors import UserError
from tfinv.inversion.starts import stored
from tfinv.results.load import load_results
from tfinv.results.store import Store


@pytest.mark.parametrize("conditional", [False, True])
def test_a_code_is_carried_on_to_a_later_layer(conditional, tmp_path):
    generator = tiny.loaded(conditional)
    labels = [4, 0, 2]
    inverter = tfinv.Inverter(
        generator, "dense", solver="adam", max_evaluations=3, batch_size=3, seed=1
    )
    pictures = [
        Picture(
            k, f"{k}", labels[k] if conditional else None, "", photos.pixels(k) / np.float32(255)
        )
        for k in range(3)
    ]
    with Store(tmp_path, config_text="") as store:
        invert_pictures(inverter, pictures, store)
    start, names = carried_start(tmp_path, generator.split("dense"), "dense")
    assert names == {0: "0", 1: "1", 2: "2"}
    there = load_results(tmp_path)
    gains = tiny.Dcgan().gains.numpy()[labels][:, None, None] if conditional else 1.0
    wanted = np.maximum(there.codes * gains, 0)[[2, 0]]
    got = start.codes(generator.split("open"), [2, 0], 0)
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    np.testing.assert_array_equal(
        start.latents(generator.split("open"), [2, 0], 0), there.latents[[2, 0]]
    )


def test_who_depends_on_whom():
    layers = ["latent", "dense", "a", "b"]
    assert depends_on(layers, "latent", "latent") == []
    assert depends_on(layers, "a", "latent") == ["latent"]
    assert depends_on(layers, "a", "previous") == ["latent", "dense"]
    assert depends_on(layers, "b", "generated") == []
    with pytest.raises(UserError, match="latent"):
        depends_on(["dense", "a"], "a", "latent")


def test_a_relay_starts_where_the_one_behind_it_does():
    split, relay = tiny.loaded().split("dense"), Relay()
    start = relay.as_start()
    first = start.latents(split, [0, 1], 3)
    relay.start = stored(np.zeros((2, split.latent_size)), np.ones((2, *split.code_shape)))
    assert not np.array_equal(first, start.latents(split, [0, 1], 3))
    assert start.codes(split, [0], 3).min() == 1 and start.label_weights(split, [0], 3) is None


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
