"""The layers of an evaluation, if none are named, and what they may cost."""

from __future__ import annotations

import sys

import pytest
from generators import tiny

from tfinv.applications.evaluation.layers import (
    default_budgets,
    default_layers,
    folder_name,
    order_layers,
)
from tfinv.errors import UserError
from tfinv.generators.load import load_generator


def test_of_a_dcgan_they_are_the_thesiss():
    layers = default_layers(load_generator("dcgan_cifar10"))
    assert layers[:2] == ["latent", "dense"] and len(layers) == 4
    # Before the ReLUs, behind the first two transposed convolutions with their batch norms.
    assert [layer.partition("/")[0] for layer in layers[2:]] == ["deconv_1", "deconv_2"]
    assert not any("Relu" in layer for layer in layers)


def test_small_generators_and_those_without_a_dense_layer_have_fewer(tmp_path):
    assert default_layers(tiny.loaded()) == ["latent", "dense"]
    assert default_layers(load_generator(tiny.without_dense(tmp_path / "g"))) == ["latent"]


def test_the_latent_goes_first():
    assert order_layers(["dense", "latent", "x"]) == ["latent", "dense", "x"]
    assert order_layers(["b", "a"]) == ["b", "a"]
    for names, words in (([], "no layer"), (["a/b", "a_b"], "share a folder")):
        with pytest.raises(UserError, match=words):
            order_layers(names)


def test_names_become_those_of_folders():
    assert folder_name("deconv_1/FusedBatchNormV3:0") == "deconv_1_FusedBatchNormV3"
    assert folder_name("latent") == "latent"
    assert folder_name("../..") not in ("", ".", "..") and "/" not in folder_name("../..")


def test_budgets_fall_behind_the_dense_layer():
    budgets = default_budgets(["latent", "dense", "a", "b", "c"], "lbfgs")
    assert budgets[1] > budgets[2] > budgets[3] == budgets[4]
    assert default_budgets(["latent", "a"], "lbfgs") == [budgets[0], budgets[2]]
    assert default_budgets(["latent", "dense"], "adam") == [None, None]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
